"""All promises about one dataset, side by side."""

from __future__ import annotations

from dataclasses import dataclass

from flyball.data.contracts.model import Contract
from flyball.data.contracts.promises import RowPromise
from flyball.data.contracts.wholes import Whole
from flyball.data.declared.check import Severity
from flyball.data.model import Dataset


@dataclass(frozen=True)
class Promised:
    """What a contract and its dataset promise, proved.

    `cells` are the promises about cells as they came (types, and nulls that set a row aside), `rows` those about typed values,
    `wholes` those about all rows together.
    """

    dataset: Dataset
    contract: Contract
    cells: tuple[RowPromise, ...]
    rows: tuple[RowPromise, ...]
    wholes: tuple[Whole, ...]

    @property
    def strict(self) -> tuple[RowPromise, ...]:
        """The promises of which one broken sets the row aside."""
        return tuple(promise for promise in self.rows if promise.severity is Severity.QUARANTINE)

    @property
    def lenient(self) -> tuple[RowPromise, ...]:
        """The promises that a row may break and be taken nevertheless."""
        return tuple(promise for promise in self.rows if promise.severity is not Severity.QUARANTINE)
