"""Inputs of derived datasets as they lie in their sources: for a look at what would be derived, of which nothing is stored."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

import polars as pl

from flyball.core.canonical import digest
from flyball.data.batch import Batch
from flyball.data.contracts.compiled import compile_contract
from flyball.data.contracts.judging import Look
from flyball.data.derivation.inputs import Input
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, TIME, Dataset
from flyball.data.sources.port import Opener, Surroundings


@dataclass(frozen=True)
class UnstoredInputs:
    """The `Inputs` of those who keep nothing: each dataset's rows are read once, and held. Not thread-safe."""

    sources: Opener
    around: Surroundings
    history: timedelta | None
    _read: dict[str, pl.DataFrame] = field(default_factory=dict)

    def latest(self, dataset: Dataset, *, source: str) -> Input:
        """See `Inputs`; what cannot be read raises as its source does."""
        del source
        rows = self._rows(dataset)
        return Input(1, digest({"name": dataset.name, "rows": rows.height}), dataset.name, corrected=True)

    def scan(self, dataset: Dataset, found: Input, *, after: int = 0) -> pl.LazyFrame:
        """See `Inputs`."""
        del found, after
        return self._rows(dataset).lazy()

    def stored(self, name: str, *, source: str) -> pl.LazyFrame | None:
        """See `Inputs`: nothing is stored."""
        del name, source
        return None

    def _rows(self, dataset: Dataset) -> pl.DataFrame:
        if dataset.name not in self._read:
            self._read[dataset.name] = self._judged(dataset)
        return self._read[dataset.name]

    def _judged(self, dataset: Dataset) -> pl.DataFrame:
        scratch = self.around.scratch / f"input-{dataset.name}"
        around = replace(self.around, dataset=dataset.name, scratch=scratch / "source", inputs=self)
        with self.sources(dataset.source, around) as source:
            batch = Batch.find(dataset, source, scratch=scratch)
            contract = batch.infer(self.history)
            compiled, schema = compile_contract(dataset, contract), {**contract.schema, EVENT_TIME: TIME, KNOWN_TIME: TIME}
            chunks = [
                compiled.judge(cells, place=part.name, look=Look()).good.select(list(schema))
                for part in batch.files
                for cells in batch.read(part)
            ]
        return pl.concat([pl.DataFrame(schema=schema), *chunks]).with_row_index(ARRIVAL).with_columns(pl.col(ARRIVAL).cast(pl.Int64))
