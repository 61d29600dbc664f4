"""`flyball init --from`: a project that runs, of a script that trains on a file; what could not be turned stands in it as a comment."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from flyball.core.duration import parse_duration
from flyball.data.csvplan import CsvPlan, LabelPlan, quoted, read_times, slug
from flyball.data.errors import ScaffoldError
from flyball.data.fromscript.cells import Script, read_script
from flyball.data.fromscript.errors import ScriptError
from flyball.data.fromscript.estimating import fits, train_text
from flyball.data.fromscript.facts import Estimator, Facts, find_facts
from flyball.data.fromscript.hazards import Hazard, find_hazards
from flyball.data.model import TIME
from flyball.data.projecttext import render
from flyball.data.scaffold import PROJECT_FILE, Scaffolded, check_empty, plan_cells, read_cells, write_project
from flyball.storage.errors import os_errors

MADE_TIME = "row_time"
"""The column that is made where a file says nothing of when its rows happened."""
SHOWN_LINES = 400


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a person says that the script does not, or says otherwise."""

    csv: Path | None = None
    label: str | None = None
    time: str | None = None
    key: str | None = None
    label_after: str = "0s"


@dataclass(frozen=True, kw_only=True)
class Turned:
    """What was made, what it was made of in a few words each, and what nobody could do again."""

    made: Scaffolded
    taken: tuple[str, ...]
    hazards: tuple[Hazard, ...]


def turn(path: Path, directory: Path | None, *, given: Given) -> Turned:
    """Write a project of the script or notebook at `path` into `directory`, by default one named after it here. Nothing of it is run.

    Raises:
        ScriptError: it is no such file, or says too little; the sentence names the option that says the rest.
        ScaffoldError, UnknownColumnError, FlyballError: as `scaffold`, of the file that it reads.
    """
    script = read_script(path)
    facts = find_facts(script)
    place = directory or Path(slug(path.stem))
    check_empty(place)
    delay = parse_duration(given.label_after)
    label = given.label or facts.target
    if label is None:
        raise ScriptError(path.name, "nothing in it says which column it predicts; name it with --label COLUMN")
    data = given.csv or _data(script, facts)
    cells = read_cells(data, label=label, time=given.time, key=given.key)
    cells, time, made_time = _with_time(cells, facts, label=label, named=given.time)
    test = _test(facts, label) if given.label in {None, facts.target} else None
    rows, labels, plan = plan_cells(cells, label=label, time=time, key=given.key, delay=delay, test=test)
    plan = _chosen(plan, facts)
    estimator = next((found for found in reversed(facts.estimators) if fits(found, binary=plan.label.binary)), None)
    hazards = (*find_hazards(script), *_of_times(made=made_time))
    train = train_text(estimator, file=_plain(path.name)) if estimator is not None else ""
    text = render(plan, name=slug(path.stem), delay=delay, train=train)
    text = "\n".join([text, *_notes(script, facts, hazards=hazards)])
    with os_errors(place):
        write_project(place, rows, labels=labels, text=text)
    taken = _taken(facts, data, estimator=estimator, time="" if made_time else time)
    return Turned(made=Scaffolded(place / PROJECT_FILE, rows.height, labels.height, plan), taken=tuple(taken), hazards=hazards)


def _data(script: Script, facts: Facts) -> Path:
    """The first file that it reads and that is there: beside it, or where one stands."""
    if not facts.reads:
        raise ScriptError(script.path.name, "it reads no file whose name is written in it; name your rows with --csv FILE")
    for read in facts.reads:
        name = read.path.removeprefix("file://")
        for place in (script.path.parent / name, Path(name), script.path.parent / Path(name.replace("\\", "/")).name):
            if place.is_file():
                return place
    first = facts.reads[0]
    raise ScriptError(script.path.name, f"it reads {first.path[:100]!r} ({first.place}), which is not here; name a copy with --csv FILE")


