"""Words for numbers."""

from __future__ import annotations


def count(number: int, kind: str) -> str:
    """So many of a kind.

    >>> count(1, "row"), count(2000, "row")
    ('1 row', '2,000 rows')
    """
    return f"{number:,} {kind}{'' if number == 1 else 's'}"
