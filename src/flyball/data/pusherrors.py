"""What can be wrong with a body of rows, before any of its rows is judged; nothing of such a body is kept."""

from __future__ import annotations

from flyball.core.errors import InvalidError


class BrokenBodyError(InvalidError):
    """Bytes that are not what they are said to be."""

    code = "broken-body"

    def __init__(self, form: str, why: str) -> None:
        super().__init__(f"The body is not {form}: {why.rstrip('.')}. Nothing of it was kept; send it whole again.")
        self.form, self.why = form, why


class BrokenJsonRowsError(BrokenBodyError):
    """Not JSON."""

    code = "broken-json"


class ArrowKindError(InvalidError):
    """An Arrow stream with something that rows have no use for."""

    code = "arrow-kind"

    def __init__(self, what: str, *, hint: str) -> None:
        super().__init__(f"The Arrow stream has {what}. {hint}.")
