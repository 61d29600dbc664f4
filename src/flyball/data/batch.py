"""What lies in a source now: its parts, read at most once each, and the contract inferred from them where there is none yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from flyball.core.ids import Digest
from flyball.data.contracts.model import Contract
from flyball.data.inferring import infer_contract
from flyball.data.model import Dataset, SourceFile
from flyball.data.sources.port import OpenSource, Seen
from flyball.data.spill import Spill

KEPT_BYTES = 128 << 20


@dataclass
class Batch:
    """The parts of one pull, in their order. Not thread-safe.

    What was read to infer a contract is kept until it is judged: in memory while it is little, else in `scratch`.
    """

    dataset: Dataset
    source: OpenSource
    files: Sequence[SourceFile]
    scratch: Path
    _kept: dict[Digest, Spill] = field(default_factory=dict)

    @classmethod
    def find(cls, dataset: Dataset, source: OpenSource, *, scratch: Path, seen: Seen | None = None) -> Batch:
        """The source's parts and their digests; nothing is parsed yet.

        Raises:
            SourceMissingError: there is no data file.
            SourceChangedError: a file changed meanwhile.
        """
        return cls(dataset, source, source.find(seen or Seen()), scratch)

    def without(self, digests: Iterable[str]) -> Batch:
        """The batch without the parts of these digests."""
        known = set(digests)
        return Batch(self.dataset, self.source, [part for part in self.files if part.digest not in known], self.scratch, self._kept)

    def infer(self, history: timedelta | None, *, known_by: datetime | None = None) -> Contract:
        """The contract that the rows of the first `history` keep, or all; see `infer_contract`.

        Raises:
            NothingKnownError: no row is known by `known_by`.
            UnknownColumnError: a part lacks a column that the declaration has.
            EventTimeError: not one row has an event time.
        """
        for part in self.files:
            self._keep(part)
        parts = {part.name: self._kept[part.digest] for part in self.files}
        return infer_contract(self.dataset, parts, history=history, known_by=known_by)

    def read(self, part: SourceFile) -> Iterator[pl.DataFrame]:
        """The part's rows as they are there, in chunks.

        Raises:
            SourceChangedError: it is not what was found.
        """
        kept = self._kept.get(part.digest)
        return self.source.read(part) if kept is None else iter(kept)

    def check_unchanged(self) -> None:
        """Every part still is what was read.

        Raises:
            SourceChangedError: one is gone or has other content.
        """
        self.source.check_unchanged()

    def _keep(self, part: SourceFile) -> None:
        if part.digest in self._kept:
            return
        room = KEPT_BYTES - sum(kept.held_bytes for kept in self._kept.values())
        kept = Spill(self.scratch / f"raw-{len(self._kept)}", held_bytes=max(0, room))
        for chunk in self.source.read(part):
            kept.add(chunk)
        self._kept[part.digest] = kept
