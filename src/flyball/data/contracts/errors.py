"""What can be wrong with a promise; each error says which check it is and what to write instead."""

from __future__ import annotations

from flyball.core.errors import InvalidError


class CheckError(InvalidError):
    """A check that can never be evaluated, or a severity that it cannot have."""

    code = "check"

    def __init__(self, check: str, why: str) -> None:
        super().__init__(f"The check {check!r} cannot be used: {why}.")
        self.check, self.why = check, why


class ExpressionError(InvalidError):
    """A text that is no expression of ours; says where."""

    code = "check-expression"

    def __init__(self, text: str, place: int, *, why: str) -> None:
        near = f"at character {place + 1} ({text[place : place + 20]!r})" if place < len(text) else "at its end"
        shown = text if len(text) <= 120 else text[:117] + "..."
        super().__init__(f"The expression {shown!r} cannot be read {near}: {why}.")
        self.text, self.place, self.why = text, place, why
