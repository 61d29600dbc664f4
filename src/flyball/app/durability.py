"""Of which datasets every pushed row is on the disk before it is acknowledged, and of which it is in the system's hands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

VARIABLE = "FLYBALL_FSYNC_ROWS"
"""The setting: "all", or the names of datasets with commas between them."""


@dataclass(frozen=True, slots=True)
class Durability:
    """`datasets` outlive a power cut as well; the others the death of every process, which costs a tenth of the time."""

    datasets: frozenset[str] = frozenset()
    whole: bool = False

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """What the setting says; without one no dataset is named.

        >>> Durability.of({"FLYBALL_FSYNC_ROWS": "sales, visits"}).fsync("visits")
        'each'
        """
        names = frozenset(name.strip() for name in environment.get(VARIABLE, "").split(",")) - {""}
        return cls(names, whole="all" in names)

    def fsync(self, dataset: str) -> Literal["never", "each"]:
        """How the journal of the dataset writes."""
        return "each" if self.whole or dataset in self.datasets else "never"
