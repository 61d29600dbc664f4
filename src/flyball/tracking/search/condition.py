"""What a filter asks of a run, in SQL: a probe of one run, and where the runs stand together that may pass it.

Every piece speaks of the run in the row `r` of `tracked_runs`. Names of metrics, params and tags are numbers by now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flyball.tracking.experiment import Lifecycle, ViewType
from flyball.tracking.model import RunStatus
from flyball.tracking.search.clause import Clause, Entity, Field, Operator
from flyball.tracking.search.sql import FALSE, TRUE, Dialect, Sql, after_prefix, all_of, literal_prefix
from flyball.tracking.search.textmatch import matches

HEAD = 64  # characters of a text that stand in an index
KEYED = {Entity.METRIC: "latest_metrics", Entity.PARAM: "run_params", Entity.TAG: "run_tags"}
COLUMNS = {
    "run_id": "id", "run_name": "name", "user_id": '"user"', "status": "status",
    "start_time": "start_ms", "end_time": "end_ms", "artifact_uri": "artifact_uri",
}  # fmt: skip
INDEXED = frozenset({"start_time", "end_time", "run_name", "status", "user_id"})
STAGES = {
    ViewType.ACTIVE_ONLY: (Lifecycle.ACTIVE,),
    ViewType.DELETED_ONLY: (Lifecycle.DELETED,),
    ViewType.ALL: (Lifecycle.ACTIVE, Lifecycle.DELETED),
}
_O = Operator


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose runs are looked at."""

    experiments: tuple[int, ...]
    stages: tuple[str, ...]

    @classmethod
    def of(cls, experiments: Sequence[int], view: ViewType) -> Scope:
        """The scope of a view."""
        return cls(tuple(sorted(set(experiments))), tuple(str(stage) for stage in STAGES[view]))

    def home(self, dialect: Dialect) -> Sql:
        """Whether `r` is in one of the experiments."""
        return dialect.among(dialect.unindexed("r.experiment"), self.experiments)

    def staged(self, dialect: Dialect) -> Sql:
        """Whether `r` is in the view; a run without a stage has none to be asked for."""
        return TRUE if len(self.stages) > 1 else dialect.among(dialect.unindexed("r.lifecycle"), self.stages)


