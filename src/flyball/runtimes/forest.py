"""LightGBM's own text as a model that was trained elsewhere: it takes a matrix of its columns and says classes or values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from flyball.core.canonical import canonical
from flyball.runtimes.boosted import THREADS
from flyball.runtimes.columns import Columns
from flyball.runtimes.errors import UnservableError
from flyball.runtimes.matrix import Matrix, MatrixColumn
from flyball.runtimes.model import Files, Floats, Label, ModelManifest
from flyball.runtimes.naming import aligned
from flyball.runtimes.treed import TreedPredictor
from flyball.runtimes.trees import Trees

_CATEGORIES = "pandas_categorical:"


class ForestPredictor(TreedPredictor):
    """A `Predictor` of LightGBM's model file, which carries no code."""

    def __init__(self, manifest: ModelManifest, matrix: Matrix, *, text: str) -> None:
        self.manifest, self.matrix, self._text = manifest, matrix, text
        self._trees = Trees(text, threads=THREADS)
        wanted = len(manifest.classes) if len(manifest.classes) > 2 else 1
        if manifest.task == "classes" and self._trees.n_outputs != wanted:
            raise UnservableError(f"it gives {self._trees.n_outputs} numbers for {len(manifest.classes)} classes")
        if manifest.task == "regression" and self._trees.n_outputs > 1:
            raise UnservableError(f"it gives {self._trees.n_outputs} values for one row")

    def _scores(self, columns: Columns, n_rows: int) -> Floats:
        return self._trees.predict(self.matrix.encode(columns, n_rows))

    def dump(self) -> Files:
        return {"model.lgb": self._text.encode(), "matrix.json": canonical(self.matrix.to_json()).encode()}

    @staticmethod
    def parse(manifest: ModelManifest, files: Files) -> ForestPredictor:
        """The predictor that `dump` wrote."""
        return ForestPredictor(manifest, Matrix.from_json(json.loads(files["matrix.json"])), text=files["model.lgb"].decode())


def forest(text: str, names: Sequence[str], *, dtypes: Mapping[str, str], classes: Sequence[Label] = ()) -> ForestPredictor:
    """The model of LightGBM's `text`; `names` are its columns as they are declared, in any order, `dtypes` the types that are known.

    Without `classes` a model of several outputs has the classes 0, 1, …

    Raises:
        UnservableError: its categories cannot be told apart, or its columns are others than those declared.
        ModelFileError: the text is no model of LightGBM.
    """
    n_outputs = Trees(text, threads=THREADS).n_outputs
    if n_outputs > 1 and not classes:
        classes = range(n_outputs)
    matrix = Matrix(_columns(text, names))
    types = tuple(dtypes.get(column.name, "String" if _are_texts(column) else "Float64") for column in matrix.columns)
    manifest = ModelManifest(
        format="trees", features=matrix.names, dtypes=types, task="classes" if classes else "regression", classes=tuple(classes)
    )
    return ForestPredictor(manifest, matrix, text=text)


def _columns(text: str, names: Sequence[str]) -> tuple[MatrixColumn, ...]:
    names = aligned(_line(text, "feature_names=").split(), names)  # LightGBM writes a blank in a name as an underscore
    categories = json.loads(_line(text, _CATEGORIES) or "null") or []
    # A number's values are written as [least:most], a category's as a list of codes.
    places = [place for place, info in enumerate(_line(text, "feature_infos=").split()) if info[0] not in "[n"]
    if categories and len(places) != len(categories):
        raise UnservableError("some of its categories were never split on, so that their codes are unknown. Log it as ONNX or a pickle")
    levels = dict(zip(places, categories, strict=True)) if categories else {}
    return tuple(MatrixColumn(name, tuple(levels[place]) if place in levels else None) for place, name in enumerate(names))


def _line(text: str, start: str) -> str:
    found = re.search(rf"^{re.escape(start)}(.*)$", text, re.MULTILINE)
    return found[1] if found else ""


def _are_texts(column: MatrixColumn) -> bool:
    return column.levels is not None and all(isinstance(level, str) for level in column.levels)
