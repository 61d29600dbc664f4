"""A model that carries code, written anew in a form that carries none, where that form answers the same; and what either costs.

Runs the model's code: in a process of its own, which reads the model and writes the result and nothing else. What was tried, and how
like the original it was, is told whatever comes of it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import polars as pl

from flyball.core.clock import MonotonicTimer
from flyball.core.errors import FlyballError
from flyball.runtimes.costing import Measured, measure
from flyball.runtimes.errors import NotConvertibleError
from flyball.runtimes.files import describe, load
from flyball.runtimes.forms import Form, Original, Wanted, forms
from flyball.runtimes.likeness import Likeness, compare
from flyball.runtimes.mlmodel import parse
from flyball.runtimes.model import Predictor
from flyball.runtimes.packing import Packed, TakenColumn
from flyball.runtimes.sampling import Samples, logged_rows, samples

SCORE = "score"
"""The column of real rows that says what the model answered when it was made."""
RELOADED = 1e-5
"""So much it may differ from that: another processor adds in another order."""
_LONGEST_REASON = 300


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A form that was tried: how like the original it answers, or why it could not be made."""

    form: str
    likeness: Likeness | None = None
    reason: str = ""

    @property
    def same(self) -> bool:
        return self.likeness is not None and self.likeness.same and not self.reason

    def to_json(self) -> dict[str, Any]:
        return {"form": self.form, "likeness": None if self.likeness is None else self.likeness.to_json(), "reason": self.reason}


@dataclass(frozen=True, kw_only=True)
class Converted:
    """What came of it: the form that stands in for the original, or none; everything that was tried, and what was measured.

    `cost` is what the form that stands in costs, `original_cost` what the original did; None where it could not be asked.
    """

    attempts: tuple[Attempt, ...] = ()
    packed: Packed | None = None
    warnings: tuple[str, ...] = field(default=())
    cost: Measured | None = None
    original_cost: Measured | None = None
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "form": None if self.packed is None else self.packed.manifest.format,
            "attempts": [attempt.to_json() for attempt in self.attempts],
            "warnings": list(self.warnings),
            "cost": None if self.cost is None else self.cost.to_json(),
            "original_cost": None if self.original_cost is None else self.original_cost.to_json(),
            "reason": self.reason,
        }


class StepTask(Protocol):
    """A step's task, as far as it is asked here."""

    inputs: dict[str, Path]

    def output(self, name: str) -> Path: ...


def step(task: StepTask) -> dict[str, Any]:
    """Convert the packed model at the input "model" into "model.bin" among the outputs, if a form is found; what was tried and measured.

    The input "rows" may be real rows to compare on, as Arrow IPC.
    """
    found = convert(task.inputs["model"], rows=task.inputs.get("rows"))
    if found.packed is not None:
        task.output("model.bin").write_bytes(found.packed.archived())
    return found.to_json()


def convert(path: Path, *, rows: Path | None = None) -> Converted:
    """The packed model at `path` in the first form without code that answers as it does. Runs the code that it carries.

    A model that carries none, or is no fitted object, is measured alone.

    Raises:
        FlyballError: it cannot be loaded.
    """
    packed = Packed.parse(path.read_bytes())
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        original = load(path, allow_code=True)
    heard = tuple(sorted({f"{type(one.message).__name__}: {one.message}"[:_LONGEST_REASON] for one in told}))[:10]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = _fitted(original) if packed.manifest.apart else None
        wanted = _wanted(packed, original, fitted=fitted)
        if wanted is None:
            return Converted(warnings=heard, reason="" if fitted is None else _UNTOLD)
        real = None if rows is None else pl.read_ipc(rows)
        drawn = _samples(packed, fitted, schema=wanted.schema, real=real)
        attempts, made = _converted(fitted, wanted, rows=drawn) if fitted is not None else (_reloaded(original, real), None)
        stands_in = None if made is None else Packed(made.manifest, made.dump(), tuple(wanted.takes))
        cost = None if made is None else _cost(made, drawn.usual)
    reason = "" if fitted is not None or not packed.manifest.apart else _FUNCTION
    return Converted(
        attempts=tuple(attempts), packed=stands_in, warnings=heard, cost=cost, original_cost=_cost(original, drawn.usual), reason=reason
    )


_FUNCTION = "It is no fitted object of a library that we know, and has no other form."
_UNTOLD = "It has no signature, and does not know how many columns it was fitted with. Log it with a signature."


def _converted(original: Original, wanted: Wanted, *, rows: Samples) -> tuple[list[Attempt], Predictor | None]:
    attempts: list[Attempt] = []
    for form in forms(original, wanted, sample=rows.usual.head(1)):
        made, attempt = _tried(form, original=original, rows=rows)
        attempts.append(attempt)
        if attempt.same:
            return attempts, made
    return attempts, None


