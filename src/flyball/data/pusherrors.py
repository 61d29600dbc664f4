"""What can be wrong with a body of rows, before any of its rows is judged; nothing of such a body is kept."""

from __future__ import annotations

from flyball.core.errors import ConflictError, InvalidError


class BrokenBodyError(InvalidError):
    """Bytes that are not what they are said to be."""

    code = "broken-body"

    def __init__(self, form: str, why: str) -> None:
        super().__init__(f"The body is not {form}: {why.rstrip('.')}. Nothing of it was kept; send it whole again.")
        self.form, self.why = form, why


class BrokenJsonRowsError(BrokenBodyError):
    """Not JSON."""

    code = "broken-json"


class NothingPushedError(ConflictError):
    """A dataset whose rows come by themselves, and have not come yet."""

    code = "nothing-pushed"

    def __init__(self, dataset: str, source: str) -> None:
        super().__init__(
            f"Dataset {dataset!r} has no rows yet, and nothing says what they look like; they come from {source}. Push its first rows to a "
            f"server whose project declares it, or write its contract into contracts/{dataset}.yaml beside the project file."
        )


class ArrowKindError(InvalidError):
    """An Arrow stream with something that rows have no use for."""

    code = "arrow-kind"

    def __init__(self, what: str, *, hint: str) -> None:
        super().__init__(f"The Arrow stream has {what}. {hint}.")
