"""What one process of the model server counted, as families of figures."""

from __future__ import annotations

from collections.abc import Mapping

from flyball.core.exposition import CONTENT_TYPE, Family, counter, gauge
from flyball.core.exposition import render as rendered
from flyball.serving.counters import Counters, Histogram, Labels

__all__ = ["CONTENT_TYPE", "families", "render"]
_ONE = ("endpoint", "version")
STAGES = ("input", "infer", "output")


def render(counters: Counters, *, revision: int) -> str:
    """All figures; counters begin at the start of the process.

    >>> print(render(Counters(), revision=3).splitlines()[2])
    flyball_plan_revision 3
    """
    return rendered(families(counters, revision=revision))


def families(counters: Counters, *, revision: int) -> list[Family]:
    """All figures; of several processes the lowest revision counts, and a measure that one of them was not granted."""
    isolation = Family("flyball_isolation", "Whether the process of a version's model was granted a measure.", "gauge", merge="min")
    for (endpoint, version, measure), granted in sorted(counters.isolation.items()):
        isolation.add(granted, endpoint=endpoint, version=version, measure=measure)
    histograms = [
        _histogram("flyball_prediction_seconds", "Seconds from the arrival of a request to its prediction.", values=counters.seconds),
        _histogram("flyball_queue_seconds", "Seconds from the arrival of a request until a version is asked.", values=counters.waits),
        _histogram("flyball_batch_rows", "Rows that a version was asked about at once.", values=counters.batches),
    ]
    ages = Family("flyball_feature_age_seconds", "How old the oldest value was that answered last.", "gauge", merge="max")
    for (endpoint, view), age in sorted(counters.ages.items()):
        ages.add(age, endpoint=endpoint, view=view)
    return [
        gauge("flyball_plan_revision", "The revision of the serving plan that is in force.", value=revision, merge="min"),
        counter("flyball_predictions_total", "Rows that were answered.", values=counters.answered.items(), labels=(*_ONE, "route")),
        counter("flyball_prediction_errors_total", "Rows that a version failed.", values=counters.failed.items(), labels=_ONE),
        counter("flyball_prediction_warnings_total", "Unknown values.", values=counters.warnings.items(), labels=("endpoint", "kind")),
        counter(
            "flyball_feature_lacks_total", "Rows without a fresh value.", values=counters.lacks.items(), labels=("endpoint", "view", "why")
        ),
        counter(
            "flyball_turned_away_total",
            "Requests without what they need.",
            values=counters.turned_away.items(),
            labels=("endpoint", "code"),
        ),
        counter("flyball_http_requests_total", "Requests by status.", values=counters.requests.items(), labels=("route", "status")),
        counter("flyball_grpc_requests_total", "Calls by status.", values=counters.calls.items(), labels=("method", "status")),
        *_calls(counters),
        counter("flyball_flushes_total", "Batches that were computed.", values=[((), counters.flushes)]),
        counter(
            "flyball_log_lost_rows_total",
            "Answered rows that are not in the log.",
            values=counters.lost.items(),
            labels=("endpoint", "how"),
        ),
        counter("flyball_shadow_dropped_total", "Rows of which a shadow was not asked.", values=counters.unshadowed.items(), labels=_ONE),
        counter("flyball_refused_plans_total", "Plans with a version that was refused.", values=[((), counters.refused_plans)]),
        gauge("flyball_online_store_up", "Whether looked-up values can be renewed.", value=int(not counters.store_fails()), merge="min"),
        ages,
        isolation,
        *histograms,
    ]


def _calls(counters: Counters) -> list[Family]:
    """How often versions were called, and what that took."""
    found = counters.compute
    stages = [((*own, stage), spent[place]) for own, spent in found.items() for place, stage in enumerate(STAGES, start=1)]
    return [
        counter(
            "flyball_calls_total",
            "Calls of a version that were answered.",
            values=[(own, spent[0]) for own, spent in found.items()],
            labels=(*_ONE, "route"),
        ),
        counter(
            "flyball_compute_seconds_total",
            "Seconds of these calls: for features, for the model, and for the journal and the answer.",
            values=stages,
            labels=(*_ONE, "route", "stage"),
        ),
    ]


def _histogram(name: str, meaning: str, *, values: Mapping[Labels, Histogram]) -> Family:
    found = Family(name, meaning, "histogram")
    for own, histogram in sorted(values.items()):
        labels: dict[str, object] = dict(zip((*_ONE, "route"), own, strict=True))
        found.add_histogram(histogram.bounds, histogram.counts, total=histogram.total, labels=labels)
    return found
