"""Student's t law, from scipy; imported only where thresholds are computed."""

from __future__ import annotations

import numpy as np

from flyball.core.optional import extra
from flyball.kernels.arrays import Floats

with extra("train"):
    from scipy.special import ndtri, stdtr, stdtrit  # type: ignore[import-untyped]  # scipy ships no types


def t_quantile(probability: float, degrees: int) -> float:
    """The number that a t variable with `degrees` of freedom stays below with `probability`.

    >>> round(t_quantile(0.975, 7), 4)
    2.3646
    """
    return float(stdtrit(degrees, probability))


def t_to_normal(scores: Floats, degrees: int) -> Floats:
    """The standard normal scores of the same tail probability, monotone; exact in both tails.

    >>> t_to_normal(np.array([-2.3646, 0.0, 2.3646]), 7).round(3)
    array([-1.96,  0.  ,  1.96])
    """
    size = -ndtri(np.maximum(stdtr(degrees, -np.abs(scores)), np.finfo(np.float64).tiny))
    return np.asarray(np.copysign(size, scores), dtype=np.float64)
