"""What one process of the model server counted, as families of figures."""

from __future__ import annotations

from flyball.core.exposition import CONTENT_TYPE, Family, counter, gauge
from flyball.core.exposition import render as rendered
from flyball.serving.counters import BOUNDS, Counters

__all__ = ["CONTENT_TYPE", "families", "render"]
_ONE = ("endpoint", "version")


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
    seconds = Family("flyball_prediction_seconds", "Seconds from the arrival of a request to its prediction.", "histogram")
    for (endpoint, version), histogram in sorted(counters.seconds.items()):
        labels: dict[str, object] = {"endpoint": endpoint, "version": version}
        seconds.add_histogram(BOUNDS, histogram.counts, total=histogram.total, labels=labels)
    ages = Family("flyball_feature_age_seconds", "How old the oldest value was that answered last.", "gauge", merge="max")
    for (endpoint, view), age in sorted(counters.ages.items()):
        ages.add(age, endpoint=endpoint, view=view)
    return [
        gauge("flyball_plan_revision", "The revision of the serving plan that is in force.", revision, merge="min"),
        counter("flyball_predictions_total", "Rows that were answered.", counters.answered.items(), labels=(*_ONE, "route")),
        counter("flyball_prediction_errors_total", "Rows that a version failed.", counters.failed.items(), labels=_ONE),
        counter("flyball_prediction_warnings_total", "Unknown values.", counters.warnings.items(), labels=("endpoint", "kind")),
        counter("flyball_feature_lacks_total", "Rows without a fresh value.", counters.lacks.items(), labels=("endpoint", "view", "why")),
        counter("flyball_turned_away_total", "Requests without what they need.", counters.turned_away.items(), labels=("endpoint", "code")),
        counter("flyball_http_requests_total", "Requests by status.", counters.requests.items(), labels=("route", "status")),
        counter("flyball_flushes_total", "Batches that were computed.", [((), counters.flushes)]),
        counter("flyball_log_lost_rows_total", "Answered rows that are not in the log.", counters.lost.items(), labels=("endpoint", "how")),
        counter("flyball_shadow_dropped_total", "Rows of which a shadow was not asked.", counters.unshadowed.items(), labels=_ONE),
        counter("flyball_refused_plans_total", "Plans with a version that was refused.", [((), counters.refused_plans)]),
        ages,
        isolation,
        seconds,
    ]
