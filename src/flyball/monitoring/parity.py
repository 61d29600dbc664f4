"""Parity: served vectors are recomputed offline, as of their prediction times, and compared value by value.

One definition and one engine serve training and requests, so the two must be equal; this proves it on a sample of what was
served, or names what went wrong. Pure but for the service at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import polars as pl

from flyball.core.events import Event
from flyball.core.ids import EventId
from flyball.core.rand import SeededRandom
from flyball.data.model import PREDICTION_TIME
from flyball.features import FeatureSet
from flyball.features.windowing import WindowLookup
from flyball.monitoring.parity_causes import Explainer
from flyball.monitoring.parity_report import Cause, FeatureParity, LeadSkew, ParityReport, Rule
from flyball.serving.answers import FEATURE, REQUEST, VALUE_TIME
from flyball.serving.columns import storable
from flyball.storage.events import EventLog, EventQuery
from flyball.storage.recorder import Recorder
from flyball.storage.transactions import Transactions

SAMPLE_ROWS = 500
TOLERANCE = 1e-9
CHECKED = "parity.checked"
_EXAMPLES = 5


class ServedRows(Protocol):
    """What was served; `serving.log.PredictionLog` is one."""

    def read(self, endpoint: str, start: datetime, *, end: datetime) -> pl.DataFrame: ...


@dataclass(frozen=True, kw_only=True)
class ParityTask:
    """Which rows to compare with what: those that `endpoint` answered in [start, end) by `features`, of which `rows` are drawn.

    Columns in `hidden` do not stand in the log as they were sent: what follows from them is not compared.
    """

    model: str
    endpoint: str
    features: FeatureSet
    start: datetime
    end: datetime
    lead: timedelta
    rows: int = SAMPLE_ROWS
    seed: int = 0
    hidden: frozenset[str] = frozenset()


def parity_subject(model: str) -> str:
    """The subject of a model's parity events."""
    return f"model/{model}/parity"


def check_parity(task: ParityTask, served: pl.DataFrame, *, histories: Mapping[str, pl.DataFrame]) -> ParityReport:
    """The report on a sample of `served`, rows as the prediction log reads them, against what `histories` give; pure.

    Values that are selected, counted, picked or no floats agree when they are equal; sums and means of floats, and floats
    computed from them, when they differ by at most 1e-9 of the larger. Null equals null, and NaN equals NaN.

    Raises:
        UnknownNameError: a history, or a column of the request, is missing.
    """
    answered = served.filter(pl.col("error").is_null())
    own = answered.filter(pl.col("features_digest") == task.features.fingerprint)
    drawn = _sample(own, task.rows, seed=task.seed)
    return ParityReport(
        model=task.model,
        start=task.start,
        end=task.end,
        population=own.height,
        rows=drawn.height,
        left_out=answered.height - own.height,
        seed=task.seed,
        features=_compare(task.features, drawn, histories=histories, hidden=task.hidden) if drawn.height else (),
        leads=_leads(task, drawn),
    )


def _sample(rows: pl.DataFrame, size: int, *, seed: int) -> pl.DataFrame:
    """The rows with the `size` lowest draws, in their order; a row's draw depends on its id alone, whatever else was served."""
    if rows.height <= size:
        return rows
    random = SeededRandom(seed)
    draws = pl.Series([random.uniform("parity", name) for name in rows["id"]])
    return rows[draws.arg_sort()[:size].sort()]


def _requests(features: FeatureSet, served: pl.DataFrame, *, hidden: frozenset[str]) -> pl.DataFrame:
    names = [name for name in features.inputs if REQUEST + name in served.columns and name not in hidden]
    unknown = [pl.lit(None, dtype=features.schema[name]).alias(name) for name in features.inputs if name in hidden]
    return served.select(*(pl.col(REQUEST + name).alias(name) for name in names), *unknown, pl.col("time").alias(PREDICTION_TIME))


def following(features: FeatureSet, columns: frozenset[str]) -> set[str]:
    """The features that follow from one of the rows' columns, directly or by what was looked up with it."""
    found = {name for lookup in features.lookups if columns.intersection(lookup.inputs) for name in lookup.dtypes}
    for item in features.computations:
        used = {*item.arguments.values(), *(features.bound_names.column(full) for full in item.arguments.values())}
        if used & (columns | found):
            found |= {f"{item.feature.name}.{name}" for name in item.outputs}
    return found


def _compare(
    features: FeatureSet, served: pl.DataFrame, *, histories: Mapping[str, pl.DataFrame], hidden: frozenset[str]
) -> tuple[FeatureParity, ...]:
    rows = _requests(features, served, hidden=hidden)
    left = following(features, hidden)
    due = storable(features.compute(rows, histories))
    found = _alike(served, due)
    rules = {name: _rule(features, name, dtype=dtype) for name, dtype in due.schema.items()}
    compared = [name for name in due.columns if name not in left]
    wrong = {name: [False] * served.height for name in due.columns}
    wrong |= {name: (~_agree(found[name], due[name], rule=rules[name])).to_list() for name in compared}
    causes: Mapping[str, Cause] = {}
    if any(map(any, wrong.values())):
        rows = rows.with_columns(pl.col(name).cast(features.schema[name]) for name in features.inputs)
        causes = Explainer(features, rows, histories, found, due, wrong, _value_times(served)).explain()
    return tuple(
        FeatureParity(
            name=name,
            rule=rules[name],
            compared=served.height,
            agreeing=served.height - sum(wrong[name]),
            largest_difference=_largest_difference(found[name], due[name]),
            cause=causes.get(name),
            examples=tuple(served["id"].filter(pl.Series(wrong[name], dtype=pl.Boolean))[:_EXAMPLES]),
        )
        for name in compared
    )


