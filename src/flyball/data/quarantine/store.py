"""The port of decisions on quarantined rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from flyball.data.quarantine.model import Decision


class DecisionStore(Protocol):
    """The last decision on each quarantined row. Writes join the transaction that is open in their thread. Thread- and process-safe."""

    def find(self, dataset: str, rows: Sequence[str]) -> Mapping[str, Decision]:
        """The decisions on those of `rows` that somebody decided on, by row."""
        ...

    def set(self, dataset: str, decisions: Sequence[Decision]) -> None:
        """Let these be the last decisions on their rows."""
        ...

    def delete(self, dataset: str, rows: Sequence[str]) -> None:
        """Nobody has decided on `rows`."""
        ...

    def list_open(self, dataset: str) -> Sequence[Decision]:
        """The decisions whose batch has no version, by row."""
        ...

    def count(self, dataset: str | None = None) -> Mapping[str, Mapping[int, int]]:
        """How many rows went into which version, by dataset."""
        ...
