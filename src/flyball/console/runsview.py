"""What a table of runs shows, as a value that stands in the page's address: experiments, filter, order, columns and chosen runs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import urlencode

from flyball.console.records import Run, plain, time_of
from flyball.console.words import length, moment

MOST_COMPARED = 30
Direction = Literal["asc", "desc"]
FIXED = {"name": "Run", "status": "Status", "started": "Started", "duration": "Took", "experiment": "Experiment", "user": "By"}
"""The columns that every run has, with their titles."""
_ATTRIBUTES = {"name": "run_name", "status": "status", "started": "start_time", "user": "user_id", "ended": "end_time"}
GROUPS = {"metrics": "Metrics", "params": "Parameters", "tags": "Tags"}
"""The columns that depend on what was logged: `metrics.auc`, `params.lr`, `tags.team`."""
_SHOWN_AT_FIRST = {"metrics": 4, "params": 4}
_HIDDEN_TAGS = "mlflow."
LONGEST = 200


@dataclass(frozen=True, slots=True)
class RunsView:
    """No `experiments` are all of them; `columns` is None where nobody has chosen any; `order` is of (column, direction)."""

    experiments: tuple[str, ...] = ()
    filter: str = ""
    order: tuple[tuple[str, Direction], ...] = ()
    columns: tuple[str, ...] | None = None
    deleted: bool = False
    chosen: tuple[str, ...] = ()

    @classmethod
    def of(cls, asked: Sequence[tuple[str, str]]) -> RunsView:
        """What the address asks for; what it cannot mean is passed over."""
        found: dict[str, list[str]] = {}
        for name, value in asked:
            found.setdefault(name, []).append(value)
        columns = found.get("column")
        return cls(
            experiments=tuple(dict.fromkeys(value for value in found.get("experiment", ()) if value)),
            filter=(found.get("filter") or [""])[-1],
            order=tuple(order for order in map(order_of, found.get("order", ())) if order is not None),
            columns=None if columns is None else tuple(dict.fromkeys(name for name in columns if is_column(name))),
            deleted=found.get("view", [""])[-1] == "deleted",
            chosen=tuple(dict.fromkeys(value for value in found.get("run", ()) if value)),
        )

    def address(self) -> str:
        """The address at which a page shows just this."""
        named: list[tuple[str, str]] = [("experiment", each) for each in self.experiments]
        if self.filter:
            named.append(("filter", self.filter))
        named += [("order", f"{column}:{direction}") for column, direction in self.order]
        named += [("column", name) for name in (self.columns or ("",))] if self.columns is not None else []
        if self.deleted:
            named.append(("view", "deleted"))
        named += [("run", each) for each in self.chosen]
        return f"/runs?{urlencode(named)}" if named else "/runs"

    def order_by(self) -> tuple[str, ...]:
        """The order in MLflow's grammar."""
        return tuple(clause for column, direction in self.order if (clause := order_clause(column, direction)) is not None)

    def query(self) -> str:
        """What the table's rows are asked for with, but for order and page."""
        bare = replace(self, order=(), chosen=(), columns=self.columns or ())
        return bare.address().removeprefix("/runs").removeprefix("?")


def is_column(name: str) -> bool:
    """Whether it may name a column."""
    return name in FIXED or (name.partition(".")[0] in GROUPS and "." in name)


def order_of(text: str) -> tuple[str, Direction] | None:
    """A column and a direction from `column:asc` or `column:desc`; None where it is neither.

    >>> order_of("metrics.a:b:desc"), order_of("metrics.a")
    (('metrics.a:b', 'desc'), None)
    """
    column, _, direction = text.rpartition(":")
    if not is_column(column):
        return None
    return (column, "desc") if direction == "desc" else (column, "asc") if direction == "asc" else None


def order_clause(column: str, direction: Direction) -> str | None:
    """One clause of an order in MLflow's grammar; None for a column that runs are not ordered by.

    >>> order_clause("metrics.a`b", "desc"), order_clause("started", "asc"), order_clause("duration", "asc")
    ('metrics.`a``b` DESC', 'attributes.start_time ASC', None)
    """
    group, dot, key = column.partition(".")
    if dot and group in GROUPS:
        quoted = key.replace("`", "``")
        return f"{group}.`{quoted}` {direction.upper()}"
    return f"attributes.{_ATTRIBUTES[column]} {direction.upper()}" if column in _ATTRIBUTES else None


@dataclass(frozen=True, slots=True)
class Keys:
    """What was logged in some runs, by name, as columns; in the order of the alphabet."""

    columns: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, runs: Sequence[Run]) -> Keys:
        """Those of `runs`; tags that MLflow itself sets are left out."""
        return cls({group: tuple(sorted({f"{group}.{key}" for run in runs for key in _keys(run, group)})) for group in GROUPS})

    def joined(self, more: Keys) -> Keys:
        """These and those."""
        return Keys({group: tuple(sorted({*self.columns[group], *more.columns[group]})) for group in GROUPS})

    def first(self) -> tuple[str, ...]:
        """The columns for whoever has not chosen any."""
        return tuple(name for group, most in _SHOWN_AT_FIRST.items() for name in self.columns[group][:most])


def _keys(run: Run, group: str) -> Sequence[str]:
    match group:
        case "metrics":
            return [each.key for each in run.data.metrics]
        case "params":
            return [each.key for each in run.data.params]
        case _:
            return [each.key for each in run.data.tags if not each.key.startswith(_HIDDEN_TAGS)]


def row(run: Run, columns: Sequence[str], *, experiments: Mapping[str, str]) -> dict[str, object]:
    """A run as one row of the table: its id, its status and a text for each column."""
    head = run.info
    values = {
        "name": head.title,
        "status": head.status.capitalize(),
        "started": moment(time_of(head.start_time)),
        "duration": took(head.start_time, head.end_time),
        "experiment": experiments.get(head.experiment_id, head.experiment_id),
        "user": head.user_id,
    }
    groups: Mapping[str, Mapping[str, str]] = {
        "metrics": {name: plain(value) for name, value in run.metrics.items()},
        "params": run.params,
        "tags": run.tags,
    }
    for column in columns:
        group, _, key = column.partition(".")
        if group in groups:
            values[column] = groups[group].get(key, "")
    return {"id": head.run_id, "v": {name: value[:LONGEST] for name, value in values.items()}}


def took(start_ms: int, end_ms: int | None) -> str:
    """How long it took, or nothing while it does not end.

    >>> took(0, 61_000), took(0, 900), took(0, None)
    ('1 min 1 s', '900 ms', '')
    """
    if end_ms is None:
        return ""
    spent = end_ms - start_ms
    return f"{max(spent, 0)} ms" if spent < 1000 else length(time_of(end_ms) - time_of(start_ms))
