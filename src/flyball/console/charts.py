"""The two charts as ECharts options: the metric and the drift of each window, with the moments of training and release.

Pure: figures in, options out. Every text in a tooltip is escaped here, because ECharts takes tooltips as markup. The number of series
never changes, so that an update moves what is drawn instead of drawing it anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flyball.console.answers import Happening, Interval, ModelFigures, WindowFigures, expected_of
from flyball.console.markup import Markup, element, joined, text
from flyball.console.palette import Palette
from flyball.console.words import count, days, figure, moment, share

SHOWN_WINDOWS = 60
FONT = '-apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
_TIP = "points => (points.find(point => point.data && point.data.tip) || {data: {tip: ''}}).data.tip"
_NUMBER = "value => String(+value.toFixed(3)).replace('-', '\\u2212')"
_TIMES = {"year": "{yyyy}", "month": "{MMM}", "day": "{d} {MMM}", "hour": "{HH}:{mm}", "minute": "{HH}:{mm}"}
_UNTOLD = {"show": False}  # pointing finds the windows, by the series that has one point for each
Options = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment that both charts show as an upright line."""

    time: datetime
    words: str
    label: str
    released: bool


@dataclass(frozen=True, slots=True)
class Series:
    """What both charts are drawn from: one model's windows, and the moments between the first and the last of them."""

    metric: str
    windows: Sequence[WindowFigures]
    marks: Sequence[Mark]
    end: datetime | None = None
    """Where the charts end: with the window that is being filled, or the last that is closed."""

    @classmethod
    def of(cls, model: ModelFigures, windows: Sequence[WindowFigures], *, events: Sequence[Happening]) -> Series:
        """The last `SHOWN_WINDOWS` windows, with the marks of `events` that fall among them or later."""
        shown = windows[-SHOWN_WINDOWS:]
        marks = [mark for mark in map(_mark, events) if shown and mark.time >= shown[0].start]
        ends = [window.end for window in (*shown[-1:], model.open_window) if window is not None]
        return cls(model.metric or "", shown, marks, max(ends, default=None))


def _mark(event: Happening) -> Mark:
    version = event.data.get("version")
    match event.type:
        case "rollout.finished":
            return Mark(event.time, f"version {version} became champion", f"v{version}", released=True)
        case "rollout.rolled-back":
            return Mark(event.time, f"version {version} was rolled back", f"v{version} ↩", released=True)
        case _:
            return Mark(event.time, "training began", "", released=False)


def quality_options(series: Series, colours: Palette) -> Options:
    """The metric per window with its interval, against what the release promised and the level that alarms."""
    points = [(window, _middle(window), window.metrics.get(series.metric)) for window in series.windows]
    known = [(window, x, found) for window, x, found in points if found is not None and found.value is not None]
    veil = [(x, found) for _, x, found in known]
    if len(known) == 1:  # one point draws no area: it takes its window's width
        window, _, found = known[0]
        veil = [(_ms(window.start), found), (_ms(window.end), found)]
    lows, bands = [[x, _low(found)] for x, found in veil], [[x, _high(found) - _low(found)] for x, found in veil]
    values = [{"value": [x, found.value]} for _, x, found in known]
    waiting = [_waiting(window, colours) for window in series.windows if not window.matured]
    options = _frame(series, colours)
    options["yAxis"] |= {"scale": True, ":min": _PADDED_MIN, ":max": _PADDED_MAX}
    options["series"] = [
        _plain("low", lows) | {"stack": "interval", "lineStyle": {"opacity": 0}},
        _plain("interval", bands) | {"stack": "interval", "lineStyle": {"opacity": 0}, "areaStyle": {"color": colours.band, "opacity": 1}},
        _plain("expected", _levels(series.windows, expected_of))
        | {"lineStyle": {"color": colours.faint, "width": 1.25, "type": [6, 4]}},
        _plain("threshold", _levels(series.windows, lambda window: window.threshold))
        | {"lineStyle": {"color": colours.warn, "width": 1.25, "type": [2, 3]}},
        {
            **_plain(series.metric, values), "showSymbol": True, "symbol": "circle", "symbolSize": 6 if len(known) <= 30 else 4,
            "lineStyle": {"color": colours.accent, "width": 2}, "itemStyle": {"color": colours.accent}, "z": 4,
        },
        _touch(series, [(x, _level(window, found)) for window, x, found in points], colours=colours)
        | {"markArea": {"silent": True, "animation": False, "data": waiting}},
    ]  # fmt: skip
    return options