def _alike(served: pl.DataFrame, due: pl.DataFrame) -> pl.DataFrame:
    """The served values in the types of those that are due, where that loses nothing; null where a feature was not served."""
    columns = []
    for name, dtype in due.schema.items():
        full = FEATURE + name
        if full not in served.columns:
            columns.append(pl.Series(name, [None] * served.height, dtype=dtype))
            continue
        values = served[full].alias(name)
        cast = values.cast(dtype, strict=False) if values.dtype != dtype else values
        columns.append(cast if cast.null_count() == values.null_count() and (cast.cast(values.dtype) == values).all() else values)
    return pl.DataFrame(columns)


def _rule(features: FeatureSet, name: str, *, dtype: pl.DataType) -> Rule:
    if not dtype.is_float():
        return "exact"
    for lookup in features.lookups:
        if isinstance(lookup, WindowLookup) and name in lookup.dtypes:
            aggregate = lookup.feature.aggregates[name.removeprefix(f"{lookup.feature.label}.")]
            return "relative" if aggregate.operation in ("sum", "mean") else "exact"
        if name in lookup.dtypes:
            return "exact"
    return "relative"


def _agree(served: pl.Series, due: pl.Series, *, rule: Rule) -> pl.Series:
    if served.dtype != due.dtype:
        return served.cast(pl.String).eq_missing(due.cast(pl.String))
    equal = served.eq_missing(due)
    if rule == "exact":
        return equal
    return equal | (_difference(served, due) <= TOLERANCE).fill_null(False)


def _difference(served: pl.Series, due: pl.Series) -> pl.Series:
    """How far two numbers are apart, as a part of the larger; null where one is no finite number."""
    frame = pl.DataFrame({"a": served.cast(pl.Float64), "b": due.cast(pl.Float64)})
    larger = pl.max_horizontal(pl.col("a").abs(), pl.col("b").abs())
    apart = pl.when(larger == 0).then(0.0).otherwise((pl.col("a") - pl.col("b")).abs() / larger)
    finite = pl.col("a").is_finite() & pl.col("b").is_finite()
    return frame.select(pl.when(finite).then(apart).alias("apart")).to_series()


def _largest_difference(served: pl.Series, due: pl.Series) -> float | None:
    if not (served.dtype.is_numeric() and due.dtype.is_numeric()):
        return None
    found = _difference(served, due).max()
    return float(found) if isinstance(found, int | float) else None


def _value_times(served: pl.DataFrame) -> dict[str, Sequence[int | None]]:
    names = [name for name in served.columns if name.startswith(VALUE_TIME)]
    return {name.removeprefix(VALUE_TIME): served[name].to_physical().to_list() for name in names}


def _leads(task: ParityTask, served: pl.DataFrame) -> LeadSkew | None:
    """None where requests do not carry the event time."""
    name = REQUEST + task.features.rows.event_time
    if name not in served.columns or not isinstance(served.schema[name], pl.Datetime):
        return None
    leads = served.select((pl.col(name).cast(pl.Int64) - pl.col("time").cast(pl.Int64)) / 1e6).to_series().drop_nulls()
    if leads.is_empty():
        return None
    apart = leads - task.lead.total_seconds()
    allowed = max(60.0, task.lead.total_seconds() / 10)
    least, middle, most = (float(apart.quantile(at, "nearest") or 0.0) for at in (0.0, 0.5, 1.0))
    return LeadSkew(task.lead, len(apart), least, middle, most, float((apart.abs() > allowed).sum()) / len(apart))


class ParityService:
    """The one way to check parity and record what was found. As thread-safe as the recorder that it was given."""

    def __init__(self, served: ServedRows, *, events: EventLog, transactions: Transactions, recorder: Recorder) -> None:
        self._served, self._events, self._transactions, self._recorder = served, events, transactions, recorder

    def check(self, task: ParityTask, histories: Mapping[str, pl.DataFrame], *, cause: EventId | None = None) -> tuple[ParityReport, Event]:
        """Compare, and record `parity.checked` with the report; alarmed where training and serving differ.

        Raises:
            UnknownNameError: a history, or a column of the request, is missing.
        """
        report = check_parity(task, self._served.read(task.endpoint, task.start, end=task.end), histories=histories)
        with self._transactions.write():
            event = self._recorder.record(CHECKED, parity_subject(task.model), data=report.to_json(), cause=cause)
        return report, event

    def find(self, model: str) -> ParityReport | None:
        """The model's last report, or None."""
        found = self._events.list(EventQuery(type=CHECKED, subject=parity_subject(model)))
        return ParityReport.from_json(found[-1].data) if found else None