def _with_time(cells: pl.DataFrame, facts: Facts, *, label: str, named: str | None) -> tuple[pl.DataFrame, str, bool]:
    """The cells, the column that says when a row happened, and whether that had to be made up."""
    if named is not None:
        return cells, named, False
    texts = [name for name in cells.columns if cells.schema[name] in {pl.String, pl.Date} or isinstance(cells.schema[name], pl.Datetime)]
    for name in dict.fromkeys([*(time for time in facts.times if time in texts), *texts]):
        if name != label and _is_time(cells[name]):
            return cells, name, False
    name = next(name for name in (MADE_TIME, f"flyball_{MADE_TIME}", f"flyball_{MADE_TIME}_2") if name not in cells.columns)
    times = pl.lit(datetime(2000, 1, 1, tzinfo=UTC), dtype=TIME) + pl.duration(hours=pl.int_range(pl.len()))
    return cells.with_columns(times.alias(name)), name, True


def _is_time(cells: pl.Series) -> bool:
    try:
        return bool(read_times(cells).drop_nulls().len())
    except ScaffoldError:
        return False


def _test(facts: Facts, label: str) -> LabelPlan | None:
    if facts.test is None:
        return None
    operator, value = facts.test
    written = quoted(value) if isinstance(value, str) else repr(value)
    return LabelPlan(f"pl.col({quoted(label)}) {operator} {written}", binary=True, drop=0.02)


def _chosen(plan: CsvPlan, facts: Facts) -> CsvPlan:
    """Only what the script learns from; all that can be a feature where it does not say, or computes all of it."""
    wanted = facts.features if facts.features is not None else [name for name in plan.features if name not in facts.dropped]
    features = tuple(name for name in plan.features if name in wanted)
    if not features:
        return plan
    left = {name: "the script does not learn from it" for name in plan.features if name not in wanted}
    computed = {name: f"the script computes it ({facts.made[name]}); write it as fb.on_demand" for name in wanted if name in facts.made}
    return replace(plan, features=features, skipped={**plan.skipped, **left, **computed}, calendar=())


def _of_times(*, made: bool) -> Iterator[Hazard]:
    if made:
        what = "no column says when a row happened; an hour each was made up, so that a replay says nothing: name one with --time COLUMN"
        yield Hazard("no time", "the rows", what)


def _taken(facts: Facts, data: Path, *, estimator: Estimator | None, time: str) -> Iterator[str]:
    yield f"rows of {data}"
    if time:
        yield f"their time {time!r}"
    if estimator is not None:
        yield f"{estimator.name} of {estimator.module} ({estimator.place})"
    elif facts.estimators:
        found = facts.estimators[-1]
        yield f"not {found.name} ({found.place}), which does not fit the label: Flyball's own search trains"
    else:
        yield "no estimator that is known here: Flyball's own search trains"


def _notes(script: Script, facts: Facts, *, hazards: Sequence[Hazard]) -> Iterator[str]:
    """What stands behind the project as comments."""
    if hazards:
        yield f"# What of {_plain(script.path.name)} nobody could do again:"
        yield from (f"#   {hazard.kind}: {_plain(hazard.what)} ({hazard.place})" for hazard in hazards)
        yield ""
    lines = list(_left(script, facts))
    if lines:
        yield f"# What of {_plain(script.path.name)} was not turned:"
        yield from (f"#   {line}".rstrip() for line in lines[:SHOWN_LINES])
        if len(lines) > SHOWN_LINES:
            yield f"#   ... and {len(lines) - SHOWN_LINES:,} lines more"
        yield ""


def _left(script: Script, facts: Facts) -> Iterator[str]:
    for cell in script.cells:
        if cell.tree is None:
            yield from (_plain(line, keep=True) for line in cell.text.splitlines())
            continue
        lines = cell.text.splitlines()
        for statement in cell.tree.body:
            if (cell.number, statement.lineno) in facts.turned or _is_shown(statement):
                continue
            yield from (_plain(line, keep=True) for line in lines[statement.lineno - 1 : statement.end_lineno])


def _is_shown(statement: ast.stmt) -> bool:
    """Whether it does nothing but show a value, or nothing at all."""
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Name | ast.Constant | ast.Attribute | ast.Subscript)
    )


def _plain(text: str, *, keep: bool = False) -> str:
    """The text as it may stand in a comment; with `keep` its spaces stay."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return printable if keep else " ".join(printable.split()).replace('"', "'").replace("\\", "/")