def drift_options(series: Series, colours: Palette) -> Options:
    """The drift score per window as bars against the threshold; alarmed ones stand out and carry a sign."""
    drifts = [(window, _middle(window)) for window in series.windows]
    bars = [
        {
            "value": [x, window.drift.score],
            "itemStyle": {"color": colours.warn if window.drift.alarmed else colours.bar, "borderRadius": [3, 3, 0, 0]},
            "label": {
                "show": window.drift.alarmed,
                "position": "top",
                "formatter": "▲",
                "color": colours.warn,
                "fontSize": 9,
                "distance": 3,
            },
        }
        for window, x in drifts
        if window.drift is not None and window.drift.score is not None
    ]
    thresholds = _levels(series.windows, lambda window: window.drift.threshold if window.drift else None)
    options = _frame(series, colours)
    width = {"barMaxWidth": 22, "barMinWidth": 3, "barCategoryGap": "35%"}
    options["series"] = [
        {"type": "bar", "name": "drift", "data": bars, **width, "animation": False, "emphasis": {"disabled": True}, "tooltip": _UNTOLD},
        _plain("threshold", thresholds) | {"lineStyle": {"color": colours.warn, "width": 1.25, "type": [2, 3]}, "z": 4},
        _touch(series, [(x, (window.drift.score if window.drift else None) or 0.0) for window, x in drifts], colours=colours),
    ]
    return options


_PADDED_MIN = "scale => Math.floor((scale.min - (scale.max - scale.min) * 0.06) * 100) / 100"
_PADDED_MAX = "scale => Math.ceil((scale.max + (scale.max - scale.min) * 0.12) * 100) / 100"


def _frame(series: Series, colours: Palette) -> Options:
    label = {"color": colours.faint, "fontSize": 11, "fontFamily": FONT, "hideOverlap": True}
    ends = {"min": _ms(series.windows[0].start), "max": _ms(series.end)} if series.windows and series.end else {}
    return {
        "useUTC": True,
        "animation": False,
        "textStyle": {"fontFamily": FONT},
        "grid": {"left": 8, "right": 12, "top": 26, "bottom": 4, "containLabel": True},
        "xAxis": {
            "type": "time", **ends, "axisLine": {"lineStyle": {"color": colours.hair}}, "axisTick": {"show": False},
            "splitLine": {"show": False}, "axisLabel": {**label, "formatter": _TIMES, "alignMinLabel": "left", "alignMaxLabel": "right"},
        },
        "yAxis": {
            "type": "value", "splitNumber": 4, "axisLabel": dict(label, showMinLabel=False, showMaxLabel=False) | {":formatter": _NUMBER},
            "splitLine": {"lineStyle": {"color": colours.hair}}, "axisLine": {"show": False}, "axisTick": {"show": False},
        },
        "tooltip": {
            "trigger": "axis", "confine": True, ":formatter": _TIP, "backgroundColor": colours.panel, "borderColor": colours.hair,
            "borderWidth": 1, "padding": 0, "textStyle": {"color": colours.ink, "fontFamily": FONT, "fontSize": 12},
            "extraCssText": "box-shadow:var(--shadow);border-radius:10px",
            "axisPointer": {"type": "line", "snap": True, "lineStyle": {"color": colours.faint, "width": 1, "type": "solid"}},
        },
    }  # fmt: skip


def _plain(name: str, data: Sequence[Any]) -> Options:
    return {
        "type": "line", "name": name, "data": list(data), "showSymbol": False, "symbol": "none", "connectNulls": False, "silent": True,
        "animation": False, "emphasis": {"disabled": True}, "tooltip": _UNTOLD,
    }  # fmt: skip


def _levels(windows: Sequence[WindowFigures], level: Callable[[WindowFigures], float | None]) -> list[list[float | None]]:
    """A level that holds from each window's start to its end."""
    return [[_ms(end), level(window)] for window in windows for end in (window.start, window.end)]


