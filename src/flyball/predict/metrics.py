"""What the server counted, in Prometheus' text format 0.0.4."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate

from flyball.serving.counters import BOUNDS, Counters

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


def render(counters: Counters, *, revision: int) -> str:
    """All figures; counters begin at the start of the process.

    >>> print(render(Counters(), revision=3).splitlines()[2])
    flyball_plan_revision 3
    """
    one = ("endpoint", "version")
    lines = _head("flyball_plan_revision", "The revision of the serving plan that is in force.", kind="gauge")
    lines += [_line("flyball_plan_revision", revision)]
    lines += _counter("flyball_predictions_total", "Rows that were answered.", values=counters.answered.items(), labels=(*one, "route"))
    lines += _counter("flyball_prediction_errors_total", "Rows that a version failed.", values=counters.failed.items(), labels=one)
    lines += _counter("flyball_prediction_warnings_total", "Unknown values.", values=counters.warnings.items(), labels=("endpoint", "kind"))
    lines += _counter("flyball_http_requests_total", "Requests by status.", values=counters.requests.items(), labels=("route", "status"))
    lines += _counter("flyball_flushes_total", "Batches that were computed.", values=[((), counters.flushes)])
    lines += _counter("flyball_refused_plans_total", "Plans with a version that was refused.", values=[((), counters.refused_plans)])
    lines += _head("flyball_isolation", "Whether the process of a version's model was granted a measure.", kind="gauge")
    for (endpoint, version, measure), granted in sorted(counters.isolation.items()):
        lines.append(_line("flyball_isolation", granted, endpoint=endpoint, version=version, measure=measure))
    name = "flyball_prediction_seconds"
    lines += _head(name, "Seconds from the arrival of a request to its prediction.", kind="histogram")
    for (endpoint, version), histogram in sorted(counters.seconds.items()):
        labels: dict[str, object] = {"endpoint": endpoint, "version": version}
        below = list(accumulate(histogram.counts))
        lines += [_line(f"{name}_bucket", count, **labels, le=bound) for bound, count in zip((*BOUNDS, "+Inf"), below, strict=True)]
        lines += [_line(f"{name}_sum", histogram.total, **labels), _line(f"{name}_count", below[-1], **labels)]
    return "\n".join(lines) + "\n"


def _head(name: str, meaning: str, *, kind: str) -> list[str]:
    return [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]


def _counter(name: str, meaning: str, *, values: Iterable[tuple[tuple[object, ...], int]], labels: tuple[str, ...] = ()) -> Iterator[str]:
    yield from _head(name, meaning, kind="counter")
    for found, count in sorted(values, key=str):
        yield _line(name, count, **dict(zip(labels, found, strict=True)))


def _line(name: str, value: float, **labels: object) -> str:
    if not labels:
        return f"{name} {value}"
    named = ",".join(f'{label}="{_escaped(str(text))}"' for label, text in labels.items())
    return f"{name}{{{named}}} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
