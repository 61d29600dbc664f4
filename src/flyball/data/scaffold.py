"""`flyball init`: a project directory that runs at once, made of somebody's own CSV file.

The label becomes a dataset of its own, known only some time after the row, so that it can never be a feature.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from flyball.core.clock import utc
from flyball.core.duration import parse_duration
from flyball.data.csvplan import (
    CsvPlan,
    LabelPlan,
    plan_calendar,
    plan_features,
    plan_label,
    plan_lengths,
    read_times,
    row_keys,
    slug,
    typed_cells,
    with_points,
)
from flyball.data.errors import ScaffoldError, UnknownColumnError
from flyball.data.projecttext import render
from flyball.data.reading import read_frame
from flyball.storage.errors import os_errors

PROJECT_FILE = "project.py"


@dataclass(frozen=True)
class Scaffolded:
    """What was made: the project's file, how many rows and labels it starts with, and what its file says."""

    project: Path
    rows: int
    labels: int
    plan: CsvPlan


def scaffold(directory: Path, *, csv: Path, label: str, time: str, key: str | None = None, label_after: str = "0s") -> Scaffolded:
    """Write a project into `directory`, which appears whole or not at all: data/rows, data/labels and project.py.

    Without `key` a row is identified by the digest of its cells (the label not among them) and its ordinal among equal rows.
    Labels become known `label_after` the row's time.

    Raises:
        ScaffoldError: the directory is not empty, or no project can be made of the file; the sentence says why.
        UnknownColumnError: `label`, `time` or `key` is no column; the near name is named.
        SourceEmptyError, SourceEncodingError, SourceUnreadableError: the file cannot be read.
        DurationError: `label_after` is not a duration.
    """
    delay = parse_duration(label_after)
    check_empty(directory)
    cells = read_cells(csv, label=label, time=time, key=key)
    rows, labels, plan = plan_cells(cells, label=label, time=time, key=key, delay=delay)
    text = render(plan, name=slug(csv.name.split(".")[0]), delay=delay)
    with os_errors(directory):
        write_project(directory, rows, labels=labels, text=text)
    return Scaffolded(directory / PROJECT_FILE, rows.height, labels.height, plan)


def check_empty(directory: Path) -> None:
    """A project may be made there; raises ScaffoldError where something lies there."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise ScaffoldError(f"The directory {directory}", "it is not empty; name a new one")


def read_cells(csv: Path, *, label: str, time: str | None, key: str | None) -> pl.DataFrame:
    """The cells of the file; raises ScaffoldError or UnknownColumnError where it has not these columns, or they are one."""
    if not csv.is_file():
        raise ScaffoldError(f"The file {csv}", "it does not exist")
    with os_errors(csv):
        data = csv.read_bytes()
    cells = read_frame(csv.name, data)
    if b";" in data.partition(b"\n")[0]:
        cells = with_points(cells)  # where semicolons part the cells, a comma is a decimal point, not one of thousands
    given = {name: column for name, column in (("label", label), ("time", time), ("key", key)) if column is not None}
    for name in given.values():
        if name not in cells.columns:
            raise UnknownColumnError(name, cells.columns, where=f"The file {csv.name}")
    if len(set(given.values())) < len(given):
        raise ScaffoldError(
            f"The file {csv.name}", f"{', '.join(f'--{option} {name}' for option, name in given.items())} must be different columns"
        )
    return cells


def plan_cells(
    cells: pl.DataFrame, *, label: str, time: str, key: str | None, delay: timedelta, test: LabelPlan | None = None
) -> tuple[pl.DataFrame, pl.DataFrame, CsvPlan]:
    """The rows, their labels, and what the project's file says of them; `test` makes a label of the column that is none as it stands."""
    times = read_times(cells[time])
    values = typed_cells(cells.select(label))[label]
    keyed, key = _with_key(cells, label=label, key=key)
    rows = typed_cells(keyed.drop(label))
    chosen = test or plan_label(values)
    features, skipped = plan_features(rows.drop(key, time))
    calendar = plan_calendar(times)
    if not features and not calendar:
        raise ScaffoldError(
            "The file", f"none of its columns can be a feature: {'; '.join(f'{name}: {why}' for name, why in skipped.items())}"
        )
    lengths = plan_lengths(times, values, delay=delay)
    labels = rows.select(key, time).with_columns(values).drop_nulls(label)
    newest = times.max()
    ends = utc(newest) if isinstance(newest, datetime) else None
    return rows, labels, CsvPlan(key, time, label, chosen, features, skipped, calendar, lengths, ends)


def _with_key(cells: pl.DataFrame, *, label: str, key: str | None) -> tuple[pl.DataFrame, str]:
    if key is None:
        keys = row_keys(cells.drop(label))
        name = next(name for name in ("row_id", "flyball_row_id", "flyball_row_id_2") if name not in cells.columns)
        return cells.insert_column(0, keys.alias(name)), name
    values = cells[key]
    if values.null_count():
        raise ScaffoldError(f"The key column {key!r}", f"{values.null_count():,} of its cells are empty; leave --key out to have one made")
    if twice := values.len() - values.n_unique():
        raise ScaffoldError(
            f"The key column {key!r}", f"{twice:,} rows repeat a key; a key names one row, leave --key out to have one made"
        )
    return cells, key


def write_project(directory: Path, rows: pl.DataFrame, *, labels: pl.DataFrame, text: str) -> None:
    """The project, whole or not at all."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        made.chmod(0o755)
        for name, frame in (("rows", rows), ("labels", labels)):
            (made / "data" / name).mkdir(parents=True)
            frame.write_parquet(made / "data" / name / f"{name}.parquet")
        (made / PROJECT_FILE).write_text(text, encoding="utf-8")
        made.replace(directory)  # an empty directory gives way
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