def _touch(series: Series, levels: Sequence[tuple[int, float | None]], *, colours: Palette) -> Options:
    """A line that is not seen and has a point for every window, so that pointing finds those without a figure as well."""
    floor = next((level for _, level in reversed(levels) if level is not None), 0.0)
    tips = [_tip(series, window) for window in series.windows]
    points = [
        {"value": [x, floor if level is None else level], "tip": tip} for (x, level), tip in zip(levels, tips, strict=True)
    ]  # fmt: skip
    return {
        **_plain("windows", points), "lineStyle": {"opacity": 0}, "tooltip": {"show": True},
        "markLine": {"silent": True, "symbol": "none", "animation": False, "data": list(_lines(series, colours))},
    }  # fmt: skip


def _lines(series: Series, colours: Palette) -> Iterator[Options]:
    """Releases as solid lines with their version, trainings as fine ones; a label that would touch the one before is left out."""
    if not series.windows or series.end is None:
        return
    width = series.end - series.windows[0].start
    labelled: datetime | None = None
    for mark in series.marks:
        shown = mark.released and (labelled is None or mark.time - labelled > width * 0.055)
        labelled = mark.time if shown else labelled
        yield {
            "xAxis": _ms(mark.time),
            "name": mark.words,
            "label": {"show": shown, "formatter": mark.label, "color": colours.soft, "fontSize": 11, "fontWeight": 600, "distance": 4},
            "lineStyle": {
                "color": colours.soft if mark.released else colours.faint, "width": 1, "type": "solid" if mark.released else [1, 4],
                "opacity": 0.55 if mark.released else 0.9,
            },
        }  # fmt: skip


def _waiting(window: WindowFigures, colours: Palette) -> list[Options]:
    style = {"itemStyle": {"color": colours.wash}}
    return [{"xAxis": _ms(window.start), "name": "waiting for labels", "label": {"show": False}, **style}, {"xAxis": _ms(window.end)}]


def _tip(series: Series, window: WindowFigures) -> Markup:
    found = window.metrics.get(series.metric)
    lines = [("rows", f"{count(window.rows)}, {share(window.resolved / window.rows) if window.rows else '100%'} with a known outcome")]
    if found is not None and found.value is not None:
        interval = "" if found.low is None or found.high is None else f" [{figure(found.low)}, {figure(found.high)}]"
        lines.insert(0, (series.metric, figure(found.value) + interval))
    else:
        lines.insert(0, (series.metric, "waiting for labels" if not window.matured else "no figure"))
    expected = expected_of(window)
    if expected is not None:
        lines.append(("expected", figure(expected) + ("" if window.threshold is None else f", tolerated {figure(window.threshold)}")))
    lines += _drift_lines(window)
    lines += [(moment(mark.time), mark.words) for mark in series.marks if window.start <= mark.time < window.end]
    rows = [element("div", element("dt", text(name)), element("dd", text(said))) for name, said in lines]
    return element("div", element("h4", text(days(window.start, window.end))), element("dl", joined(*rows)), class_="tip")


def _drift_lines(window: WindowFigures) -> list[tuple[str, str]]:
    drift = window.drift
    if drift is None or drift.score is None:
        return [("drift", "not judged")]
    said = f"{figure(drift.score, 2)} of {figure(drift.threshold, 2)}{', alarm' if drift.alarmed else ''}"
    worst = drift.worst.get("name") if isinstance(drift.worst, Mapping) else drift.worst
    return [("drift", said), *([("furthest", str(worst))] if worst else [])]


def _low(found: Interval) -> float:
    return found.low if found.low is not None else found.value or 0.0


def _high(found: Interval) -> float:
    return found.high if found.high is not None else found.value or 0.0


def _level(window: WindowFigures, found: Interval | None) -> float | None:
    return found.value if found is not None and found.value is not None else expected_of(window)


def _middle(window: WindowFigures) -> int:
    return _ms(window.start + (window.end - window.start) / 2)


def _ms(time: datetime) -> int:
    return round(time.timestamp() * 1000)
