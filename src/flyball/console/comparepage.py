"""Some runs beside each other: their curves over one another, as lines across axes, and in what they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from urllib.parse import quote

from nicegui import ui

from flyball.console.curves import MOST_AXES, Axis, Line, axes_of, curve_options, line_colour, parallel_options
from flyball.console.facts import shortened
from flyball.console.frame import Frame, heading, trouble, waiting
from flyball.console.markup import NOTHING, Markup, element, joined, text
from flyball.console.palette import palette
from flyball.console.records import Curve, Run, plain
from flyball.console.runsview import MOST_COMPARED
from flyball.core.errors import FlyballError

CHARTS = 12
_POINTS = 400


class ComparePage:
    """One visitor's comparison of the runs with those ids; `everything` shows also what is the same in all of them."""

    def __init__(self, frame: Frame, runs: Sequence[str], *, everything: bool) -> None:
        self._frame, self._asked, self._everything = frame, tuple(runs[:MOST_COMPARED]), everything
        self._runs: list[Run] = []
        self._curves: dict[str, Mapping[str, Curve]] = {}
        self._charts: dict[str, ui.echart] = {}
        self._parallel: ui.echart | None = None
        self._axes: list[Axis] = []

    def build(self) -> None:
        """Lay the page out, empty."""
        with self._frame.page("compare-page"):
            self._head = ui.html(joined(_title(len(self._asked)), waiting()), sanitize=False)
            self._told = ui.html("", sanitize=False).classes("told-line")
            self._plots = ui.element("section").classes("curves").props("aria-label=Curves")
            self._across = ui.element("section").classes("panel across")
            self._across.set_visibility(False)
            self._table = ui.html("", sanitize=False).classes("differences")
        self._frame.on_theme(self._paint)

    async def start(self) -> None:
        """Once the browser is there: fill the page."""
        await self._frame.start()
        troubles = []
        for run in self._asked:
            try:
                self._runs.append(await self._frame.ask(partial(self._frame.archive.get_run, run)))
            except FlyballError as error:
                troubles.append(self._frame.trouble(error))
        self._told.content = joined(*troubles)
        self._head.content = joined(_title(len(self._runs)), self._legend())
        if not self._runs:
            self._told.content = joined(*troubles, element("p", text("Choose two or more in the table of runs."), class_="hint"))
            return
        self._table.content = self._differences()
        self._build_parallel()
        await self._ask_curves()

    def _legend(self) -> Markup:
        """The runs with their colours, each with a way to leave it out."""
        names = [run.info.run_id for run in self._runs]
        chips = []
        for place, run in enumerate(self._runs):
            rest = ",".join(quote(name) for name in names if name != run.info.run_id)
            chips.append(element(
                "li", element("span", class_="swatch", style=f"border-color:{line_colour(place, dark=self._frame.dark)}"),
                element("a", text(run.info.title), href=f"/runs/{quote(run.info.run_id, safe='')}", class_="run-link"),
                element("a", Markup("&times;"), href=f"/compare?runs={rest}", class_="leave", aria_label=f"Leave out {run.info.title}"),
            ))  # fmt: skip
        return element("ul", *chips, class_="compared", aria_label="Compared runs")

    def _build_parallel(self) -> None:
        self._axes = axes_of(self._runs)
        if len(self._axes) < 2 or len(self._runs) < 2:
            return
        self._across.set_visibility(True)
        left = len(self._axes) - MOST_AXES
        said = "One line for each run, across what they differ in." + (f" {left} more are in the table below." if left > 0 else "")
        with self._across:
            ui.html(joined(element("h2", text("Across")), element("p", text(said), class_="panel-note")), sanitize=False)
            with ui.element("div").classes("across-scroll").props("tabindex=0 role=group aria-label=Axes"):
                self._parallel = ui.echart({"series": []}, renderer="svg").classes("plot parallel-plot")
                self._parallel.style(f"min-width:{max(len(self._axes[:MOST_AXES]) * 92, 280)}px")
        self._paint_parallel()

    async def _ask_curves(self) -> None:
        steps = {each.key for run in self._runs for each in run.data.metrics if each.step != 0}
        ids = [run.info.run_id for run in self._runs]
        for name in sorted(steps)[:CHARTS]:
            try:
                self._curves[name] = await self._frame.ask(partial(self._frame.archive.curves, ids, name, points=_POINTS))
            except FlyballError as error:
                self._told.content = trouble(error)
                return
            with self._plots, ui.element("article").classes("panel"):
                ui.html(element("h2", text(name)), sanitize=False)
                chart = ui.echart({"series": []}, renderer="svg").classes("plot curve-plot")
                self._charts[name] = chart.props(f'data-metric="{quote(name)}"')
            self._draw(name)

    def _draw(self, name: str) -> None:
        lines = [
            Line(run.info.title, place, self._curves[name][run.info.run_id])
            for place, run in enumerate(self._runs)
            if run.info.run_id in self._curves[name]
        ]
        chart = self._charts[name]
        chart.options.clear()
        chart.options.update(curve_options(lines, palette(dark=self._frame.dark), dark=self._frame.dark))
        chart.update()

    def _paint_parallel(self) -> None:
        if self._parallel is not None:
            self._parallel.options.clear()
            colours = palette(dark=self._frame.dark)
            self._parallel.options.update(parallel_options(self._runs, self._axes, colours=colours, dark=self._frame.dark))
            self._parallel.update()

    def _paint(self) -> None:
        for name in self._charts:
            self._draw(name)
        self._paint_parallel()
        self._head.content = joined(_title(len(self._runs)), self._legend())

    def _differences(self) -> Markup:
        here = f"/compare?runs={','.join(quote(run.info.run_id) for run in self._runs)}"
        ways = element(
            "nav", element("a", text("Only differences"), href=here, class_="tab", aria_current=None if self._everything else "page"),
            element("a", text("All"), href=f"{here}&show=all", class_="tab", aria_current="page" if self._everything else None),
            class_="tabs", aria_label="Which rows are shown",
        )  # fmt: skip
        groups = (
            ("Parameters", [run.params for run in self._runs]),
            ("Metrics", [{name: plain(value) for name, value in run.metrics.items()} for run in self._runs]),
        )
        bodies = [body for title, values in groups if (body := _body(title, values, everything=self._everything))]
        titles = [element("th", text(run.info.title), scope="col") for run in self._runs]
        table = element("table", element("thead", element("tr", element("th", class_="corner"), *titles)), *bodies, class_="beside")
        none = element("p", text("They do not differ in any parameter or metric."), class_="hint")
        return element(
            "section", element("div", element("h2", text("Beside each other")), ways, class_="panel-head"),
            element("div", table, class_="table-scroll", tabindex="0", role="group", aria_label="Differences") if bodies else none,
            class_="panel",
        )  # fmt: skip


def _title(runs: int) -> Markup:
    way = element("nav", element("a", text("Runs"), href="/runs"), class_="way", aria_label="Where it is")
    return heading(f"{runs} runs compared" if runs != 1 else "1 run", NOTHING, above=way)


def _body(title: str, values: Sequence[Mapping[str, str]], *, everything: bool) -> Markup:
    """The rows in which the runs differ, or all of them; nothing where there are none."""
    rows = []
    for name in sorted({name for each in values for name in each}):
        found = [each.get(name) for each in values]
        differs = len(set(found)) > 1
        if differs or everything:
            cells = [element("td", text("\N{EN DASH}" if value is None else shortened(value))) for value in found]
            rows.append(element("tr", element("th", text(name), scope="row"), *cells, class_="differs" if differs else None))
    if not rows:
        return NOTHING
    group = element("tr", element("th", text(title), colspan=len(values) + 1, scope="colgroup"), class_="group")
    return element("tbody", group, *rows)
