"""Gates: what a candidate must show before it is released, as frozen values, and the pure function that asks them.

A gate reads evidence and nothing else; it says what it found and why it passed or failed in one sentence.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

from flyball.registry.evidence import Estimate, Evidence
from flyball.releases.errors import GateSpecError

MIN_PAIRED_ROWS = 1000
MIN_SLICE_ROWS = 500


@dataclass(frozen=True, slots=True)
class AtLeast:
    """The metric is not below `value`."""

    metric: str
    value: float

    @property
    def name(self) -> str:
        """The gate as it was written."""
        return f"at_least({self.metric!r}, {self.value:g})"


@dataclass(frozen=True, slots=True)
class AtMost:
    """The metric is not above `value`."""

    metric: str
    value: float

    @property
    def name(self) -> str:
        """The gate as it was written."""
        return f"at_most({self.metric!r}, {self.value:g})"


@dataclass(frozen=True, slots=True)
class BeatsChampion:
    """The candidate is not worse than the champion by more than `margin`."""

    margin: float

    @property
    def name(self) -> str:
        """The gate as it was written."""
        return f"beats_champion({self.margin:g})"


@dataclass(frozen=True, slots=True)
class MaxSliceGap:
    """No slice of `column` is worse than the whole by more than `limit`."""

    column: str
    limit: float

    @property
    def name(self) -> str:
        """The gate as it was written."""
        return f"max_slice_gap({self.column!r}, {self.limit:g})"


GateSpec = AtLeast | AtMost | BeatsChampion | MaxSliceGap


def _number(gate: str, value: object, *, least: float = -math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < least:
        need = "a finite number" if least == -math.inf else f"a finite number of at least {least:g}"
        raise GateSpecError(gate, f"{need} is needed, not {value!r}")
    return float(value)


def _name(gate: str, name: object, *, kind: str) -> str:
    if not isinstance(name, str) or not name:
        raise GateSpecError(gate, f"the {kind} is a name, not {name!r}")
    return name


def at_least(metric: str, value: float) -> AtLeast:
    """Passes when the metric on the hold-out is at least `value`.

    Raises:
        GateSpecError: no metric is named, or `value` is not a finite number.
    """
    return AtLeast(_name("at_least", metric, kind="metric"), _number("at_least", value))


def at_most(metric: str, value: float) -> AtMost:
    """Passes when the metric on the hold-out is at most `value`.

    Raises:
        GateSpecError: no metric is named, or `value` is not a finite number.
    """
    return AtMost(_name("at_most", metric, kind="metric"), _number("at_most", value))


def beats_champion(margin: float = 0.005) -> BeatsChampion:
    """Passes when the lower end of the paired interval of candidate minus champion is at least minus `margin`.

    Both are scored on the same rows, which neither saw. Without a champion, or with fewer than 1,000 such rows, it passes and says so.

    Raises:
        GateSpecError: `margin` is not a finite number of at least 0.
    """
    return BeatsChampion(_number("beats_champion", margin, least=0.0))


def max_slice_gap(column: str, limit: float) -> MaxSliceGap:
    """Passes unless the worst slice of `column` with at least 500 rows lies, beyond its interval, more than `limit` behind the whole.

    Raises:
        GateSpecError: no column is named, or `limit` is not a finite number of at least 0.
    """
    return MaxSliceGap(_name("max_slice_gap", column, kind="column"), _number("max_slice_gap", limit, least=0.0))


@dataclass(frozen=True, slots=True)
class GateResult:
    """What one gate found: its name, whether it passed, the figures it looked at, and one sentence why."""

    name: str
    passed: bool
    why: str
    figures: Mapping[str, float | int | str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON."""
        return {"name": self.name, "passed": self.passed, "why": self.why, "figures": dict(self.figures)}


@dataclass(frozen=True, slots=True)
class GateReport:
    """The results of all gates in the order they were declared; it passed when all did."""

    results: tuple[GateResult, ...]

    @property
    def passed(self) -> bool:
        """No gate failed; a report of no gates passed."""
        return all(result.passed for result in self.results)

    @property
    def why(self) -> str:
        """The sentences of the gates that failed, or of all where none did."""
        failed = [result for result in self.results if not result.passed]
        return " ".join(f"{result.name}: {result.why}" for result in failed or self.results) or "No gates are declared."

    def to_json(self) -> dict[str, Any]:
        """The report as JSON."""
        return {"passed": self.passed, "gates": [result.to_json() for result in self.results]}


