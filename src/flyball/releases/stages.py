"""What a rollout's stage has shown: canary and champion measured on their own mature rows of the same time."""

from __future__ import annotations

from flyball.kernels.arrays import Numbers
from flyball.kernels.estimate import unpaired_difference
from flyball.kernels.metrics import get_metric
from flyball.registry.evidence import Difference
from flyball.releases.rollout import StageEvidence

Scored = tuple[Numbers, Numbers]
"""Labels and predictions, each ``(n,)`` and in the same order."""


def compare_stage(metric: str, *, canary: Scored, champion: Scored, breaches: tuple[str, ...] = ()) -> StageEvidence:
    """The evidence of a stage from the mature, labelled rows that each version answered.

    The two answered different rows, so the difference is unpaired and the squared errors add. It is left out, with the reason as a note,
    where one side has no rows or one class only.

    Raises:
        UnknownNameError: there is no such metric.
        ShapeError, NotFiniteError, RangeError: labels and predictions do not fit the metric.
    """
    found = get_metric(metric)
    new, old = found.estimate(*canary), found.estimate(*champion)
    gain = unpaired_difference(new, old)
    gain = gain if found.greater_is_better else gain.negated()
    difference = Difference.of(metric, gain)
    note = "" if difference else str(gain.undefined or "too few rows for an interval")
    return StageEvidence(len(canary[0]), difference, note, breaches)
