"""Metrics of runs as ECharts options: curves over the steps, and runs across parallel axes.

Pure: figures in, options out. What stands in a tooltip is escaped here, because ECharts takes tooltips as markup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from flyball.console.charts import FONT
from flyball.console.markup import text
from flyball.console.palette import Palette
from flyball.console.records import Curve, Run

Options = dict[str, Any]
LIGHT_LINES = ("#2f5bd0", "#c9572c", "#1d7a4f", "#8a4fbf", "#b08900", "#0d8aa0", "#c43a7a", "#5b6370")
DARK_LINES = ("#8aabff", "#ff9d78", "#6fce9f", "#c9a0f2", "#e9c35c", "#6ccfe0", "#ff9ac4", "#a2a9b4")
MOST_AXES = 12
_TIP = (
    "points => { points = [].concat(points); return points.length ? '<div class=\"tip\"><h4>step ' + points[0].value[0] + '</h4><dl>' + "
    "points.slice(0, 12).map(point => '<div><dt>' + point.marker + point.seriesName + '</dt><dd>' + "
    "(+Number(point.value[1]).toPrecision(6)) + '</dd></div>').join('') + '</dl></div>' : ''; }"
)
_NUMBER = "value => String(+value.toPrecision(4)).replace('-', '\\u2212')"


def line_colour(place: int, *, dark: bool) -> str:
    """The colour of the line at that place; they come again after the last."""
    colours = DARK_LINES if dark else LIGHT_LINES
    return colours[place % len(colours)]


@dataclass(frozen=True, slots=True)
class Line:
    """One run's course, its name and its place among the runs, which gives its colour."""

    name: str
    place: int
    curve: Curve


def curve_options(lines: Sequence[Line], colours: Palette, *, dark: bool) -> Options:
    """The courses over the steps; what is no number is a gap."""
    label = {"color": colours.faint, "fontSize": 11, "fontFamily": FONT, "hideOverlap": True}
    return {
        "animation": False,
        "textStyle": {"fontFamily": FONT},
        "grid": {"left": 8, "right": 16, "top": 14, "bottom": 4, "containLabel": True},
        "xAxis": {
            "type": "value", "scale": True, "minInterval": 1, "axisLine": {"lineStyle": {"color": colours.hair}},
            "axisTick": {"show": False}, "splitLine": {"show": False}, "axisLabel": label,
        },
        "yAxis": {
            "type": "value", "scale": True, "splitNumber": 4, "axisLabel": label | {":formatter": _NUMBER}, "axisLine": {"show": False},
            "splitLine": {"lineStyle": {"color": colours.hair}}, "axisTick": {"show": False},
        },
        "tooltip": {
            "trigger": "axis", "confine": True, ":formatter": _TIP, "backgroundColor": colours.panel, "borderColor": colours.hair,
            "borderWidth": 1, "padding": 0, "textStyle": {"color": colours.ink, "fontFamily": FONT, "fontSize": 12},
            "extraCssText": "box-shadow:var(--shadow);border-radius:10px",
            "axisPointer": {"type": "line", "snap": True, "lineStyle": {"color": colours.faint, "width": 1, "type": "solid"}},
        },
        "series": [_series(line, dark=dark) for line in lines],
    }  # fmt: skip


def _series(line: Line, *, dark: bool) -> Options:
    colour = line_colour(line.place, dark=dark)
    points = [[step, value if isfinite(value) else None] for step, _, value in line.curve]
    return {
        "type": "line", "name": text(line.name), "data": points, "showSymbol": len(points) <= 12, "symbol": "circle", "symbolSize": 5,
        "lineStyle": {"color": colour, "width": 1.75}, "itemStyle": {"color": colour}, "animation": False, "emphasis": {"disabled": True},
        "sampling": "lttb",
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Axis:
    """One parameter or metric, with each run's value of it; None where it has none."""

    name: str
    values: tuple[str | float | None, ...]

    @property
    def numeric(self) -> bool:
        """Whether every value is a number."""
        return all(value is None or isinstance(value, float) for value in self.values)

    @property
    def tells(self) -> bool:
        """Whether the runs differ in it."""
        return len(set(self.values)) > 1


def axes_of(runs: Sequence[Run]) -> list[Axis]:
    """The parameters and metrics in which `runs` differ, parameters first."""
    params = sorted({name for run in runs for name in run.params})
    metrics = sorted({name for run in runs for name in run.metrics})
    found = [_param_axis(name, [run.params.get(name) for run in runs]) for name in params]
    found += [Axis(name, tuple(_finite(run.metrics.get(name)) for run in runs)) for name in metrics]
    return [axis for axis in found if axis.tells]


def _param_axis(name: str, values: Sequence[str | None]) -> Axis:
    try:
        numbers = tuple(None if value is None else float(value) for value in values)
    except ValueError:
        return Axis(name, tuple(values))
    whole = all(number is None or isfinite(number) for number in numbers)
    return Axis(name, numbers if whole else tuple(values))


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def parallel_options(runs: Sequence[Run], axes: Sequence[Axis], *, colours: Palette, dark: bool) -> Options:
    """Each run as one line across the axes; at most `MOST_AXES` of them."""
    shown = axes[:MOST_AXES]
    return {
        "animation": False,
        "textStyle": {"fontFamily": FONT},
        "parallel": {"left": 36, "right": 56, "top": 34, "bottom": 18},
        "parallelAxis": [_axis(place, axis, colours=colours) for place, axis in enumerate(shown)],
        "series": [
            {
                "type": "parallel", "name": text(run.info.title), "data": [[_point(axis.values[place]) for axis in shown]],
                "lineStyle": {"color": line_colour(place, dark=dark), "width": 2, "opacity": 0.85}, "animation": False,
            }
            for place, run in enumerate(runs)
        ],
    }  # fmt: skip


def _point(value: str | float | None) -> str | float:
    return "-" if value is None else value  # ECharts' word for nothing


def _axis(place: int, axis: Axis, *, colours: Palette) -> Options:
    kind: Mapping[str, Any] = (
        {"type": "value", "scale": True}
        if axis.numeric
        else {"type": "category", "data": sorted({str(value) for value in axis.values if value is not None})}
    )
    return {
        **kind, "dim": place, "name": axis.name, "nameLocation": "end", "nameGap": 12,
        "nameTextStyle": {"color": colours.soft, "fontSize": 11, "fontFamily": FONT, "width": 90, "overflow": "truncate"},
        "axisLabel": {"color": colours.faint, "fontSize": 10, "fontFamily": FONT, "width": 80, "overflow": "truncate"},
        "axisLine": {"lineStyle": {"color": colours.hair}}, "axisTick": {"show": False},
    }  # fmt: skip
