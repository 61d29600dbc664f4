"""From tallies to outcomes: what came of every promise, in words that a person can act upon."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import polars as pl

from flyball.core.duration import format_duration, parse_duration
from flyball.data.contracts.blaming import blaming
from flyball.data.contracts.errors import CheckError
from flyball.data.contracts.keys import Found, find_orphans, find_repeated
from flyball.data.contracts.model import AggregateCheck, DistributionCheck, FreshnessCheck, KeyCheck, SkewCheck, UniqueCheck, VolumeCheck
from flyball.data.contracts.outcome import Context, Outcome
from flyball.data.contracts.promised import Promised
from flyball.data.contracts.promises import RowPromise
from flyball.data.contracts.samples import examples_of
from flyball.data.contracts.tally import Tally
from flyball.data.contracts.wholes import Whole
from flyball.data.model import EVENT_TIME

LEAST_VOLUMES = 3
LEAST_ROWS = 100


def finish(compiled: Promised, tally: Tally, *, context: Context) -> tuple[Outcome, ...]:
    """What came of every promise of `compiled` over the rows of `tally`."""
    pythons = [whole for whole in compiled.wholes if whole.python is not None]
    values = evaluate(pythons, context.rows) if pythons and context.rows is not None and tally.cells() else {}
    return Finishing(compiled, tally, context, values).outcomes()


def evaluate(wholes: Sequence[Whole], rows: pl.LazyFrame) -> dict[str, Any]:
    """The values of the aggregates in Python, in one pass over `rows`.

    Raises:
        CheckError: one cannot be evaluated.
    """
    with blaming(((whole.check, value) for whole, value in zip(wholes, python_values(wholes), strict=True)), rows):
        return rows.select(python_values(wholes)).collect(engine="streaming").row(0, named=True)


def python_values(wholes: Sequence[Whole]) -> list[pl.Expr]:
    """What to select of rows to have the values of the aggregates in Python, by check."""
    return [whole.python.alias(f"python {whole.check}") for whole in wholes if whole.python is not None]


@dataclass
class Finishing:
    """One run through all promises; `values` has those of aggregates in Python."""

    compiled: Promised
    tally: Tally
    context: Context
    values: Mapping[str, Any]
    cells: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.cells = self.tally.cells()

    @property
    def rows(self) -> int:
        """How many rows were taken."""
        return int(self.cells.get("rows", 0))

    def outcomes(self) -> tuple[Outcome, ...]:
        """Cells, rows, wholes, each in the contract's order."""
        promises = (*self.compiled.cells, *self.compiled.rows)
        broken = {promise.check: self._broken(promise) for promise in promises}
        tallied = [promise for promise in promises if self.cells.get(f"broken {promise.check}")]
        examples = examples_of(self.compiled.dataset, tallied, rows=self.context.rows) if tallied else {}
        rows = [self._row(promise, broken=broken[promise.check], examples=examples.get(promise.check, ())) for promise in promises]
        return (*rows, *(outcome for whole in self.compiled.wholes for outcome in self._whole(whole)))

    def _broken(self, promise: RowPromise) -> int:
        return int(self.cells.get(f"broken {promise.check}") or 0) + self.tally.breaks[promise.check]

    def _row(self, promise: RowPromise, *, broken: int, examples: tuple[str, ...]) -> Outcome:
        checked = self.rows + self.tally.aside
        return Outcome(
            check=promise.check, kind=promise.kind, severity=promise.severity, column=promise.column,
            passed=broken <= promise.tolerance * checked, checked=checked, broken=broken, observed=broken / checked if checked else None,
            expected=promise.expected, message=f"{broken:,} of {checked:,} rows: {promise.why}" if broken else "", examples=examples,
        )  # fmt: skip

    def _whole(self, whole: Whole) -> Iterator[Outcome]:
        spec = whole.spec
        match spec:
            case None:
                yield self._python(whole)
            case AggregateCheck():
                yield self._aggregate(whole, spec)
            case UniqueCheck() | KeyCheck():
                yield self._keys(whole, spec)
            case DistributionCheck() | SkewCheck():
                yield self._distances(whole, spec)
            case FreshnessCheck():
                yield self._freshness(whole, spec)
            case VolumeCheck():
                yield self._volume(whole, spec)

    def _outcome(
        self, whole: Whole, *, passed: bool, observed: float | str | None = None, message: str = "", skipped: bool = False
    ) -> Outcome:
        return Outcome(
            check=whole.check, kind=whole.kind, severity=whole.severity, column=whole.column, passed=passed, checked=self.rows,
            observed=observed, expected=whole.expected, message=message, skipped=skipped,
        )  # fmt: skip

    def _skipped(self, whole: Whole, why: str) -> Outcome:
        return self._outcome(whole, passed=True, message=f"not looked at: {why}", skipped=True)

    def _python(self, whole: Whole) -> Outcome:
        name = f"python {whole.check}"
        if name not in self.values:
            return self._skipped(whole, "there are no rows")
        value = self.values[name]
        if value is not None and not isinstance(value, bool):
            raise CheckError(whole.check, f"it came to {value!r}, not true or false; compare it with something")
        return self._outcome(whole, passed=value is not False, observed=str(value), message="it is false" if value is False else "")

    def _aggregate(self, whole: Whole, spec: AggregateCheck) -> Outcome:
        if not self.cells or whole.parsed is None:
            return self._skipped(whole, "there are no rows")
        value = self.tally.frame().select(whole.parsed.value.alias("value")).item()
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return self._outcome(whole, passed=True, message="it has no value")
        if spec.minimum is None and spec.maximum is None:
            return self._outcome(whole, passed=bool(value), observed=str(value), message="" if value else "it is false")
        below = spec.minimum is not None and value < spec.minimum
        above = spec.maximum is not None and value > spec.maximum
        message = f"{spec.expression} is {value:.12g}" if below or above else ""
        return self._outcome(whole, passed=not below and not above, observed=float(value), message=message)

    def _keys(self, whole: Whole, spec: UniqueCheck | KeyCheck) -> Outcome:
        if self.context.rows is None:
            return self._skipped(whole, "the rows are not at hand")
        if isinstance(spec, UniqueCheck):
            return self._found(whole, spec, found=find_repeated(self.compiled.dataset, spec, rows=self.context.rows, context=self.context))
        other = self.context.others.get(spec.dataset)
        if other is None:
            return self._skipped(whole, f"dataset {spec.dataset!r} has no accepted version")
        missing = [name for name in spec.to or spec.columns if name not in other.collect_schema()]
        if missing:
            raise CheckError(spec.name, f"dataset {spec.dataset!r} has no column {missing[0]!r}")
        return self._found(whole, spec, found=find_orphans(spec, rows=self.context.rows, other=other, context=self.context))

    def _found(self, whole: Whole, spec: UniqueCheck | KeyCheck, *, found: Found) -> Outcome:
        what = "repeat another" if isinstance(spec, UniqueCheck) else f"have no partner in {spec.dataset!r}"
        return Outcome(
            check=whole.check, kind=whole.kind, severity=whole.severity, column=whole.column,
            passed=found.broken <= spec.tolerance * found.checked, checked=found.checked, broken=found.broken,
            observed=found.broken / found.checked if found.checked else None, expected=whole.expected,
            message=f"{found.broken:,} of {found.checked:,} rows {what}" if found.broken else "", examples=found.examples,
        )  # fmt: skip

    def _distances(self, whole: Whole, spec: DistributionCheck | SkewCheck) -> Outcome:
        found = self.tally.bins.get(whole.check, ())
        if not found:
            return self._skipped(whole, "there are no rows to compare with")
        least = min([self.rows, *(int(one.reference.sum()) for one in found)])
        if least < LEAST_ROWS:
            return self._skipped(whole, f"{least:,} rows on one side say too little; {LEAST_ROWS} are needed")
        distances = {one.column: one.distance(self.cells) for one in found}
        column, worst = max(distances.items(), key=lambda pair: pair[1])
        far = {name: distance for name, distance in distances.items() if distance > spec.limit}
        message = ", ".join(f"{name} lies {distance:.3g} apart" for name, distance in far.items())
        return self._outcome(whole, passed=not far, observed=worst, message=message or f"{column} lies farthest apart")

    def _freshness(self, whole: Whole, spec: FreshnessCheck) -> Outcome:
        latest = self.cells.get(f"latest {spec.column or EVENT_TIME}")
        if latest is None:
            return self._skipped(whole, "there is no time")
        age = self.context.now - _moment(latest)
        passed = age <= parse_duration(spec.maximum_age)
        shown = format_duration(timedelta(seconds=max(0, int(age.total_seconds()))))
        return self._outcome(whole, passed=passed, observed=age.total_seconds(), message="" if passed else f"the latest is {shown} old")

    def _volume(self, whole: Whole, spec: VolumeCheck) -> Outcome:
        rows, volumes = self.rows, self.context.volumes
        below, above = spec.minimum is not None and rows < spec.minimum, spec.maximum is not None and rows > spec.maximum
        message = f"{rows:,} rows came" if below or above else ""
        if spec.relative is not None and len(volumes) >= LEAST_VOLUMES:
            median = statistics.median(volumes)
            if abs(rows - median) > spec.relative * median:
                message = f"{rows:,} rows came; the median of {len(volumes)} earlier versions is {median:,.0f}"
        elif spec.relative is not None and not message:
            message = f"compared with no version before: {len(volumes)} of {LEAST_VOLUMES} that it takes"
            return self._outcome(whole, passed=True, observed=rows, message=message, skipped=spec.minimum is None and spec.maximum is None)
        return self._outcome(whole, passed=not message, observed=rows, message=message)


def _moment(latest: date) -> datetime:
    """A day is over when the next one begins."""
    return latest if isinstance(latest, datetime) else datetime.combine(latest, time.min, tzinfo=UTC) + timedelta(days=1)