def evaluate(gates: Iterable[GateSpec], evidence: Evidence) -> GateReport:
    """Ask every gate; pure, and a gate that finds nothing to look at never raises."""
    return GateReport(tuple(_ask(gate, evidence) for gate in gates))


def _ask(gate: GateSpec, evidence: Evidence) -> GateResult:
    match gate:
        case AtLeast() | AtMost():
            return _bound(gate, evidence)
        case BeatsChampion():
            return _beats(gate, evidence)
        case MaxSliceGap():
            return _slice_gap(gate, evidence)
    assert_never(gate)


def _bound(gate: AtLeast | AtMost, evidence: Evidence) -> GateResult:
    found = evidence.metrics.get(gate.metric)
    if found is None:
        known = ", ".join(evidence.metrics) or "none"
        return GateResult(gate.name, False, f"The evidence has no metric {gate.metric!r}; it has: {known}.")
    least = isinstance(gate, AtLeast)
    passed = found.value >= gate.value if least else found.value <= gate.value
    side = ("at least" if least else "at most") if passed else ("below" if least else "above")
    why = f"{gate.metric} is {found.value:.4f} on {found.n:,} rows, {side} {gate.value:g}."
    return GateResult(gate.name, passed, why, {"value": found.value, "low": found.low, "high": found.high, "n": found.n})


def _beats(gate: BeatsChampion, evidence: Evidence) -> GateResult:
    if evidence.champion is None:
        return GateResult(gate.name, True, "There is no champion to beat.")
    found = evidence.comparison
    if found is None or found.n < MIN_PAIRED_ROWS:
        n = found.n if found else 0
        why = (
            f"Only {n:,} rows were seen by neither the candidate nor champion {evidence.champion}; "
            f"fewer than {MIN_PAIRED_ROWS:,} judge nothing."
        )
        return GateResult(gate.name, True, why, {"n": n, "champion": evidence.champion})
    passed = found.low >= -gate.margin
    why = (
        f"{found.metric} against champion {evidence.champion} on the same {found.n:,} rows: {found.value:+.4f} "
        f"[{found.low:+.4f}, {found.high:+.4f}]; the lower end is {'not below' if passed else 'below'} {-gate.margin:g}."
    )
    figures = {"value": found.value, "low": found.low, "high": found.high, "n": found.n, "champion": evidence.champion}
    return GateResult(gate.name, passed, why, figures)


def _gap(whole: Estimate, part: Estimate, *, greater_is_better: bool) -> tuple[float, float, float]:
    """How far `part` is behind `whole`, with its interval by the square-and-add rule (Zou & Donner 2008, eq. 7).

    The two are taken as independent. A slice belongs to the whole, which makes them vary together, so the true interval is
    narrower: the gate errs on the side of passing.
    """
    better, worse = (whole, part) if greater_is_better else (part, whole)
    gap = better.value - worse.value
    below = math.hypot(better.value - better.low, worse.high - worse.value)
    above = math.hypot(better.high - better.value, worse.value - worse.low)
    return gap, gap - below, gap + above


def _slice_gap(gate: MaxSliceGap, evidence: Evidence) -> GateResult:
    slices, whole = evidence.slices.get(gate.column), evidence.overall
    if slices is None or whole is None:
        known = ", ".join(evidence.slices) or "none"
        return GateResult(gate.name, False, f"The evidence has no slices by {gate.column!r}; it has: {known}.")
    judged = {value: found for value, found in slices.items() if found.n >= MIN_SLICE_ROWS}
    if not judged:
        return GateResult(
            gate.name, True, f"No value of {gate.column!r} has {MIN_SLICE_ROWS} rows on the hold-out; smaller slices judge nothing."
        )
    up = evidence.greater_is_better
    gaps = {value: _gap(whole, found, greater_is_better=up) for value, found in judged.items()}
    worst = max(gaps, key=lambda value: (gaps[value][0], value))
    passed = gaps[worst][1] <= gate.limit
    gap, low, high = gaps[worst]
    why = (
        f"{evidence.metric} of {gate.column} {worst!r} is {gap:.4f} [{low:.4f}, {high:.4f}] behind the whole on {judged[worst].n:,} rows; "
        f"the lower end is {'not above' if passed else 'above'} {gate.limit:g}."
    )
    return GateResult(gate.name, passed, why, {"slice": worst, "gap": gap, "low": low, "high": high, "n": judged[worst].n})
