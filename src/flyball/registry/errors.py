"""What the registry refuses.

::

    NotFoundError
    ├── VersionNotFoundError     no such model, or no such version of it
    └── EvidenceNotFoundError    a version that has not been evaluated
    ConflictError
    ├── VersionExistsError       a number that is taken
    └── IllegalVersionMoveError  a state that cannot follow
    IntegrityError
    └── VersionDamagedError      a row that no version ever had
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flyball.core.errors import ConflictError, IntegrityError, NotFoundError

_DASH = "\N{EN DASH}"


def ranges(numbers: Iterable[int]) -> str:
    r"""The numbers in order, runs of three and more as a range.

    >>> ascii(ranges([1, 2, 3, 7, 9, 10]))
    "'1\\u20133, 7, 9, 10'"
    """
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}{_DASH}{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


class VersionNotFoundError(NotFoundError):
    """No such version of the model."""

    code = "version-not-found"

    def __init__(self, model: str, number: int, *, versions: Sequence[int]) -> None:
        found = f"versions: {ranges(versions)}" if versions else "it has none yet"
        super().__init__(f"Model '{model}' has no version {number}; {found}. List them with `flyball ls versions {model}`.")
        self.model, self.number = model, number


class EvidenceNotFoundError(NotFoundError):
    """The version has not been evaluated."""

    code = "evidence-not-found"

    def __init__(self, model: str, number: int) -> None:
        super().__init__(f"Version {number} of model '{model}' has no evidence. Evaluate it first: the gates read nothing else.")


class VersionExistsError(ConflictError):
    """The number is taken."""

    code = "version-exists"

    def __init__(self, model: str, number: int) -> None:
        super().__init__(f"Model '{model}' already has a version {number}. Register again: the next free number is given.")


class IllegalVersionMoveError(ConflictError):
    """The state cannot follow the one that stands."""

    code = "illegal-version-move"

    def __init__(self, model: str, number: int, *, state: str, asked: str, legal: Sequence[str]) -> None:
        allowed = f"from there it may become: {', '.join(legal)}" if legal else "nothing follows that state"
        super().__init__(f"Version {number} of model '{model}' is {state} and cannot become {asked}; {allowed}.")
        self.state, self.asked = state, asked


class VersionDamagedError(IntegrityError):
    """What is stored of the version is none."""

    code = "version-damaged"

    def __init__(self, model: str, number: int, *, why: str) -> None:
        super().__init__(
            f"What is stored of version {number} of model '{model}' is damaged: {why[:200]}. Put the database of a backup in its place."
        )
