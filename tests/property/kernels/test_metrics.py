"""Laws of metrics and distances over small arrays with many ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.kernels import (
    METRICS,
    Metric,
    bin_numeric,
    categorical_counts,
    category_levels,
    jensen_shannon,
    numeric_edges,
    paired_auc_difference,
    psi,
    roc_auc,
    route,
)
from flyball.kernels.arrays import Floats, Ints

rows = st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]), st.sampled_from([0.0, 0.3, 1.0])), max_size=30).map(
    lambda drawn: np.array(drawn, np.float64).reshape(-1, 3).T
)


def pairs(labels: Floats, scores: Floats) -> float:
    """The share of ordered pairs, ties half, by looking at every pair."""
    gaps = scores[labels == 1][:, None] - scores[labels == 0][None, :]
    return float((np.sign(gaps) / 2 + 0.5).mean())


def delong(labels: Floats, scores: Floats) -> float:
    """DeLong's variance by looking at every pair."""
    kernel = np.sign(scores[labels == 1][:, None] - scores[labels == 0][None, :]) / 2 + 0.5
    return float(kernel.mean(axis=1).var(ddof=1) / kernel.shape[0] + kernel.mean(axis=0).var(ddof=1) / kernel.shape[1])


@settings(max_examples=60, deadline=None)
@given(rows)
def test_roc_area_is_that_of_all_pairs(drawn: Floats) -> None:
    labels, scores, others = drawn
    found = roc_auc(labels, scores)
    if found.value is None:
        assert len(set(labels)) < 2
        return
    assert found.value == pytest.approx(pairs(labels, scores), abs=1e-12)
    assert paired_auc_difference(labels, scores, than=others).value == pytest.approx(
        pairs(labels, scores) - pairs(labels, others), abs=1e-12
    )
    if 1 < labels.sum() < len(labels) - 1:
        assert found.standard_error == pytest.approx(delong(labels, scores) ** 0.5, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(rows)
def test_only_the_order_of_scores_matters_to_ranking(drawn: Floats) -> None:
    labels, scores, _ = drawn
    for name in ("roc_auc", "average_precision"):
        assert METRICS[name].estimate(labels, scores) == METRICS[name].estimate(labels, np.exp(7 * scores) - 3)


@pytest.mark.parametrize("metric", list(METRICS.values()), ids=lambda metric: metric.name)
@settings(max_examples=25, deadline=None)
@given(drawn=rows, data=st.data())
def test_order_of_rows_and_sign_of_differences(metric: Metric, drawn: Floats, data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(drawn.shape[1]))), np.int64)
    labels, a, b = drawn
    found, again = metric.estimate(labels, a), metric.estimate(labels[order], a[order])
    assert (found.undefined, found.n) == (again.undefined, again.n)
    assert found.value == pytest.approx(again.value)
    assert found.standard_error == pytest.approx(again.standard_error, abs=1e-9)
    there, back = metric.difference(labels, a, than=b), metric.difference(labels, b, than=a).negated()
    assert there.undefined == back.undefined
    assert there.value == pytest.approx(back.value)
    assert there.low == pytest.approx(back.low, abs=1e-9)


counts = st.lists(st.integers(0, 40), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(counts, st.data())
def test_distances_are_symmetric_bounded_and_zero_for_equal_shares(drawn: list[int], data: st.DataObject) -> None:
    a = np.array(drawn)
    b = np.array(data.draw(st.lists(st.integers(0, 40), min_size=len(a), max_size=len(a))))
    if not a.sum() or not b.sum():
        assert np.isnan(psi(a, b))
        assert np.isnan(jensen_shannon(a, b))
        return
    for distance in (psi, jensen_shannon):
        assert distance(a, b) == pytest.approx(float(distance(b, a)), abs=1e-12)
        assert distance(a, 7 * a) == pytest.approx(0, abs=1e-12)
        assert distance(a, b) >= 0
    assert jensen_shannon(a, b) <= 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats() | st.sampled_from([0.0, -0.0, 1.0]), max_size=30), st.integers(1, 10))
def test_every_value_has_one_bin(values: list[float], bins: int) -> None:
    column = np.array(values, np.float64)
    edges = numeric_edges(column, bins)
    assert (np.diff(edges) > 0).all()
    found = bin_numeric(column, edges)
    assert (len(found), found.sum(), found[-1]) == (len(edges) + 4, len(values), np.isnan(column).sum())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-2, 6), max_size=30), st.integers(0, 4))
def test_every_code_has_one_place(codes: list[int], levels: int) -> None:
    column: Ints = np.array(codes, np.int64)
    kept = category_levels(column, levels)
    found = categorical_counts(column, kept)
    assert found.sum() == len(codes)
    assert found[: len(kept)].tolist() == [codes.count(level) for level in kept.tolist()]
    assert found[-1] == (column < 0).sum()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=8), max_size=20), st.floats(0, 1), st.floats(0, 1))
def test_widening_the_first_share_never_loses_a_key(keys: list[str], one: float, other: float) -> None:
    small, large = sorted((one, other))
    assert not ((route(keys, "s", shares=[small, 1 - small]) == 0) & (route(keys, "s", shares=[large, 1 - large]) != 0)).any()