@dataclass(frozen=True, slots=True)
class Source:
    """A stretch of an index: rows of `table` where `where` holds, each of another run. A keyed table is `s`, the runs' own is `r`.

    `exact` says that what it was made of holds for each of its runs.
    """

    table: str
    where: Sql
    exact: bool = False

    @property
    def rows(self) -> str:
        """The table, as the statement names it."""
        return "tracked_runs r" if self.table == "tracked_runs" else f"{self.table} s"

    @property
    def run(self) -> str:
        """The column that has the run's number."""
        return "r.number" if self.table == "tracked_runs" else "s.run"

    def runs(self, dialect: Dialect) -> str:
        """The table with the run of each row, which is looked up after it."""
        return self.rows if self.table == "tracked_runs" else f"{self.rows} {dialect.ordered_join} tracked_runs r ON r.number = s.run"


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that is asked of a run.

    `bounds` limit the indexed column of `field`: comparisons that hold for every run that passes. `present` says that the run has the
    field, `source` where those that pass stand, and `absent` where those stand that do not.
    """

    field: Field
    probe: Sql
    bounds: tuple[tuple[str, object], ...] = ()
    present: bool = True
    number: bool = True  # a metric that passes may be anything but NaN
    source: Source | None = None
    absent: Source | None = None


class Conditions:
    """Clauses made conditions, for one dialect, scope and dictionary of names."""

    def __init__(self, dialect: Dialect, scope: Scope, *, keys: Mapping[Field, int]) -> None:
        self.dialect, self.scope, self._keys = dialect, scope, keys

    def key(self, field: Field) -> int | None:
        """The number of a name; None where nothing was ever logged under it."""
        return self._keys.get(field)

    def of(self, clause: Clause) -> Condition:
        """What the clause asks."""
        match clause.field.entity:
            case Entity.ATTRIBUTE:
                return self._attribute(clause)
            case Entity.DATASET:
                return self._dataset(clause)
            case _:
                return self._keyed(clause)

    def _keyed(self, clause: Clause) -> Condition:
        key, table = self.key(clause.field), KEYED[clause.field.entity]
        missing = clause.operator is _O.IS_NULL
        if key is None:
            return Condition(clause.field, TRUE if missing else FALSE, present=not missing)
        passed = TRUE if missing or clause.operator is _O.IS_NOT_NULL else self._passed("k", clause)
        there = Sql(f"EXISTS (SELECT 1 FROM {table} k WHERE k.run = r.number AND k.key = ?", (key,))  # noqa: S608  our own words
        probe = there + (")" if passed == TRUE else Sql(" AND ") + passed + ")")
        if missing:
            return Condition(
                clause.field, Sql("NOT ") + probe, present=False, absent=self.stretch(clause.field, key, bounds=(), exact=True)
            )
        bounds, exact = bounds_of(clause)
        source = self.stretch(clause.field, key, bounds=bounds, exact=exact or passed == TRUE)
        numeric = clause.field.entity is Entity.METRIC and clause.operator is not _O.NE
        return Condition(clause.field, probe, bounds, number=numeric, source=source)

    def _passed(self, row: str, clause: Clause) -> Sql:
        compared = self.dialect.compared(f"{row}.value", clause.operator, value=clause.value)
        if clause.field.entity is not Entity.METRIC:
            return compared
        if clause.operator is _O.NE:
            return Sql(f"({row}.is_nan = 1 OR ") + compared + ")"
        return Sql(f"{row}.is_nan = 0 AND ") + compared

    def stretch(self, field: Field, key: int, *, bounds: Sequence[tuple[str, object]], exact: bool) -> Source:
        """The runs that have the field, its indexed column within the bounds."""
        metric = field.entity is Entity.METRIC
        where = Sql("s.key = ? AND ", (key,)) + self.dialect.among("s.experiment", self.scope.experiments)
        if metric and bounds:
            where += " AND s.is_nan = 0"
        for operator, value in bounds:
            where += Sql(f" AND s.{'value' if metric else 'head'} {operator} ?", (value,))
        return Source(KEYED[field.entity], where, exact=exact)

    def nan_stretch(self, key: int) -> Source:
        """The runs whose metric is NaN."""
        where = Sql("s.key = ? AND s.is_nan = 1 AND ", (key,)) + self.dialect.among("s.experiment", self.scope.experiments)
        return Source(KEYED[Entity.METRIC], where, exact=True)

    def _attribute(self, clause: Clause) -> Condition:
        column, operator, value = COLUMNS[clause.field.key], clause.operator, clause.value
        if clause.field.key == "status":
            passed = tuple(str(status) for status in RunStatus if matches(str(status).upper(), operator, asked=value))
            probe = self.dialect.among(self.dialect.unindexed("r.status"), passed) if passed else FALSE
            return Condition(clause.field, probe, source=self.heads(self.dialect.among("r.status", passed)) if passed else None)
        probe = self.dialect.compared(self.dialect.unindexed(f"r.{column}"), operator, value=value)
        bounds = bounds_of(clause)[0] if clause.field.key in INDEXED else ()
        if clause.field.key == "run_id" and operator in {_O.EQ, _O.IN}:
            return Condition(clause.field, probe, source=Source("tracked_runs", self.dialect.compared("r.id", operator, value=value)))
        if not bounds:
            return Condition(clause.field, probe)
        ranged = all_of(Sql(f"r.{column} {sign} ?", (bound,)) for sign, bound in bounds)
        return Condition(clause.field, probe, bounds, source=self.heads(ranged))

    def everyone(self) -> Source:
        """All runs of the experiments, in whatever stage."""
        return Source("tracked_runs", self.dialect.among("r.experiment", self.scope.experiments))

    def heads(self, also: Sql = TRUE) -> Source:
        """All runs of the scope for which `also` holds."""
        home = self.dialect.among("r.experiment", self.scope.experiments)
        return Source("tracked_runs", all_of((home, self.dialect.among("r.lifecycle", self.scope.stages), also)))

    def _dataset(self, clause: Clause) -> Condition:
        column = "i.context" if clause.field.key == "context" else f"d.{clause.field.key}"
        compared = self.dialect.compared(column, clause.operator, value=clause.value)
        tables = "run_datasets i JOIN tracked_datasets d ON d.number = i.dataset"
        probe = Sql(f"EXISTS (SELECT 1 FROM {tables} WHERE i.run = r.number AND ") + compared + ")"  # noqa: S608  our own words
        if column == "i.context":
            return Condition(clause.field, probe)
        among = self.dialect.among("d.experiment", self.scope.experiments)
        runs = Sql(f"r.number IN (SELECT i.run FROM {tables} WHERE ") + among + " AND " + compared + ")"  # noqa: S608  our own words
        return Condition(clause.field, probe, source=Source("tracked_runs", runs))


def bounds_of(clause: Clause) -> tuple[tuple[tuple[str, object], ...], bool]:
    """What the clause says of the field's indexed column, and whether that is all it says."""
    value, operator = clause.value, clause.operator
    text = clause.field.entity in {Entity.PARAM, Entity.TAG}
    match operator, value:
        case _O.EQ, str():
            return (("=", value[:HEAD] if text else value),), not text or len(value) < HEAD
        case ((_O.EQ | _O.LT | _O.LE | _O.GT | _O.GE), _):
            return ((str(operator), value),), True
        case _O.LIKE, str():
            prefix = literal_prefix(value)[:HEAD]
            end = after_prefix(prefix)
            if not prefix:
                return (), False
            return ((">=", prefix), *((("<", end),) if end else ())), False
    return (), False
