"""Versions and evidence as values."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from flyball.core.errors import NaiveTimeError
from flyball.core.ids import Digest, RunId
from flyball.kernels.estimate import Estimate as Measured
from flyball.kernels.estimate import Undefined
from flyball.registry import Difference, Estimate, EstimateError, Evidence, IllegalVersionMoveError, ModelVersion, VersionState
from flyball.registry.errors import ranges

T = datetime(2013, 3, 1, tzinfo=UTC)
VERSION = ModelVersion(
    model="late", number=3, digest=Digest("d"), run=RunId("r"), training_digest=Digest("t"), feature_fingerprint=Digest("f"),
    code_version="git:abc", environment=Digest("e"), created=T,
)  # fmt: skip


def test_an_illegal_move_says_what_is_legal() -> None:
    with pytest.raises(
        IllegalVersionMoveError, match="is candidate and cannot become retired; from there it may become: validated, rejected"
    ):
        VERSION.moved(VersionState.RETIRED)


def test_times_are_utc_and_aware() -> None:
    other = replace(VERSION, created=T.astimezone(timezone(timedelta(hours=-5))))
    assert (other, str(other.created.tzinfo)) == (VERSION, "UTC")
    with pytest.raises(NaiveTimeError):
        replace(VERSION, created=datetime(2013, 3, 1))  # noqa: DTZ001  that is what is refused


def test_the_overall_figure_is_the_objectives() -> None:
    estimate = Estimate(0.7, 0.6, 0.8, 100)
    evidence = Evidence(metric="roc_auc", metrics={"roc_auc": estimate}, start=T, end=T, rows=100)
    assert evidence.overall == estimate
    assert Evidence(metric="brier", metrics={"roc_auc": estimate}, start=T, end=T, rows=100).overall is None


@pytest.mark.parametrize("figures", [(float("nan"), 0.0, 1.0, 5), (0.5, 1.0, 0.0, 5), (0.5, 0.0, float("inf"), 5), (0.5, 0.0, 1.0, -1)])
def test_figures_that_cannot_be_an_estimate_are_refused(figures: tuple[float, float, float, int]) -> None:
    with pytest.raises(EstimateError):
        Estimate(*figures)
    with pytest.raises(EstimateError):
        Difference("roc_auc", *figures)


def test_what_a_kernel_could_not_measure_is_none() -> None:
    assert Estimate.of(Measured.missing(Undefined.ONE_CLASS, 5)) is None
    assert Difference.of("roc_auc", Measured(0.5, None, None, 1)) is None
    assert Estimate.of(Measured(0.5, 0.4, 0.6, 9, 0.05)) == Estimate(0.5, 0.4, 0.6, 9)
    assert Difference.of("roc_auc", Measured(0.5, 0.4, 0.6, 9, 0.05)) == Difference("roc_auc", 0.5, 0.4, 0.6, 9)


def test_runs_of_numbers_are_ranges() -> None:
    dash = "\N{EN DASH}"
    assert [ranges(numbers) for numbers in ([], [4], [1, 2], [5, 1, 2, 3, 3])] == ["", "4", "1, 2", f"1{dash}3, 5"]
