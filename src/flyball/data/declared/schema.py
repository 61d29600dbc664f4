"""A pandera schema as promises: what it says of columns and their values becomes checks; what it cannot be is refused by name.

Read by its shape, without importing pandera: a schema for Polars and one for pandas say the same in the same words.
"""

from __future__ import annotations

from flyball.data.declared.check import Check


def schema_checks(schema: object) -> tuple[Check, ...]:
    """The checks that `schema` makes."""
    raise NotImplementedError(schema)
