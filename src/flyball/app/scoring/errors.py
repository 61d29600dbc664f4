"""What batch scoring refuses."""

from __future__ import annotations

from collections.abc import Iterable

from flyball.core.errors import ConflictError, InvalidError, UnavailableError


class ScoringInputError(InvalidError):
    """Nothing whose rows could be scored."""

    code = "scoring-input"

    def __init__(self, given: str, why: str) -> None:
        super().__init__(f"The rows of {given!r} cannot be scored: {why.rstrip('.')}.")


class ScoringColumnsError(InvalidError):
    """Rows without columns that the version takes."""

    code = "scoring-columns"

    def __init__(self, missing: Iterable[str], *, found: Iterable[str]) -> None:
        super().__init__(f"The rows have no {', '.join(map(repr, missing))}, which the version takes; they have {', '.join(found)}.")


class ScoringTableError(InvalidError):
    """A name that scores cannot have."""

    code = "scoring-table"

    def __init__(self, name: str) -> None:
        super().__init__(f"Scores cannot go to the table {name!r}: its name is one of Flyball's own. Choose another, as 'scores.late'.")


class NothingServedError(ConflictError):
    """No plan says what answers."""

    code = "nothing-served"

    def __init__(self) -> None:
        super().__init__("No model server has served this home yet, so that nothing says what answers. Start `flyball up`, and come back.")


class ScoringStoppedError(UnavailableError):
    """A process of a scoring has ended before its rows were scored; what it did is kept."""

    code = "scoring-stopped"

    def __init__(self, why: str) -> None:
        super().__init__(f"The scoring stopped: {why.rstrip('.')}. Run the same command again: it goes on where it is.")
