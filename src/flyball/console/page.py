"""The one page: the head, who answers, the two charts and the timeline, each redrawn when what it shows has changed.

A page reads the watch's newest knowledge a few times a second and asks nothing by itself, but causes and deeds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import events, ui

from flyball.console.answers import Happening, ModelFigures, WindowFigures
from flyball.console.cards import canary_card, champion_card, loop_card
from flyball.console.charts import Series, drift_options, quality_options
from flyball.console.decisions import Decision, DecisionDialog, Deed, promotion, return_to_former
from flyball.console.frame import Surroundings, foot
from flyball.console.head import CLOCK_FACE, THEME_BUTTON, clock_call, has_data_only, head_markup, is_bare, pace_markup
from flyball.console.health import health_strip
from flyball.console.kinds import concerns
from flyball.console.markup import Markup, element, joined, text
from flyball.console.notices import drift_words, notice, quality_words
from flyball.console.palette import palette
from flyball.console.timeline import Timeline
from flyball.console.watch import Known
from flyball.core.errors import FlyballError

REFRESH_SECONDS = 0.4


class ConsolePage:
    """One visitor's page; `model` is the one they asked for, or the first there is."""

    def __init__(self, around: Surroundings, model: str | None, *, session: str | None) -> None:
        self._around, self._asked = around, model
        self._visitor = around.plane.create_visitor(session)
        self._may_release = False
        self._dark = False
        self._seen: Known | None = None
        self._drawn: object = None
        self._told: object = None

    def build(self) -> None:
        """Lay the page out, empty; the first refresh fills it."""
        with ui.element("header").classes("bar"):
            self._head = ui.html("", sanitize=False).classes("bar-left")
            with ui.element("div").classes("bar-right"):
                self._pace = ui.html("", sanitize=False)
                ui.html(CLOCK_FACE, sanitize=False)
                ui.html(THEME_BUTTON, sanitize=False)
        self._notice = ui.html("", sanitize=False).classes("notice-place").props("role=status aria-live=polite")
        self._health = ui.html("", sanitize=False).classes("strip")
        with ui.element("main").classes("board"):
            with ui.element("div").classes("board-main") as self._main:
                self._build_cards()
                self._quality, self._quality_words = self._build_chart("quality")
                self._drift, self._drift_words = self._build_chart("drift")
            with ui.element("aside").classes("board-side"), ui.element("section").classes("panel timeline"):
                ui.html(element("div", element("h2", text("Timeline")), class_="panel-head"), sanitize=False)
                self._timeline = Timeline(self._causes)
        told = foot("Flyball. All times are UTC, on the business clock.", logins=self._around.logins)
        ui.html(told, sanitize=False, tag="footer").classes("foot")
        self._dialog = DecisionDialog(self._act)
        ui.on("flyball-theme", self._set_theme)
        self.refresh()

    def _build_cards(self) -> None:
        with ui.element("section").classes("cards").props("aria-label=Versions"):
            with ui.element("article").classes("panel card champion"):
                self._champion = ui.html(_waiting_card("Champion"), sanitize=False)
                self._rollback_champion = self._button("Roll back", "plain", decide=return_to_former)
            with ui.element("article").classes("panel card canary"):
                self._canary = ui.html(_waiting_card("Canary"), sanitize=False)
                with ui.element("div").classes("card-buttons"):
                    self._promote = self._button("Promote", "main", decide=promotion)
                    self._rollback_canary = self._button("Roll back", "plain", decide=return_to_former)
            with ui.element("article").classes("panel card loop"):
                self._loop = ui.html(_waiting_card("Loop"), sanitize=False)

    def _button(self, name: str, css: str, *, decide: Any) -> ui.html:
        button = ui.html(text(name), sanitize=False, tag="button").classes(f"button {css}").props("type=button")
        button.on("click", lambda: self._ask(decide))
        button.set_visibility(False)
        return button

    def _build_chart(self, name: str) -> tuple[ui.echart, ui.html]:
        with ui.element("section").classes(f"panel chart {name}"):
            words = ui.html(joined(element("div", element("h2", text(name.capitalize())), class_="panel-head")), sanitize=False)
            chart = ui.echart({"series": []}, renderer="svg").classes(f"plot {name}-plot")
        return chart, words

    async def start(self) -> None:
        """Once the browser is there: take its theme and its visitor's role, and keep the page fresh until it leaves."""
        dark = await ui.run_javascript("return window.flyball.paint()", timeout=5)
        self._dark, self._drawn = bool(dark), None
        self.refresh()
        self._may_release = await self._ask_role()
        self._seen = None
        ui.timer(REFRESH_SECONDS, self.refresh)

    async def _ask_role(self) -> bool:
        try:
            return "release" in await asyncio.to_thread(self._visitor.list_permissions)
        except FlyballError:
            return True  # whoever presses a button is told by the control plane

    def close(self) -> None:
        """The visitor has left."""
        self._visitor.close()

    def _set_theme(self, told: events.GenericEventArguments) -> None:
        self._dark = bool(told.args)
        self._drawn = None
        self._seen = None
        self.refresh()

    @property
    def _model(self) -> ModelFigures | None:
        models = self._around.watch.known.models
        return models.get(self._asked or "", next(iter(models.values()), None))

    def refresh(self) -> None:
        """Show what is known by now; nothing is sent to the browser that has not changed."""
        known = self._around.watch.known
        if known is self._seen:
            return
        self._seen = known
        if is_bare(known):
            ui.navigate.to("/runs")
            return
        model = self._model
        self._head.content = head_markup(known, model)
        self._notice.content = notice(known, self._around.control_url)
        self._health.classes(add="stale") if known.trouble else self._health.classes(remove="stale")
        if known.status is None:
            return
        self._pace.content = pace_markup(known.status.clock)
        clock = clock_call(known.status.clock)
        if clock != self._told:
            self._told = clock
            ui.run_javascript(clock)  # type: ignore[unused-awaitable]  # it answers nothing
        self._health.content = health_strip(known.status)
        self._main.set_visibility(not has_data_only(known))
        if model is not None:
            self._show_model(known, model)
        elif has_data_only(known):
            self._timeline.set_events(known.events, loading=not known.caught_up)

    def _show_model(self, known: Known, model: ModelFigures) -> None:
        assert known.status is not None
        now = known.status.clock.now
        self._champion.content = champion_card(model, phase=known.status.phase)
        marks = [mark for mark in known.marks if concerns(mark, model.name, endpoint=model.endpoint)]
        ended = [mark for mark in marks if mark.type != "training.started"]
        self._canary.content = canary_card(model, ended, now=now)
        self._loop.content = loop_card(model, now=now)
        may, canary = self._may_release, model.canary is not None
        self._rollback_champion.set_visibility(may and model.champion is not None and not canary)
        self._promote.set_visibility(may and canary)
        self._rollback_canary.set_visibility(may and canary and model.champion is not None)
        self._draw(known.windows.get(model.name, ()), model, marks=marks)
        told = [event for event in known.events if concerns(event, model.name, endpoint=model.endpoint)]
        self._timeline.set_events(told, loading=not known.caught_up)

    def _draw(self, windows: Sequence[WindowFigures], model: ModelFigures, *, marks: Sequence[Happening]) -> None:
        drawn = (windows, tuple(mark.id for mark in marks), model.metric, model.open_window and model.open_window.end, self._dark)
        if drawn == self._drawn:
            return
        self._drawn = drawn
        series = Series.of(model, windows, events=marks)
        self._quality_words.content = quality_words(series)
        self._drift_words.content = drift_words(series)
        for chart, options in ((self._quality, quality_options), (self._drift, drift_options)):
            chart.set_visibility(bool(series.windows))
            chart.options.clear()
            chart.options.update(options(series, palette(dark=self._dark)))
            chart.update()

    def _ask(self, decide: Any) -> None:
        model = self._model
        decision: Decision | None = decide(model) if model else None
        if model is not None and decision is not None:
            self._dialog.ask(decision, model)

    async def _act(self, deed: Deed, model: ModelFigures, *, why: str) -> Mapping[str, Any]:
        plane = self._visitor
        if deed == "promote":
            version = model.canary.version if model.canary else None
            return await asyncio.to_thread(plane.promote, model.endpoint, version=version, why=why)
        return await asyncio.to_thread(plane.rollback, model.endpoint, why=why)

    async def _causes(self, event: str) -> Sequence[Happening] | str:
        try:
            return await asyncio.to_thread(self._around.plane.list_causes, event)
        except FlyballError as error:
            return str(error)


def _waiting_card(title: str) -> Markup:
    bones = (element("div", class_="skeleton tall"), element("div", class_="skeleton line"), element("div", class_="skeleton line"))
    return joined(element("div", element("h2", text(title)), class_="card-head"), *bones)
