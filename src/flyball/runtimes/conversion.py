"""A model that carries code, written anew in a form that carries none, where that form answers the same.

Runs the model's code: in a process of its own, which reads the model and writes the result and nothing else. What was tried, and how
like the original it was, is told whatever comes of it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import polars as pl

from flyball.core.errors import FlyballError
from flyball.runtimes.errors import NotConvertibleError
from flyball.runtimes.estimator import EstimatorPredictor
from flyball.runtimes.files import describe, load
from flyball.runtimes.likeness import Likeness, compare
from flyball.runtimes.mlmodel import parse
from flyball.runtimes.model import ModelManifest, Predictor, Task
from flyball.runtimes.packing import Packed, TakenColumn
from flyball.runtimes.sampling import Samples, logged_rows, samples

TOLERANCE = 1e-5
"""Of probabilities, and of values relative to their size: what arithmetic in single precision costs."""
_TYPES: Mapping[str, pl.DataType] = {
    "Boolean": pl.Boolean(), "Int32": pl.Int32(), "Int64": pl.Int64(), "Float32": pl.Float32(), "Float64": pl.Float64(),
    "String": pl.String(), "Datetime(time_unit='us', time_zone=None)": pl.Datetime("us"),
}  # fmt: skip
_LONGEST_REASON = 300


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A form that was tried: how like the original it answers, or why it could not be made."""

    form: str
    likeness: Likeness | None = None
    reason: str = ""

    @property
    def same(self) -> bool:
        return self.likeness is not None and self.likeness.same

    def to_json(self) -> dict[str, Any]:
        return {"form": self.form, "likeness": None if self.likeness is None else self.likeness.to_json(), "reason": self.reason}


@dataclass(frozen=True, kw_only=True)
class Converted:
    """What came of it: the form that stands in for the original, or none; and everything that was tried."""

    attempts: tuple[Attempt, ...]
    packed: Packed | None = None
    warnings: tuple[str, ...] = field(default=())


class StepTask(Protocol):
    """A step's task, as far as it is asked here."""

    inputs: dict[str, Path]

    def output(self, name: str) -> Path: ...


def step(task: StepTask) -> dict[str, Any]:
    """Convert the packed model at the input "model" into "model.bin" among the outputs, if a form is found; what was tried."""
    found = convert(task.inputs["model"])
    if found.packed is not None:
        task.output("model.bin").write_bytes(found.packed.archived())
    attempts = [attempt.to_json() for attempt in found.attempts]
    return {"form": None if found.packed is None else found.packed.manifest.format, "attempts": attempts, "warnings": list(found.warnings)}


def convert(path: Path) -> Converted:
    """The packed model at `path` in the first form without code that answers as it does. Runs the code that it carries.

    Raises:
        NotConvertibleError: it is a function, or says of itself neither columns nor how many.
        FlyballError: it cannot be loaded.
    """
    packed = Packed.parse(path.read_bytes())
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        original = load(path, allow_code=True)
    heard = tuple(sorted({f"{type(one.message).__name__}: {one.message}"[:_LONGEST_REASON] for one in told}))[:10]
    if not isinstance(original, EstimatorPredictor):
        raise NotConvertibleError("it is a Python function, which has no other form. Log the fitted model by its own flavor")
    takes = packed.takes or _takes_of(original)
    rows = _samples(packed, original, takes=takes)
    attempts: list[Attempt] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for form, tolerance, make in _forms(original, takes):
            made, attempt = _tried(form, make, original=original, rows=rows, tolerance=tolerance)
            attempts.append(attempt)
            if made is not None and attempt.same:
                return Converted(attempts=tuple(attempts), packed=Packed(made.manifest, made.dump(), tuple(takes)), warnings=heard)
    return Converted(attempts=tuple(attempts), warnings=heard)


def _tried(
    form: str, make: Callable[[], Predictor], *, original: EstimatorPredictor, rows: Samples, tolerance: float
) -> tuple[Predictor | None, Attempt]:
    try:
        made = make()
        likeness = compare(original, made, samples=rows, tolerance=tolerance)
    except Exception as error:  # noqa: BLE001 - libraries that convert raise anything; the reason is kept
        said = str(error) if isinstance(error, FlyballError) else f"{type(error).__name__}: {error}"
        return None, Attempt(form=form, reason=" ".join(said.split())[:_LONGEST_REASON])
    if likeness.never_null:
        from flyball.runtimes.onnxmodel import OnnxPredictor

        if isinstance(made, OnnxPredictor):
            made = OnnxPredictor.parse(made.manifest, made.dump(), never_null=likeness.never_null)
    return made, Attempt(form=form, likeness=likeness, reason="" if likeness.same else _difference_of(likeness))


