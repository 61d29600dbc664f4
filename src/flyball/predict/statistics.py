"""What was counted of versions, in the terms of the Open Inference Protocol: from the figures of all processes that answer together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from flyball.core.exposition import Family

_COUNTED = frozenset({
    "flyball_predictions_total", "flyball_prediction_errors_total", "flyball_prediction_seconds_sum", "flyball_queue_seconds_sum",
    "flyball_queue_seconds_count", "flyball_batch_rows_count", "flyball_calls_total", "flyball_compute_seconds_total",
})  # fmt: skip
_NANOSECONDS = 1_000_000_000


class Spent(msgspec.Struct, frozen=True, gc=False):
    """How often something was done, and the nanoseconds of all times together; the fields are the protocol's."""

    count: int = 0
    ns: int = 0

    @classmethod
    def of(cls, count: float, seconds: float) -> Spent:
        """So many times in so many seconds."""
        return cls(int(count), round(seconds * _NANOSECONDS))


class ModelStatistics(msgspec.Struct, frozen=True, gc=False):
    """What was counted of a version since the server started.

    `success` counts rows, each from the arrival of its request to its prediction, and `fail` rows. `queue` counts requests, from their
    arrival until the version was asked. `calls` are those of the version, whether they came to anything; of those that did `inputs` is the
    making of features, `infer` the model, and `outputs` the journal and the answer.
    """

    name: str
    version: str
    success: Spent
    fail: Spent
    queue: Spent
    calls: int
    inputs: Spent
    infer: Spent
    outputs: Spent


def statistics_of(figures: Iterable[Family], versions: Iterable[tuple[str, int]]) -> list[ModelStatistics]:
    """The statistics of these versions of endpoints, in their order."""
    sums = _sums(figures)
    return [_statistics(name, number, sums=sums.get((name, str(number)), {})) for name, number in versions]


def _sums(figures: Iterable[Family]) -> Mapping[tuple[str, str], Mapping[str, float]]:
    found: dict[tuple[str, str], Counter[str]] = {}
    for family in figures:
        for suffix, labels, value in family.samples:
            if (name := family.name + suffix) in _COUNTED:
                said = dict(labels)
                counted: Counter[str] = found.setdefault((said["endpoint"], said["version"]), Counter())
                counted[name + said.get("stage", "")] += value  # type: ignore[assignment]  # seconds are no whole numbers
    return found


def _statistics(name: str, number: int, *, sums: Mapping[str, float]) -> ModelStatistics:
    def of(*names: str) -> Sequence[float]:
        return [sums.get(f"flyball_{found}", 0) for found in names]

    answered, failed, calls, answers = of("predictions_total", "prediction_errors_total", "batch_rows_count", "calls_total")
    stages = of(*(f"compute_seconds_total{stage}" for stage in ("input", "infer", "output")))
    return ModelStatistics(
        name, str(number), Spent.of(answered, *of("prediction_seconds_sum")), Spent.of(failed, 0),
        Spent.of(*of("queue_seconds_count", "queue_seconds_sum")), int(calls), *(Spent.of(answers, seconds) for seconds in stages),
    )  # fmt: skip
