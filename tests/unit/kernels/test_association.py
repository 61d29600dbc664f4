"""Association of columns against numpy, scipy-free closed forms, and the extremes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from flyball.kernels.association import correlation_ratio, mutual_information, pearson
from flyball.kernels.distances import wasserstein


def test_pearson_is_numpys() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=500)
    y = 0.3 * x + draw.normal(size=500)
    assert pearson(x, y) == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-6)
    assert pearson(x, -x) == -1.0
    assert pearson(1e300 * x, y) == pearson(x, y)


@pytest.mark.parametrize("values", [[], [1.0], [0.1, 0.1, 0.1], [1e308, 1e308]], ids=["none", "one", "constant", "great"])
def test_nothing_correlates_with_a_constant(values: list[float]) -> None:
    other = np.arange(float(len(values)))
    assert pearson(np.array(values), other) is None
    assert correlation_ratio(np.zeros(len(values), dtype=np.int64), np.array(values)) is None


def test_the_correlation_ratio_of_two_groups_is_pearsons_magnitude() -> None:
    draw = np.random.default_rng(1)
    group = draw.integers(0, 2, 1_000)
    y = group * 0.5 + draw.normal(size=1_000)
    assert correlation_ratio(group, y) == pytest.approx(abs(pearson(group.astype(float), y) or 0.0), abs=2e-6)
    assert correlation_ratio(np.zeros(1_000, dtype=np.int64), y) == 0.0


def test_mutual_information_is_the_entropy_of_what_is_told_and_nothing_by_chance() -> None:
    draw = np.random.default_rng(2)
    codes = draw.integers(0, 4, 20_000)
    assert mutual_information(codes, codes) == pytest.approx(2.0, abs=0.01)
    assert mutual_information(codes, draw.integers(0, 4, 20_000)) < 0.001
    assert mutual_information(codes, codes % 2) == pytest.approx(1.0, abs=0.01)
    assert mutual_information(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)) == 0.0


def test_wasserstein_is_the_shift_and_does_not_ask_for_equal_numbers() -> None:
    values = np.sort(np.random.default_rng(3).normal(size=400))
    ones = np.ones(400)
    assert wasserstein(values, ones, b=values, weights_b=ones * 7) == pytest.approx(0.0, abs=1e-12)
    assert wasserstein(values, ones, b=values + 2.5, weights_b=ones) == pytest.approx(2.5)
    assert wasserstein(values, ones, b=np.repeat(values, 2), weights_b=np.ones(800)) == pytest.approx(0.0, abs=1e-12)
    assert math.isnan(wasserstein(values, ones, b=np.zeros(0), weights_b=np.zeros(0)))
