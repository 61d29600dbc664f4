"""One run: what it is, its curves, which grow while it runs, and all that was logged to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from urllib.parse import quote

from nicegui import ui

from flyball.console.curves import Line, curve_options
from flyball.console.facts import data_table, head_facts, metric_table, value_table
from flyball.console.filetree import FileTree
from flyball.console.frame import Frame, heading, trouble, waiting
from flyball.console.markup import Markup, element, joined, text
from flyball.console.palette import palette
from flyball.console.records import Curve, FileEntry, Latest, Run
from flyball.core.errors import FlyballError

LIVE_SECONDS = 2.0
CHARTS = 12
_OWN_TAGS = "mlflow."


class RunPage:
    """One visitor's page of the run with that id."""

    def __init__(self, frame: Frame, run: str) -> None:
        self._frame, self._id = frame, run
        self._run: Run | None = None
        self._experiment = ""
        self._charts: dict[str, ui.echart] = {}
        self._curves: dict[str, Curve] = {}
        self._most = CHARTS
        self._asking = False

    def build(self) -> None:
        """Lay the page out, empty."""
        with self._frame.page("run-page"):
            self._head = ui.html(joined(heading(self._id, text("…"), above=_way()), waiting()), sanitize=False)
            self._told = ui.html("", sanitize=False).classes("told-line")
            self._plots = ui.element("section").classes("curves").props("aria-label=Curves")
            self._more = ui.html("", sanitize=False, tag="button").classes("button plain more").props("type=button")
            self._more.on("click", self._show_more)
            self._more.set_visibility(False)
            self._logged = ui.html("", sanitize=False).classes("logged")
            with ui.element("section").classes("panel") as self._files:
                ui.html(element("h2", text("Files")), sanitize=False)
                self._tree = FileTree(self._id, self._list_files)
            self._files.set_visibility(False)
        self._frame.on_theme(self._paint)

    async def start(self) -> None:
        """Once the browser is there: fill the page, and go on while the run does."""
        await self._frame.start()
        await self._refresh()
        if self._run is not None:
            self._files.set_visibility(True)
            await self._tree.fill()
        ui.timer(LIVE_SECONDS, self._go_on)

    async def _go_on(self) -> None:
        if (self._run is None or self._run.info.runs) and not self._asking:
            await self._refresh()

    async def _refresh(self) -> None:
        self._asking = True
        try:
            run = await self._frame.ask(lambda: self._frame.archive.get_run(self._id))
            if not self._experiment:
                self._experiment = (await self._frame.ask(lambda: self._frame.archive.get_experiment(run.info.experiment_id))).name
            before, self._run = self._run, run
            if run != before:
                self._tell(run)
                await self._ask_curves(run, before=before)
        except FlyballError as error:
            if self._run is None:
                self._head.content = heading(self._id, text("This run cannot be shown."), above=_way())
            self._told.content = trouble(error)
        else:
            self._told.content = ""
        finally:
            self._asking = False

    def _tell(self, run: Run) -> None:
        ui.page_title(f"{run.info.title} · Flyball")
        note = run.tags.get("mlflow.note.content", "")
        described = heading(run.info.title, text(note), above=_way(run.info.experiment_id, self._experiment))
        self._head.content = joined(described, element("section", head_facts(run, experiment=self._experiment), class_="panel"))
        tags = {name: value for name, value in sorted(run.tags.items()) if not name.startswith(_OWN_TAGS)}
        self._logged.content = joined(
            value_table("Parameters", dict(sorted(run.params.items())), css="params"), metric_table(run),
            value_table("Tags", tags, css="tags"), data_table(run),
        )  # fmt: skip

    async def _ask_curves(self, run: Run, *, before: Run | None) -> None:
        """Ask for the course of each metric that has changed; one that has a single value is no curve."""
        known = {each.key: each for each in before.data.metrics} if before else {}
        changed = [each for each in self._shown(run) if known.get(each.key) != each or each.key not in self._curves]
        for metric in changed:
            found = await self._frame.ask(partial(self._frame.archive.curves, [self._id], metric.key))
            self._curves[metric.key] = found.get(self._id, ())
            self._draw(metric.key)
        left = len(self._with_steps(run)) - self._most
        self._more.content = f"Show {max(left, 0)} more curves"
        self._more.set_visibility(left > 0)

    def _with_steps(self, run: Run) -> Sequence[Latest]:
        # The latest step of a metric with a course is rarely 0, and that of one without is mostly.
        return sorted((each for each in run.data.metrics if each.step != 0), key=lambda each: each.key)

    def _shown(self, run: Run) -> Sequence[Latest]:
        return self._with_steps(run)[: self._most]

    async def _show_more(self) -> None:
        self._most += CHARTS
        if self._run is not None:
            await self._ask_curves(self._run, before=self._run)

    def _draw(self, name: str) -> None:
        if name not in self._charts:
            with self._plots, ui.element("article").classes("panel"):
                ui.html(element("h2", text(name)), sanitize=False)
                chart = ui.echart({"series": []}, renderer="svg").classes("plot curve-plot")
                self._charts[name] = chart.props(f'data-metric="{quote(name)}"')
        title = self._run.info.title if self._run else self._id
        chart = self._charts[name]
        chart.options.clear()
        lines = [Line(title, 0, self._curves[name])]
        chart.options.update(curve_options(lines, palette(dark=self._frame.dark), dark=self._frame.dark))
        chart.update()

    def _paint(self) -> None:
        for name in self._charts:
            self._draw(name)

    async def _list_files(self, path: str) -> Sequence[FileEntry] | str:
        try:
            return await self._frame.ask(lambda: self._frame.archive.list_files(self._id, path))
        except FlyballError as error:
            return str(error)


def _way(experiment: str = "", name: str = "") -> Markup:
    links: Mapping[str, str] = {"/runs": "Runs", **({f"/runs?experiment={quote(experiment)}": name} if name else {})}
    return element("nav", *(element("a", text(said), href=where) for where, said in links.items()), class_="way", aria_label="Where it is")
