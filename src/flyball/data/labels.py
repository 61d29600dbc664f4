"""Labels as they became known: evaluated per version of the label's rows, joined to the predicted rows as of a moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import polars as pl
import polars.exceptions as plx

from flyball.data.errors import DatasetError, LabelRowError, LabelTypeError, UnknownColumnError
from flyball.data.history import as_of
from flyball.data.model import EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, LABEL, RESOLVED, SYSTEM_COLUMNS, Label

ROWS_ALONE = 16


def label_history(rows: pl.DataFrame, label: Label, *, history: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Every version of the label of every row in `rows`, with the interval in which it was the known one.

    Columns: key, "label" (Boolean, or Float64 for a number), KNOWN_TIME, KNOWN_UNTIL. A version whose label is null or NaN is
    left out, and ends the one before it.

    Raises:
        DatasetError: `key` is not the key of the label's dataset.
        UnknownColumnError: the expression names a column that the dataset has not.
        LabelTypeError: the label is neither boolean nor a number.
        LabelRowError: the expression looks at other rows.
    """
    if set(key) != set(label.dataset.key):
        raise DatasetError(
            f"The label on dataset {label.dataset.name!r}",
            f"its key is ({', '.join(label.dataset.key)}), but the predicted rows' is ({', '.join(key)}); they must be the same",
        )
    values = label_values(label, history)
    labels = history.select(*key, KNOWN_TIME, KNOWN_UNTIL).with_columns(values).join(rows.select(*key).unique(), on=list(key), how="semi")
    return labels.filter(pl.col(LABEL).is_not_null()).select(*key, LABEL, KNOWN_TIME, KNOWN_UNTIL)


def label_values(label: Label, history: pl.DataFrame) -> pl.Series:
    """The label of each row of `history` from that row's own columns: Boolean, or Float64 without NaN."""
    frame = history.drop(SYSTEM_COLUMNS)
    values = _evaluate(label, frame)
    if values.len() != frame.height or any(not _evaluate(label, frame[part]).equals(values[part]) for part in _samples(frame.height)):
        raise LabelRowError(label.dataset.name)
    if values.dtype == pl.Boolean:
        return values
    if values.dtype.is_numeric():
        return values.cast(pl.Float64).fill_nan(None)
    raise LabelTypeError(label.dataset.name, str(values.dtype))


def labels_as_of(rows: pl.DataFrame, labels: pl.DataFrame, *, key: Sequence[str], timeout: timedelta, at: datetime) -> pl.DataFrame:
    """Per row of `rows` and in their order: the label known at `at` (null if none) and whether the row is resolved.

    Resolved is a row that is labelled, or whose EVENT_TIME lies `timeout` or more before `at`.
    """
    known = as_of(labels, at).select(*key, LABEL)
    joined = rows.select(*key, EVENT_TIME).join(known, on=list(key), how="left", maintain_order="left", validate="m:1")
    passed = pl.col(EVENT_TIME) + timeout <= at
    return joined.select(LABEL, (pl.col(LABEL).is_not_null() | passed).alias(RESOLVED))


def _samples(rows: int) -> Iterable[slice]:
    """The first half, and a few rows on their own: an expression that gives the same on them looks at no other row."""
    yield slice(0, rows // 2)
    for number in range(0, rows, rows // ROWS_ALONE + 1):
        yield slice(number, number + 1)


def _evaluate(label: Label, frame: pl.DataFrame) -> pl.Series:
    try:
        values = frame.select(label.expression.alias(LABEL)).to_series()
    except plx.ColumnNotFoundError as error:
        missing = next((name for name in label.expression.meta.root_names() if name not in frame.columns), str(error))
        raise UnknownColumnError(missing, frame.columns, where=f"Dataset {label.dataset.name!r}") from error
    except plx.PolarsError as error:
        why = f"it cannot be evaluated: {str(error).splitlines()[0]}"
        raise DatasetError(f"The label on dataset {label.dataset.name!r}", why) from error
    return values
