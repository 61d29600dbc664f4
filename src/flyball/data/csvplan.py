"""What a project on somebody's CSV should look like: its label, its features and its lengths of time, read off the data.

Pure functions of the cells as text; nothing is written here.
"""

from __future__ import annotations

import hashlib
import json
import keyword
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from flyball.core.duration import format_duration
from flyball.data.errors import ScaffoldError
from flyball.data.values import SHARE_OF_TYPE, ColumnType, as_type, infer_type

MIN_ROWS = 300
MIN_LEARNT = 120
MIN_EACH_CLASS = 20
MAX_CATEGORIES = 100
_STEPS = tuple(timedelta(**step) for step in ({"days": 1}, {"hours": 1}, {"minutes": 1}, {"seconds": 1}))


@dataclass(frozen=True)
class LabelPlan:
    """What is predicted: the expression's text over the labels dataset, and the task that follows from it.

    `drop` is how far the metric may fall before a retraining.
    """

    expression: str
    binary: bool
    drop: float


@dataclass(frozen=True)
class Lengths:
    """The lengths of time that fit the data's span, as texts."""

    history: str
    holdout: str
    window: str
    cool_down: str
    hold: str
    alarms: str
    every: str


@dataclass(frozen=True)
class CsvPlan:
    """All that the project's file says.

    `skipped` names the columns that are no features, each with why; `calendar` what to take from the time ("hour", "weekday");
    `ends` is the time of the newest row, in UTC.
    """

    key: str
    time: str
    label_column: str
    label: LabelPlan
    features: tuple[str, ...]
    skipped: Mapping[str, str]
    calendar: tuple[str, ...]
    lengths: Lengths
    ends: datetime | None = None


def row_keys(cells: pl.DataFrame) -> pl.Series:
    """A key for each row: the digest of its cells and of its ordinal among equal rows, 24 hexadecimal digits."""
    seen: Counter[bytes] = Counter()
    keys = []
    for row in cells.iter_rows():
        content = repr(row).encode()
        keys.append(hashlib.sha256(content + b"\x1f%d" % seen[content]).hexdigest()[:24])
        seen[content] += 1
    return pl.Series("row_id", keys, dtype=pl.String)


def typed_cells(cells: pl.DataFrame) -> pl.DataFrame:
    """Every column as the type that all its cells have; a column with cells that do not fit stays text, for the contract to judge."""
    return cells.with_columns(_typed(cells[name]) for name in cells.columns)


def _typed(cells: pl.Series) -> pl.Series:
    kind = infer_type(cells, exactly=True)
    return (
        cells
        if kind is None
        else cells.to_frame().select(as_type(pl.col(cells.name), cells.dtype, wanted=kind).alias(cells.name)).to_series()
    )


def with_points(cells: pl.DataFrame) -> pl.DataFrame:
    """Columns of text whose cells are all numbers, some with a decimal comma as in "3,14", with a point instead."""
    whole = cells.select(pl.col(pl.String).drop_nulls().str.contains(r"^[+-]?\d+(,\d+)?$").all().name.keep())
    some = cells.select(pl.col(pl.String).str.contains(r"^[+-]?\d+,\d+$").any().name.keep())
    wanted = [name for name in whole.columns if whole[name].item() and some[name].item()]
    return cells.with_columns(pl.col(wanted).str.replace(",", ".", literal=True)) if wanted else cells


def read_times(cells: pl.Series) -> pl.Series:
    """The times of the column, null where a cell is none.

    Raises:
        ScaffoldError: fewer than 99 % of the cells are times.
    """
    times = cells.to_frame().select(as_type(pl.col(cells.name), cells.dtype, wanted=ColumnType.TIME)).to_series()
    if times.len() - times.null_count() < cells.len() * SHARE_OF_TYPE:
        wrong = next((cell for cell, time in zip(cells, times, strict=True) if time is None), None)
        shown = "empty" if wrong is None else repr(wrong)
        raise ScaffoldError(
            f"The time column {cells.name!r}",
            f"{times.null_count():,} of {cells.len():,} cells are no times, for example {shown}; "
            "write them as 2013-01-31T17:05:00Z (without a zone they are taken as UTC)",
        )
    return times


def plan_label(values: pl.Series) -> LabelPlan:
    """The label that a typed column can be: true or false, one of two values, or a number.

    Raises:
        ScaffoldError: it has one value, is a time, or has more than two texts.
    """
    what, column = f"The label column {values.name!r}", f"pl.col({quoted(values.name)})"
    distinct = values.drop_nulls().unique().sort()
    if distinct.len() < 2:
        shown = "no value" if distinct.is_empty() else f"the one value {distinct[0]!r}"
        raise ScaffoldError(what, f"it has {shown} in all rows, so there is nothing to learn")
    if values.dtype == pl.Boolean:
        return LabelPlan(column, True, 0.02)
    if values.dtype.is_numeric() and distinct.len() > 2:
        spread = values.cast(pl.Float64).std()
        return LabelPlan(column, False, float(f"{0.1 * float(spread if isinstance(spread, float) else 1.0):.3g}"))
    if values.dtype.is_numeric():
        return LabelPlan(f"{column} == {distinct[1]!r}", True, 0.02)
    if values.dtype == pl.String and distinct.len() == 2:
        rarer = min(distinct.to_list(), key=lambda text: (int((values == text).sum()), text))
        return LabelPlan(f"{column} == {quoted(rarer)}", True, 0.02)
    found = f"{distinct.len():,} different texts" if values.dtype == pl.String else f"values of type {values.dtype}"
    raise ScaffoldError(
        what, f"it has {found}; a label is true or false, one of two values, or a number: add a column that says yes or no to one of them"
    )


