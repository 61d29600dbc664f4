"""The table of runs: which experiments, a filter in MLflow's grammar, order, columns and chosen runs, all of which stand in its address."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nicegui import events, ui

from flyball.client.tracking import Query
from flyball.console.frame import Frame, heading, trouble
from flyball.console.markup import NOTHING, Markup, element, joined, text
from flyball.console.records import Experiment
from flyball.console.runsview import FIXED, GROUPS, MOST_COMPARED, Keys, RunsView, is_column, order_clause, order_of
from flyball.core.errors import FlyballError

LOOKED_THROUGH = 200
MOST_CHIPS = 200
EXAMPLE = "metrics.auc > 0.8 and params.model = 'gbdt'"
_WIDTHS = {"name": 210, "status": 110, "started": 150, "duration": 100, "experiment": 160, "user": 110}
_GRID = {
    "rowModelType": "infinite", "cacheBlockSize": 250, "maxBlocksInCache": 20, "maxConcurrentDatasourceRequests": 1,
    "infiniteInitialRowCount": 1, "cacheOverflowSize": 1, "blockLoadDebounceMillis": 20, "columnDefs": [],
    ":getRowId": "row => row.data.id",
    "rowSelection": {"mode": "multiRow", "headerCheckbox": False, "checkboxes": True, "enableClickSelection": False},
    "selectionColumnDef": {"width": 44, "resizable": False, "pinned": "left", "suppressHeaderMenuButton": True},
    "rowHeight": 34, "headerHeight": 36, "multiSortKey": "ctrl", "enableCellTextSelection": True, "tooltipShowDelay": 700,
    "suppressColumnVirtualisation": False, "suppressNoRowsOverlay": False, "overlayNoRowsTemplate": "No runs here",
}  # fmt: skip


class RunsPage:
    """One visitor's table; `view` is what the address asked for."""

    def __init__(self, frame: Frame, view: RunsView) -> None:
        self._frame, self._view = frame, view
        self._keys = Keys.of(())
        self._experiments: tuple[Experiment, ...] = ()

    def build(self) -> None:
        """Lay the page out, empty."""
        self._client = ui.context.client
        with self._frame.page("runs-page"):
            ui.html(heading("Runs", text("What was logged, newest first until a column is sorted by.")), sanitize=False)
            with ui.element("section").classes("panel runs-panel").props("aria-label=Runs"):
                with ui.element("div").classes("runs-tools"):
                    self._build_tools()
                self._told = ui.html("", sanitize=False).classes("told-line")
                self._build_columns()
                ui.html('<p id="runs-trouble" class="trouble" role="alert"></p>', sanitize=False).classes("told-line")
                self._grid = ui.aggrid({**_GRID}, theme="quartz", auto_size_columns=False).classes("runs-grid")
                with ui.element("div").classes("runs-foot"):
                    ui.html('<span id="runs-count" role="status"></span>', sanitize=False)
                    self._chosen = ui.html("", sanitize=False).classes("runs-chosen")
                    self._clear = self._button("Clear", self._clear_chosen)
        ui.on("flyball-order", self._take_order)
        ui.on("flyball-chosen", self._take_chosen)
        ui.on("flyball-keys", self._take_keys)

    def _build_tools(self) -> None:
        # The framework's own list is told which are chosen once it is known which there are.
        self._choice = ui.select({}, multiple=True, with_input=True, label="Experiments").classes("runs-experiments")
        self._choice.props('outlined dense use-chips options-dense input-aria-label=Experiments popup-content-class="runs-options"')
        self._choice.on_value_change(self._take_experiments)
        self._filter = ui.input("Filter", value=self._view.filter, placeholder=EXAMPLE).classes("runs-filter")
        self._filter.props("outlined dense spellcheck=false autocomplete=off clearable").on("keydown.enter", self._take_filter)
        self._filter.on("clear", self._take_filter)
        with ui.element("div").classes("runs-buttons"):
            self._button("Filter", self._take_filter, css="main")
            self._button("Refresh", lambda: self._run(f"flyball.runs.refresh({self._grid.id})"))
            self._columns_button = self._button("Columns", self._turn_columns)
            self._columns_button.props("aria-expanded=false")
            self._deleted_button = self._button("Deleted", self._turn_deleted)
            self._deleted_button.props(f"aria-pressed={str(self._view.deleted).lower()}")

    def _button(self, name: str, work: Any, *, css: str = "plain") -> ui.html:
        made = ui.html(text(name), sanitize=False, tag="button").classes(f"button {css}").props("type=button")
        made.on("click", work)
        return made

    def _build_columns(self) -> None:
        self._columns = ui.element("div").classes("runs-columns")
        self._columns.set_visibility(False)

    async def start(self) -> None:
        """Once the browser is there: find out what was logged, and show it."""
        await self._frame.start()
        try:
            self._experiments = await self._frame.ask(self._frame.archive.list_experiments)
        except FlyballError as error:
            self._told.content = self._frame.trouble(error)
        self._fill_choice()
        await self._show(self._view)

    def _fill_choice(self) -> None:
        names = {each.experiment_id: each.name for each in self._experiments}
        names |= {each: each for each in self._view.experiments if each not in names}
        self._choice.set_options(names)
        self._choice.set_value(list(self._view.experiments))

    async def _show(self, view: RunsView) -> None:
        """Show `view` if the control plane understands it; else say why not, and leave the table as it is."""
        query = Query(view.filter, view.order_by(), max_results=LOOKED_THROUGH)
        archive = self._frame.archive
        try:
            runs, _ = await self._frame.ask(lambda: archive.search_runs(view.experiments, query, deleted=view.deleted))
        except FlyballError as error:
            self._told.content = trouble(error)
            return
        self._told.content = ""
        self._keys = Keys.of(runs) if view.experiments != self._view.experiments else self._keys.joined(Keys.of(runs))
        self._view = view
        self._draw()

    def _draw(self) -> None:
        chosen = self._columns_now()
        self._draw_chips(chosen)
        query = replace(self._view, columns=chosen).query()
        words = ", ".join(json.dumps(each) for each in (self._grid.id, self._described(chosen), query, list(self._view.chosen)))
        self._run(f"flyball.runs.show({words})")
        self._tell()

    def _columns_now(self) -> tuple[str, ...]:
        return self._keys.first() if self._view.columns is None else self._view.columns

    def _described(self, chosen: Sequence[str]) -> list[dict[str, Any]]:
        """The columns as the script takes them."""
        fixed = [name for name in FIXED if name != "experiment" or len(self._view.experiments) != 1]
        order = {column: (place, direction) for place, (column, direction) in enumerate(self._view.order)}
        found = []
        for name in (*fixed, *(each for each in chosen if each not in FIXED)):
            place, direction = order.get(name, (None, None))
            found.append({
                "id": name, "title": FIXED.get(name) or name.partition(".")[2], "sortable": order_clause(name, "asc") is not None,
                "sort": direction, "sortIndex": place, "width": _WIDTHS.get(name, 130),
                "css": "figure" if name.startswith("metrics.") else name.partition(".")[0],
            })  # fmt: skip
        return found

    def _draw_chips(self, chosen: Sequence[str]) -> None:
        self._columns.clear()
        with self._columns:
            for group, title in GROUPS.items():
                names = tuple(dict.fromkeys((*self._keys.columns[group], *(each for each in chosen if each.startswith(f"{group}.")))))
                if not names:
                    continue
                with ui.element("div").classes("chip-group").props(f'role=group aria-label="{title}"'):
                    ui.html(element("h3", text(title)), sanitize=False)
                    for name in names[:MOST_CHIPS]:
                        self._chip(name, pressed=name in chosen)

    def _chip(self, name: str, *, pressed: bool) -> None:
        chip = ui.html(text(name.partition(".")[2]), sanitize=False, tag="button").classes("chip")
        chip.props(f"type=button aria-pressed={str(pressed).lower()}")
        chip.on("click", lambda: self._turn_column(name))

    def _turn_column(self, name: str) -> None:
        now = self._columns_now()
        columns = tuple(each for each in now if each != name) if name in now else (*now, name)
        order = tuple(each for each in self._view.order if each[0] in FIXED or each[0] in columns)
        self._view = replace(self._view, columns=columns, order=order)
        self._draw()

    def _run(self, script: str) -> None:
        # By the client: the button that was clicked may be gone by now, and its place in the page with it.
        self._client.run_javascript(script)  # type: ignore[unused-awaitable]  # it answers nothing

    def _turn_columns(self) -> None:
        self._columns.set_visibility(not self._columns.visible)
        self._columns_button.props(f"aria-expanded={str(self._columns.visible).lower()}")

    async def _turn_deleted(self) -> None:
        await self._show(replace(self._view, deleted=not self._view.deleted))
        self._deleted_button.props(f"aria-pressed={str(self._view.deleted).lower()}")

    async def _take_experiments(self) -> None:
        chosen = tuple(self._choice.value or ())
        if chosen != self._view.experiments:
            await self._show(replace(self._view, experiments=chosen))

    async def _take_filter(self) -> None:
        await self._show(replace(self._view, filter=(self._filter.value or "").strip()))

    def _take_order(self, told: events.GenericEventArguments) -> None:
        found = tuple(order for order in map(order_of, _texts(told.args)) if order is not None)
        self._view = replace(self._view, order=found)
        self._tell()

    def _take_chosen(self, told: events.GenericEventArguments) -> None:
        self._view = replace(self._view, chosen=_texts(told.args))
        self._tell()

    def _take_keys(self, told: events.GenericEventArguments) -> None:
        given = told.args if isinstance(told.args, dict) else {}
        more = {group: tuple(name for name in _texts(given.get(group)) if is_column(name)) for group in GROUPS}
        keys = self._keys.joined(Keys(more))
        if keys != self._keys:
            self._keys = keys
            self._draw_chips(self._columns_now())

    def _clear_chosen(self) -> None:
        self._view = replace(self._view, chosen=())
        self._run(f"flyball.runs.clear({self._grid.id})")
        self._tell()

    def _tell(self) -> None:
        """The address and what is offered for the chosen runs are as the table is."""
        self._run(f"flyball.runs.address({json.dumps(self._view.address())})")
        self._chosen.content = _offer(self._view.chosen)
        self._clear.set_visibility(bool(self._view.chosen))


def _texts(found: object) -> tuple[str, ...]:
    return tuple(each for each in found if isinstance(each, str)) if isinstance(found, list) else ()


def _offer(chosen: Sequence[str]) -> Markup:
    if not chosen:
        return element("span", text("Choose runs to compare them."), class_="hint")
    compared = ",".join(chosen[:MOST_COMPARED])
    name = f"Compare {len(chosen)}" if len(chosen) <= MOST_COMPARED else f"Compare the first {MOST_COMPARED} of {len(chosen)}"
    offered = element("a", text(name), class_="button main", href=f"/compare?runs={compared}")
    return offered if len(chosen) > 1 else joined(element("span", text("1 run chosen; choose one more."), class_="hint"), NOTHING)
