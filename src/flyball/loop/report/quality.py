"""Quality over time: one line per policy, its interval as a veil, monthly or by monitoring window."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from flyball.loop.report.axes import LEFT, RIGHT, drawing, month_axis, time_scale
from flyball.loop.report.markup import Markup, element, joined, text
from flyball.loop.report.model import PolicyReport, Report, Span, Value
from flyball.loop.report.scale import TimeScale, ValueScale, fit_values
from flyball.loop.report.words import days, figure, plural

TOP, BOTTOM, HEIGHT = 18.0, 300.0, 330.0
Spans = Callable[[PolicyReport], Sequence[Span]]
Point = tuple[Span, Value]


@dataclass(frozen=True)
class Plane:
    """Where times and values meet: spans stand in the middle of their time."""

    times: TimeScale
    values: ValueScale

    def _x(self, span: Span) -> float:
        return self.times(span.start + (span.end - span.start) / 2)

    def veil(self, part: Sequence[Point], css: str) -> Markup:
        """The intervals of an unbroken part as one area; nothing where fewer than two are known."""
        known = [(self._x(span), value.low, value.high) for span, value in part if value.low is not None and value.high is not None]
        upper = [(x, self.values(high)) for x, _, high in known]
        lower = [(x, self.values(low)) for x, low, _ in reversed(known)]
        return element("polygon", class_=f"veil {css}", points=_points(upper + lower)) if len(known) > 1 else joined()

    def line(self, part: Sequence[Point], css: str) -> Markup:
        """An unbroken part as a line."""
        return element(
            "polyline", class_=f"line {css}", points=_points([(self._x(span), self.values(value.value)) for span, value in part])
        )

    def dots(self, part: Sequence[Point], css: str) -> Markup:
        """A dot for every figure."""
        return joined(
            *(element("circle", class_=f"dot {css}", cx=self._x(span), cy=self.values(value.value), r=3.2) for span, value in part)
        )


def quality_chart(report: Report, spans: Spans, *, class_: str) -> Markup:
    """The chart over the spans that `spans` picks; a span without a figure breaks the line rather than bridging it."""
    times = time_scale(report)
    lines = [(policy, spans(policy)) for policy in report.policies]
    widest = _widest(lines)
    lines = [(policy, [_drawn(span, widest) for span in series]) for policy, series in lines]
    found = _values(lines)
    values = fit_values((value.value for value in found), bottom=BOTTOM, top=TOP)
    if class_ == "monthly":
        bounds = [bound for value in found for bound in (value.low, value.value, value.high) if bound is not None]
        values = fit_values(bounds, bottom=BOTTOM, top=TOP)
    plane = Plane(times, values)
    parts = [(policy, part) for policy, series in lines for part in _unbroken(series)]
    body = [
        _value_axis(values),
        month_axis(times, top=TOP, bottom=BOTTOM),
        _waiting(lines, times),
        *(plane.veil(part, policy.css) for policy, part in parts),
        *(plane.line(part, policy.css) for policy, part in parts),
        *(plane.dots(part, policy.css) for policy, part in parts if class_ == "monthly" or len(part) == 1),
        _end_labels(lines, values),
        *_touch(lines, times, title=report.metric_label),
    ]
    label = f"{report.metric_label} of each policy over time, {class_}"
    return element("div", drawing(*body, height=HEIGHT, label=label), class_=class_)


def _widest(lines: Sequence[tuple[PolicyReport, Sequence[Span]]]) -> float:
    """The width above which an interval says that the span has too few rows to be drawn: eight times the usual one."""
    widths = [value.high - value.low for value in _values(lines) if value.low is not None and value.high is not None]
    return 8 * median(widths) if widths else 0.0


def _drawn(span: Span, widest: float) -> Span:
    """The span, without its figure where a handful of rows would bend the whole drawing; the table keeps it."""
    value = span.value
    if value is None or value.low is None or value.high is None or value.high - value.low <= widest:
        return span
    return replace(span, value=None)


def _values(lines: Sequence[tuple[PolicyReport, Sequence[Span]]]) -> list[Value]:
    return [span.value for _, series in lines for span in series if span.value is not None]


def _value_axis(values: ValueScale) -> Markup:
    parts = []
    for tick in values.ticks():
        parts.append(element("line", class_="grid", x1=LEFT, x2=RIGHT, y1=values(tick), y2=values(tick)))
        parts.append(element("text", text(values.format(tick)), class_="tick", x=LEFT - 10, y=values(tick) + 4, text_anchor="end"))
    return joined(*parts)


def _unbroken(series: Sequence[Span]) -> Iterator[list[Point]]:
    part: list[Point] = []
    for span in series:
        if span.value is None:
            if part:
                yield part
            part = []
        else:
            part.append((span, span.value))
    if part:
        yield part


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _waiting(lines: Sequence[tuple[PolicyReport, Sequence[Span]]], times: TimeScale) -> Markup:
    """The stretch before any policy had a model, named as such."""
    first = min((span.start for _, series in lines for span in series if span.value is not None), default=None)
    if first is None or times(first) - LEFT < 40:
        return joined()
    width = times(first) - LEFT
    words = "waiting for history" if width > 120 else "no model yet"
    return joined(
        element("rect", class_="waiting", x=LEFT, y=TOP, width=width, height=BOTTOM - TOP),
        element("text", text(words), class_="note", x=LEFT + width / 2, y=(TOP + BOTTOM) / 2, text_anchor="middle"),
    )


def _end_labels(lines: Sequence[tuple[PolicyReport, Sequence[Span]]], values: ValueScale) -> Markup:
    """Each policy's last figure beside the end of its line, pushed apart where they would overlap."""
    ends = []
    for policy, series in lines:
        last = next((span.value for span in reversed(series) if span.value is not None), None)
        if last is not None:
            ends.append((values(last.value), policy, last))
    parts, floor = [], TOP - 12
    for place, policy, last in sorted(ends, key=lambda end: (end[0], end[1].index)):
        floor = max(place, floor + 14)
        label = text(figure(last.value, decimals=3))
        parts.append(element("text", label, class_=f"end {policy.css}", x=RIGHT + 8, y=floor + 4))
    return joined(*parts)


def _touch(lines: Sequence[tuple[PolicyReport, Sequence[Span]]], times: TimeScale, *, title: str) -> Iterator[Markup]:
    """Columns that say, when pointed at, what every policy did in their span; titles serve where scripts do not run."""
    starts = sorted({(span.start, span.end) for _, series in lines for span in series})
    for start, end in starts:
        said = [days(start, end)]
        for policy, series in lines:
            span = next((span for span in series if (span.start, span.end) == (start, end)), None)
            if span is not None:
                said.append(f"{policy.name}: {_told(span)}")
        tip = "\n".join(said)
        x, width = times(start), times(end) - times(start)
        label = element("title", text(f"{title}\n{tip}"))
        yield element("rect", label, class_="touch", x=x, y=TOP, width=width, height=BOTTOM - TOP, data_tip=tip)


def _told(span: Span) -> str:
    if span.value is None:
        return "no figure"
    interval = f" [{span.value.low:.3f}, {span.value.high:.3f}]" if span.value.low is not None and span.value.high is not None else ""
    extra = f", {plural(span.retrains, 'retrain')}" if span.retrains else ""
    return f"{figure(span.value.value)}{interval}{extra}"