def plan_features(frame: pl.DataFrame) -> tuple[tuple[str, ...], dict[str, str]]:
    """The columns that can be features as they stand, and why each of the others cannot."""
    reasons = {name: _unfit(frame[name]) for name in frame.columns}
    return tuple(name for name, why in reasons.items() if why is None), {name: why for name, why in reasons.items() if why is not None}


def _unfit(values: pl.Series) -> str | None:
    distinct = values.drop_nulls().n_unique()
    if distinct < 2:
        return "the same in all rows"
    if values.dtype.is_temporal():
        return "a time; use it in an on-demand feature"
    if values.dtype == pl.String and distinct > MAX_CATEGORIES:
        return f"{distinct:,} different texts"
    if values.dtype == pl.Int64 and distinct == values.len():
        low, high = values.min(), values.max()
        if isinstance(low, int) and isinstance(high, int) and high - low < 2 * values.len():
            return "numbers the rows"
    return None


def plan_lengths(times: pl.Series, labels: pl.Series, *, delay: timedelta) -> Lengths:
    """40 % of the span as the first history, or more where the rows and both outcomes take longer to come; the rest follows.

    `labels` are the typed labels beside `times`, known `delay` later. The hold-out is that much longer, for its last rows
    have no label yet.

    Raises:
        ScaffoldError: too few rows, or both outcomes are never known together in the first 70 % of the span.
    """
    labelled = pl.DataFrame({"time": times, "label": labels}).drop_nulls()
    if labelled.height < MIN_ROWS:
        raise ScaffoldError("The file", f"it has {labelled.height:,} rows with a time and a label; {MIN_ROWS} are needed")
    first, last = times.min(), times.max()
    assert isinstance(first, datetime)
    assert isinstance(last, datetime)
    span = last - first
    if span < timedelta(minutes=10):
        raise ScaffoldError("The file", f"its times span {span}; a model is watched over time, which takes 10 minutes at least")
    for share in (0.4, 0.5, 0.6, 0.7):
        history = span * share
        holdout = delay + min(timedelta(days=14), max(history - delay, timedelta()) / 5)
        learnt = labelled.filter(pl.col("time") < first + history - holdout - delay)
        judged = labelled.filter(pl.col("time").is_between(first + history - holdout, first + history - delay))
        if learnt.height >= MIN_LEARNT and _both(learnt["label"], MIN_EACH_CLASS) and _both(judged["label"], 1):
            return _lengths(span, history=history, holdout=holdout)
    raise ScaffoldError(
        "The file",
        "in the first 70 % of its span too few labels come, or only one outcome; bring a longer history, or a shorter --label-after",
    )


def _both(labels: pl.Series, least: int) -> bool:
    counts = sorted(labels.value_counts()["count"].to_list())
    return len(counts) > 2 or (len(counts) == 2 and counts[0] >= least)


def _lengths(span: timedelta, *, history: timedelta, holdout: timedelta) -> Lengths:
    window = min(timedelta(days=7), _round(span / 20))
    return Lengths(
        history=_text(history),
        holdout=_text(holdout),
        window=_text(window),
        cool_down=_text(2 * window),
        hold=_text(window / 7),
        alarms=f"1 per {_text(window * 13)}",
        every=_text(min(timedelta(days=90), span / 5)),
    )


def _round(length: timedelta) -> timedelta:
    step = next((step for step in _STEPS if length >= 5 * step), _STEPS[-1])
    return max(step, length // step * step)


def _text(length: timedelta) -> str:
    return format_duration(_round(length))


def plan_calendar(times: pl.Series) -> tuple[str, ...]:
    """What can be learnt from the time alone; nothing where the column's name cannot be an argument of an on-demand feature."""
    if not _is_identifier(times.name):
        return ()
    return tuple(
        part for part, values in (("hour", times.dt.hour()), ("weekday", times.dt.weekday())) if values.drop_nulls().n_unique() > 1
    )


def _is_identifier(name: str) -> bool:
    # An argument named like the module would hide it in the function's own body.
    plain = re.fullmatch(r"[a-z_][a-z0-9_]*", name, re.IGNORECASE | re.ASCII) is not None
    return plain and not keyword.iskeyword(name) and name != "pl"


def quoted(text: str) -> str:
    """The text as a Python literal in double quotes."""
    return json.dumps(text, ensure_ascii=False)


def slug(text: str) -> str:
    """A dataset's, model's or project's name made of `text`."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:50]
    return name if re.match(r"[a-z]", name) else f"data-{name}".rstrip("-")
