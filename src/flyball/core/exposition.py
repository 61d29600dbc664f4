"""Figures of a process as values: rendered in Prometheus' text format 0.0.4, and added up over the processes of one server.

Whoever counts keeps its own structures and makes families of them when it is asked; nothing here is on a hot path.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Literal, TypeAlias

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
Kind: TypeAlias = Literal["counter", "gauge", "histogram"]
Merge: TypeAlias = Literal["sum", "min", "max"]
Labels: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Family:
    """All samples of one name. A sample has the suffix of its name (histograms have several), its labels, and its value.

    `merge` says what the figure of several processes is; counters and histograms are added up.
    """

    name: str
    meaning: str
    kind: Kind
    samples: list[tuple[str, Labels, float]] = field(default_factory=list)
    merge: Merge = "sum"

    def add(self, value: float, **labels: object) -> None:
        """One sample more."""
        self.samples.append(("", _labels(labels), value))

    def add_histogram(self, bounds: Sequence[float], counts: Sequence[int], *, total: float, labels: Mapping[str, object]) -> None:
        """A histogram of values whose sum is `total`: `counts` between the `bounds`, and last those above all of them."""
        below = list(accumulate(counts))
        for bound, count in zip((*bounds, "+Inf"), below, strict=True):
            self.samples.append(("_bucket", _labels({**labels, "le": bound}), count))
        self.samples.append(("_sum", _labels(labels), total))
        self.samples.append(("_count", _labels(labels), below[-1]))


def counter(name: str, meaning: str, *, values: Iterable[tuple[Sequence[object], float]], labels: Sequence[str] = ()) -> Family:
    """A counter of that name; each of `values` has the values of its `labels`."""
    found = Family(name, meaning, "counter")
    for own, value in sorted(values, key=str):
        found.add(value, **dict(zip(labels, own, strict=True)))
    return found


def gauge(name: str, meaning: str, *, value: float, merge: Merge = "sum") -> Family:
    """A gauge with one sample.

    >>> print(render([gauge("rooms", "Rooms.", value=3)]), end="")
    # HELP rooms Rooms.
    # TYPE rooms gauge
    rooms 3
    """
    found = Family(name, meaning, "gauge", merge=merge)
    found.add(value)
    return found


def merged(sources: Iterable[Iterable[Family]]) -> list[Family]:
    """One family per name, in the order of their first appearance: what the processes that `sources` come from are together."""
    found: dict[str, tuple[Family, dict[tuple[str, Labels], float]]] = {}
    for family in (family for source in sources for family in source):
        _, values = found.setdefault(family.name, (family, {}))
        for suffix, labels, value in family.samples:
            place = (suffix, labels)
            values[place] = _combined(values[place], value, merge=family.merge) if place in values else value
    return [
        replace(family, samples=[(suffix, labels, value) for (suffix, labels), value in values.items()])
        for family, values in found.values()
    ]


def lasting(families: Iterable[Family]) -> list[Family]:
    """What of a process that has ended still counts: counters and histograms."""
    return [family for family in families if family.kind != "gauge"]


def render(families: Iterable[Family]) -> str:
    """The families as text."""
    return "".join(line + "\n" for family in families for line in _lines(family))


def _combined(one: float, other: float, *, merge: Merge) -> float:
    return one + other if merge == "sum" else min(one, other) if merge == "min" else max(one, other)


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {family.meaning}"
    yield f"# TYPE {family.name} {family.kind}"
    for suffix, labels, value in family.samples:
        named = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
        yield f"{family.name}{suffix}{{{named}}} {_number(value)}" if named else f"{family.name}{suffix} {_number(value)}"


def _labels(labels: Mapping[str, object]) -> Labels:
    return tuple((name, str(value)) for name, value in labels.items())


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
