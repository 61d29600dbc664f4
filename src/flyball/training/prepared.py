"""Rows encoded once for many fits."""

from __future__ import annotations

from dataclasses import dataclass

from flyball.runtimes.encoder import Encoder
from flyball.runtimes.model import Floats, Format, ModelManifest
from flyball.training.model import TaskName
from flyball.training.rows import Rows


@dataclass(frozen=True)
class Prepared:
    """Rows as numbers, by an encoder that saw these rows alone; `matrix` is ``(n_rows, n_features)``."""

    encoder: Encoder
    matrix: Floats
    label: Floats
    dtypes: tuple[str, ...]
    task: TaskName
    seed: int

    @staticmethod
    def of(rows: Rows, task: TaskName, *, seed: int) -> Prepared:
        """Fit the encoder on the rows and encode them."""
        encoder = Encoder.fit(rows.features)
        dtypes = tuple(str(dtype) for dtype in rows.features.dtypes)
        return Prepared(encoder, encoder.transform(rows.features), rows.label, dtypes, task, seed)

    def manifest(self, runtime: Format) -> ModelManifest:
        """The manifest of a model fitted on these rows."""
        return ModelManifest(format=runtime, features=tuple(self.encoder.names), dtypes=self.dtypes, task=self.task)
