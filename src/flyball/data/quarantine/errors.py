"""What can be wrong with what is asked of a quarantine; each error names what to do next."""

from __future__ import annotations

from collections.abc import Iterable

from flyball.core.errors import ConflictError, InvalidError, NotFoundError


class QuarantinedRowNotFoundError(NotFoundError):
    """No row of that id was set aside."""

    code = "quarantined-row-not-found"

    def __init__(self, dataset: str, row: str) -> None:
        super().__init__(
            f"Dataset {dataset!r} has no quarantined row {row[:80]!r}. List those that there are with: flyball quarantine list {dataset}"
        )
        self.dataset, self.row = dataset, row


class RowReadmittedError(ConflictError):
    """A quarantined row that is in the dataset already."""

    code = "row-readmitted"

    def __init__(self, dataset: str, row: str, *, version: int) -> None:
        super().__init__(
            f"Row {row} of dataset {dataset!r} was re-admitted into version {version} and cannot be repaired any more. "
            "Bring other values as a correction: a later row of the same key."
        )
        self.row, self.version = row, version


class RepairError(InvalidError):
    """Cells that no row can have."""

    code = "repair"

    def __init__(self, row: str, why: str) -> None:
        super().__init__(f"Row {row[:80]} cannot be repaired so: {why}. Nothing was kept.")
        self.row, self.why = row, why


class QuarantineFileError(InvalidError):
    """A file of repaired rows that cannot be used."""

    code = "quarantine-file"

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path} cannot be used: {why}. Make one with `flyball quarantine export DATASET`, and change its cells.")


class PageTokenError(InvalidError):
    """Not a place in a quarantine."""

    code = "page-token"

    def __init__(self, token: str) -> None:
        super().__init__(f"{token[:40]!r} is no page's token. Send the one that the page before gave as 'next', or none.")


class RowStateError(InvalidError):
    """Not a state of quarantined rows."""

    code = "row-state"

    def __init__(self, state: str, known: Iterable[str]) -> None:
        super().__init__(f"There is no state {state[:40]!r} of quarantined rows; there are: {', '.join(known)}.")


class HeldBeforeError(ConflictError):
    """A version that waits for a person stands before a re-admission."""

    code = "held-before"

    def __init__(self, dataset: str, number: int) -> None:
        super().__init__(
            f"Version {number} of dataset {dataset!r} is held, and what is re-admitted would stand after it. "
            f"First decide on it: `flyball release {dataset}@{number}` or `flyball reject {dataset}@{number}`."
        )
        self.dataset, self.number = dataset, number


class NothingToJudgeByError(ConflictError):
    """A dataset that has no contract yet."""

    code = "no-contract"

    def __init__(self, dataset: str) -> None:
        super().__init__(f"Dataset {dataset!r} has no contract yet, because it was never ingested. Ingest it: flyball ingest {dataset}")