def _reloaded(model: Predictor, rows: pl.DataFrame | None) -> list[Attempt]:
    """Whether a model scores rows of its training as it did then, where they tell: it was written and read since."""
    task = model.manifest.task
    if rows is None or SCORE not in rows.columns or rows.is_empty() or task not in {"binary", "regression"}:
        return []
    name, before = model.manifest.format, rows[SCORE].to_numpy()
    try:
        said = model.predict(rows.drop(SCORE))
    except FlyballError as error:
        return [Attempt(form=name, reason=" ".join(str(error).split())[:_LONGEST_REASON])]
    off = float((np.abs(said - before) / np.maximum(1.0, np.abs(before))).max())
    likeness = Likeness(rows=rows.height, logged=rows.height, max_abs_diff=off, tolerance=RELOADED)
    return [Attempt(form=name, likeness=likeness, reason="" if likeness.same else _difference_of(likeness))]


def _fitted(original: Predictor) -> Original | None:
    return cast("Original", original) if hasattr(original, "fitted") else None


def _wanted(packed: Packed, original: Predictor, *, fitted: Original | None) -> Wanted | None:
    told, manifest = describe(original), packed.manifest
    named = tuple(TakenColumn(name, dtype) for name, dtype in zip(manifest.features, manifest.dtypes, strict=True))
    takes = packed.takes or named or _takes_of(fitted)
    return Wanted(takes, told.task, told.classes) if takes else None


def _takes_of(original: Original | None) -> tuple[TakenColumn, ...]:
    if original is None:
        return ()
    names = describe(original).features or tuple(str(place) for place in range(getattr(original.fitted, "n_features_in_", 0)))
    texts = _text_columns(original.fitted)
    return tuple(TakenColumn(name, "String" if name in texts else "Float64") for name in names)


def _text_columns(fitted: Any) -> frozenset[str]:
    """The columns whose categories are texts, as a transformer of columns inside of a fitted object knows them by name."""
    steps = [step for _, step in getattr(fitted, "steps", None) or [("", fitted)]]
    found = [part for step in steps for part in getattr(step, "transformers_", None) or ()]
    named = [(transformer, columns) for _, transformer, columns in found if isinstance(columns, list)]
    return frozenset(str(column) for transformer, columns in named if next(_texts(transformer), None) is not None for column in columns)


def _tried(form: Form, *, original: Original, rows: Samples) -> tuple[Predictor | None, Attempt]:
    try:
        made = form.make()
        likeness = compare(original, made, samples=rows, tolerance=form.tolerance)
        refused = _refusing(made, likeness)
    except Exception as error:  # noqa: BLE001 - libraries that convert raise anything; the reason is kept
        said = str(error) if isinstance(error, FlyballError) else f"{type(error).__name__}: {error}"
        return None, Attempt(form=form.name, reason=" ".join(said.split())[:_LONGEST_REASON])
    return refused, Attempt(form=form.name, likeness=likeness, reason="" if likeness.same else _difference_of(likeness))


def _refusing(made: Predictor, likeness: Likeness) -> Predictor:
    """The form, which refuses what the original does, and what it would answer otherwise than it.

    Raises:
        NotConvertibleError: it differs beyond single precision, and is no graph that could refuse that.
    """
    if not (likeness.never_null or likeness.bounded):
        return made
    from flyball.runtimes.onnxgraph import Rejections
    from flyball.runtimes.onnxmodel import OnnxPredictor
    from flyball.runtimes.staged import StagedPredictor

    if isinstance(made, OnnxPredictor | StagedPredictor):
        return made.refusing(Rejections(likeness.never_null, likeness.bounded))
    if likeness.bounded:
        raise NotConvertibleError(f"it answers otherwise beyond single precision, in column {likeness.bounded[0]!r}")
    return made


def _difference_of(likeness: Likeness) -> str:
    if likeness.refused:
        return f"one answers {likeness.refused} of {likeness.rows} rows that the other refuses, such as values that it has not seen"
    if likeness.labels:
        return f"it says another class of {likeness.labels} of {likeness.rows} rows"
    return f"it differs by {likeness.max_abs_diff:.3g}, and at most {likeness.tolerance:g} is allowed"


def _cost(model: Predictor, rows: pl.DataFrame) -> Measured | None:
    try:
        return measure(model, rows, timer=MonotonicTimer())
    except Exception:  # noqa: BLE001 - a model may refuse rows that were drawn
        return None


def _samples(packed: Packed, original: Original | None, *, schema: dict[str, pl.DataType], real: pl.DataFrame | None) -> Samples:
    inner = {name.removeprefix("mlflow/"): data for name, data in packed.files.items() if name.startswith("mlflow/")}
    logged = logged_rows(parse(inner), inner) if inner else real
    texts = [] if original is None else sorted(set(_texts(original.fitted)))
    return samples(schema, logged, texts=texts[:100])


def _texts(fitted: Any, depth: int = 0) -> Iterator[str]:
    """The texts that encoders inside of a fitted object know."""
    for categories in getattr(fitted, "categories_", ()) if depth < 8 else ():
        yield from (value for value in np.asarray(categories).tolist() if isinstance(value, str))
    inner = [*(getattr(fitted, "steps", None) or ()), *(getattr(fitted, "transformers_", None) or ())]
    for item in inner if depth < 8 else ():
        yield from _texts(item[1], depth + 1)
