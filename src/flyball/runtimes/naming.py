"""Whose column is whose: the names that a model's own file has, and those that its signature declares."""

from __future__ import annotations

from collections.abc import Sequence

from flyball.runtimes.errors import UnservableError

_SHOWN = 12


def aligned(own: Sequence[str], declared: Sequence[str]) -> tuple[str, ...]:
    """The declared names in the order of the model's columns, whatever order they were declared in.

    `own` are the model's names, where a blank may stand as an underscore. A model that has none of the declared names was fitted without
    names, or with others: then the place counts. Without a declaration they are `own`.

    Raises:
        UnservableError: the model has some of the names and not the others, or another number of columns.

    >>> aligned(["mean_age", "visits"], ["visits", "mean age"])
    ('mean age', 'visits')
    >>> aligned(["Column_0", "Column_1"], ["visits", "mean age"])
    ('visits', 'mean age')
    """
    if not declared:
        return tuple(own)
    told = {name: name for name in declared} | {_plain(name): name for name in declared if _plain(name) not in declared}
    strange = [name for name in own if name not in told]
    if len(own) != len(declared) or (strange and len(strange) < len(own)):
        raise _others(own, declared)
    return tuple(declared) if strange else tuple(told[name] for name in own)


def check_named(own: Sequence[str], declared: Sequence[str]) -> None:
    """Each of the model's columns is declared, and no other; or nothing is declared.

    Raises:
        UnservableError: it is not so.
    """
    if declared and set(own) != set(declared):
        raise _others(own, declared)


def _others(own: Sequence[str], declared: Sequence[str]) -> UnservableError:
    return UnservableError(f"it takes {_shown(own)}, and its signature says {_shown(declared)}")


def _plain(name: str) -> str:
    return name.replace(" ", "_")


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{len(names)} column{'' if len(names) == 1 else 's'} ({', '.join(names[:_SHOWN])}{more})"
