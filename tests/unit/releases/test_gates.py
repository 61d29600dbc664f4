"""Every gate by its definition, with the sentence it says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from flyball.registry import Difference, Estimate, Evidence
from flyball.releases import GateResult, GateSpec, at_least, at_most, beats_champion, evaluate, max_slice_gap
from flyball.releases.errors import GateSpecError

T = datetime(2013, 3, 1, tzinfo=UTC)


def estimate(value: float, reach: float = 0.02, *, n: int = 5000) -> Estimate:
    return Estimate(value, value - reach, value + reach, n)


EVIDENCE = Evidence(metric="roc_auc", metrics={"roc_auc": estimate(0.7), "log_loss": estimate(0.5)}, start=T, end=T, rows=5000)


def ask(gate: GateSpec, evidence: Evidence = EVIDENCE) -> GateResult:
    (result,) = evaluate([gate], evidence).results
    return result


def compared(low: float, *, n: int = 1000, champion: int | None = 3) -> Evidence:
    return replace(EVIDENCE, champion=champion, comparison=Difference("roc_auc", low + 0.01, low, low + 0.02, n))


def test_bounds_include_their_value() -> None:
    assert ask(at_least("roc_auc", 0.7)).passed
    assert not ask(at_least("roc_auc", 0.7001)).passed
    assert ask(at_most("log_loss", 0.5)).passed
    assert not ask(at_most("log_loss", 0.4999)).passed


def test_a_bound_says_what_it_found() -> None:
    assert ask(at_least("roc_auc", 0.71)).why == "roc_auc is 0.7000 on 5,000 rows, below 0.71."
    assert ask(at_most("roc_auc", 0.69)).why == "roc_auc is 0.7000 on 5,000 rows, above 0.69."
    assert ask(at_least("roc_auc", 0.58)).figures == {"value": 0.7, "low": 0.7 - 0.02, "high": 0.72, "n": 5000}


def test_a_metric_that_the_evidence_lacks_fails() -> None:
    result = ask(at_least("auc", 0.5))
    assert not result.passed
    assert result.why == "The evidence has no metric 'auc'; it has: log_loss, roc_auc."


def test_the_lower_end_may_reach_minus_the_margin() -> None:
    assert ask(beats_champion(), compared(-0.005)).passed
    assert not ask(beats_champion(), compared(-0.0051)).passed
    assert ask(beats_champion(0.01), compared(-0.0051)).passed
    assert not ask(beats_champion(0.0), compared(-1e-9)).passed
    assert "against champion 3 on the same 1,000 rows" in ask(beats_champion(), compared(-0.2)).why


def test_without_a_champion_it_passes_and_says_so() -> None:
    assert ask(beats_champion()) == GateResult("beats_champion(0.005)", True, "There is no champion to beat.")


@pytest.mark.parametrize("evidence", [compared(-0.5, n=999), replace(EVIDENCE, champion=3)])
def test_with_fewer_than_a_thousand_rows_it_passes_and_says_so(evidence: Evidence) -> None:
    result = ask(beats_champion(), evidence)
    assert result.passed
    assert "fewer than 1,000 judge nothing" in result.why


def sliced(**slices: Estimate) -> Evidence:
    return replace(EVIDENCE, slices={"carrier": slices})


def test_a_slice_fails_only_when_it_is_surely_behind() -> None:
    gate = max_slice_gap("carrier", 0.1)
    assert ask(gate, sliced(UA=estimate(0.6), AA=estimate(0.75))).passed
    assert ask(gate, sliced(UA=estimate(0.55, 0.1))).passed  # 0.15 behind, but its interval begins at 0.048
    assert not ask(gate, sliced(UA=estimate(0.55, 0.01))).passed
    result = ask(gate, sliced(UA=estimate(0.55, 0.01), AA=estimate(0.5, 0.01)))
    assert result.figures["slice"] == "AA"
    assert result.figures["gap"] == pytest.approx(0.2)
    assert result.figures["low"] == pytest.approx(0.2 - (0.02**2 + 0.01**2) ** 0.5)


def test_for_a_metric_where_less_is_better_more_is_behind() -> None:
    evidence = replace(EVIDENCE, metric="log_loss", greater_is_better=False)
    behind = replace(evidence, slices={"carrier": {"UA": estimate(0.7, 0.01), "AA": estimate(0.3, 0.01)}})
    result = ask(max_slice_gap("carrier", 0.1), behind)
    assert not result.passed
    assert result.figures["slice"] == "UA"
    assert result.figures["gap"] == pytest.approx(0.2)


def test_small_slices_judge_nothing() -> None:
    result = ask(max_slice_gap("carrier", 0.1), sliced(UA=estimate(0.2, 0.01, n=499)))
    assert result.passed
    assert "No value of 'carrier' has 500 rows" in result.why
    assert not ask(max_slice_gap("carrier", 0.1), sliced(UA=estimate(0.2, 0.01, n=500))).passed


def test_a_column_without_slices_fails() -> None:
    result = ask(max_slice_gap("origin", 0.1), sliced(UA=estimate(0.7)))
    assert (result.passed, result.why) == (False, "The evidence has no slices by 'origin'; it has: carrier.")


def test_a_report_passes_when_every_gate_does() -> None:
    gates: list[GateSpec] = [at_least("roc_auc", 0.58), at_least("roc_auc", 0.9), beats_champion()]
    report = evaluate(gates, EVIDENCE)
    assert [result.name for result in report.results] == ["at_least('roc_auc', 0.58)", "at_least('roc_auc', 0.9)", "beats_champion(0.005)"]
    assert not report.passed
    assert report.why == "at_least('roc_auc', 0.9): roc_auc is 0.7000 on 5,000 rows, below 0.9."
    assert report.to_json()["gates"][0]["passed"] is True
    assert (evaluate([], EVIDENCE).passed, evaluate([], EVIDENCE).why) == (True, "No gates are declared.")


@pytest.mark.parametrize(
    "make",
    [
        lambda: at_least("", 0.5),
        lambda: at_least("roc_auc", float("nan")),
        lambda: at_most("log_loss", float("inf")),
        lambda: at_most("log_loss", True),
        lambda: beats_champion(-0.1),
        lambda: max_slice_gap("carrier", -0.1),
        lambda: max_slice_gap("", 0.1),
    ],
)
def test_a_gate_that_can_never_be_right_is_refused(make: Any) -> None:
    with pytest.raises(GateSpecError):
        make()
