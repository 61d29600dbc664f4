"""Perfect order has an area of exactly one, however the classes' sizes divide."""

from __future__ import annotations

import numpy as np
import pytest

from flyball.kernels import average_precision, roc_auc


@pytest.mark.parametrize("negatives", range(1, 60))
def test_the_area_of_perfect_order_is_one(negatives: int) -> None:
    for positives in range(1, 30):
        labels = np.repeat([0.0, 1.0], [negatives, positives])
        found = roc_auc(labels, np.arange(len(labels), dtype=np.float64))
        assert (found.value, found.high) == (1.0, 1.0)
        assert roc_auc(labels, -np.arange(len(labels), dtype=np.float64)).value == 0.0
        precise = average_precision(labels, np.arange(len(labels), dtype=np.float64))
        assert precise.value is not None
        assert precise.low is not None
        assert precise.high is not None
        assert precise.low <= precise.value <= precise.high == pytest.approx(1.0)
        assert precise.value == pytest.approx(1.0)