def _difference_of(likeness: Likeness) -> str:
    if likeness.refused:
        return f"it answers {likeness.refused} of {likeness.rows} rows that the original refuses, such as values that it has not seen"
    if likeness.labels:
        return f"it says another class of {likeness.labels} of {likeness.rows} rows"
    return f"it differs by {likeness.max_abs_diff:.3g}, and at most {likeness.tolerance:g} is allowed"


def _takes_of(original: EstimatorPredictor) -> tuple[TakenColumn, ...]:
    names = original.description.features or tuple(str(place) for place in range(getattr(original.fitted, "n_features_in_", 0)))
    if not names:
        raise NotConvertibleError("it has no signature, and does not know how many columns it was fitted with. Log it with a signature")
    return tuple(TakenColumn(name, "Float64") for name in names)


def _samples(packed: Packed, original: EstimatorPredictor, *, takes: tuple[TakenColumn, ...]) -> Samples:
    inner = {name.removeprefix("mlflow/"): data for name, data in packed.files.items() if name.startswith("mlflow/")}
    logged = logged_rows(parse(inner), inner) if inner else None
    return samples({column.name: _TYPES[column.dtype] for column in takes}, logged, texts=sorted(_texts(original.fitted))[:100])


def _texts(fitted: Any, depth: int = 0) -> Iterator[str]:
    """The texts that encoders inside of a fitted object know."""
    for categories in getattr(fitted, "categories_", ()) if depth < 8 else ():
        yield from (value for value in np.asarray(categories).tolist() if isinstance(value, str))
    inner = [*(getattr(fitted, "steps", None) or ()), *(getattr(fitted, "transformers_", None) or ())]
    for item in inner if depth < 8 else ():
        yield from _texts(item[1], depth + 1)


def _forms(original: EstimatorPredictor, takes: tuple[TakenColumn, ...]) -> Iterator[tuple[str, float, Callable[[], Predictor]]]:
    """Forms to try, each with how far it may differ."""
    fitted, library = original.fitted, type(original.fitted).__module__.partition(".")[0]
    dtypes = {column.name: column.dtype for column in takes}
    told = describe(original)
    if library == "lightgbm":
        yield "LightGBM's own", 0.0, partial(_lightgbm, fitted, dtypes, original=original)
    elif library == "xgboost":
        yield "XGBoost's own", 0.0, partial(_xgboost, fitted, dtypes, original=original)
    else:
        from flyball.runtimes.onnxconvert import graphs

        manifest = _manifest("onnx", takes, task=told.task, original=original)
        for way, make in graphs(fitted, manifest, schema={name: _TYPES[dtype] for name, dtype in dtypes.items()}):
            yield f"ONNX, {way}", TOLERANCE, make
    yield "skops", 0.0, partial(_skops, fitted, _manifest("skops", takes, task=told.task, original=original))


def _manifest(form: Any, takes: tuple[TakenColumn, ...], *, task: Task, original: EstimatorPredictor) -> ModelManifest:
    names, dtypes = tuple(column.name for column in takes), tuple(column.dtype for column in takes)
    return ModelManifest(format=form, features=names, dtypes=dtypes, task=task, classes=original.description.classes)


def _lightgbm(fitted: Any, dtypes: Mapping[str, str], *, original: EstimatorPredictor) -> Predictor:
    from flyball.runtimes.forest import forest

    booster = getattr(fitted, "booster_", fitted)
    best = getattr(fitted, "best_iteration_", None) or -1
    return forest(booster.model_to_string(num_iteration=best), list(dtypes), dtypes=dtypes, classes=original.description.classes)


def _xgboost(fitted: Any, dtypes: Mapping[str, str], *, original: EstimatorPredictor) -> Predictor:
    from flyball.runtimes.xgboosted import boosted

    booster = fitted.get_booster() if hasattr(fitted, "get_booster") else fitted
    model = boosted(bytes(booster.save_raw("ubj")), list(dtypes), classes=original.description.classes)
    manifest = replace(model.manifest, dtypes=tuple(dtypes[name] for name in model.matrix.names))
    return type(model)(manifest, model.matrix, data=model.dump()["model.ubj"])


def _skops(fitted: Any, manifest: ModelManifest) -> Predictor:
    import skops.io  # type: ignore[import-untyped]  # it ships no types

    from flyball.runtimes.skopsfile import load_skops, untrusted

    data = skops.io.dumps(fitted)
    if foreign := untrusted(data):
        raise NotConvertibleError(f"its file would name types that are not on our list: {', '.join(foreign[:6])}")
    return EstimatorPredictor(manifest, load_skops(data), files={"model.skops": data})
