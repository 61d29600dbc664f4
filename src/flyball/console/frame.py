"""What stands around the pages of runs, models and datasets: the head with its ways, what is wrong with the control plane, and the foot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from nicegui import events, ui

from flyball.client.errors import UnreachableError
from flyball.console.archive import Archive, Archives
from flyball.console.controlplane import ControlPlane
from flyball.console.gateway import Gateway
from flyball.console.head import THEME_BUTTON, brand
from flyball.console.holdings import Holdings
from flyball.console.markup import NOTHING, Markup, element, joined, text
from flyball.console.notices import away_notice
from flyball.console.watch import Known, Watch
from flyball.core.errors import FlyballError

T = TypeVar("T")
REFRESH_SECONDS = 0.5


@dataclass(frozen=True)
class Surroundings:
    """What a page is given to live on."""

    plane: ControlPlane
    watch: Watch
    archives: Archives
    control_url: str
    logins: bool


class Frame:
    """The surroundings of one visitor's page; `here` is the entry of the ways that it belongs to."""

    def __init__(self, around: Surroundings, *, here: str, session: str | None) -> None:
        self._around, self._here = around, here
        self.archive: Archive = around.archives.of(session)
        self.holdings: Holdings = around.archives.holdings_of(session)
        self.gateway: Gateway = around.archives.gateway_of(session)
        self._session = session
        self.dark = False
        self._seen: Known | None = None
        self._unreached = False
        self._turned: list[Callable[[], None]] = []

    @contextmanager
    def page(self, css: str) -> Iterator[None]:
        """The page's own part is built inside."""
        with ui.element("header").classes("bar framed"):
            self._head = ui.html("", sanitize=False).classes("bar-left")
            with ui.element("div").classes("bar-right"):
                ui.html(THEME_BUTTON, sanitize=False)
        self._notice = ui.html("", sanitize=False).classes("notice-place").props("role=status aria-live=polite")
        with ui.element("main").classes(f"sheet-page {css}"):
            yield
        ui.html(foot("Flyball. All times are UTC.", logins=self._around.logins), sanitize=False, tag="footer").classes("foot")
        ui.on("flyball-theme", self._set_theme)
        self._refresh()

    async def start(self) -> None:
        """Once the browser is there: take its theme, and keep the head fresh until it leaves."""
        self.dark = bool(await ui.run_javascript("return window.flyball.paint()", timeout=5))
        ui.timer(REFRESH_SECONDS, self._refresh)

    def on_theme(self, turned: Callable[[], None]) -> None:
        """Call `turned` when the theme has."""
        self._turned.append(turned)

    async def ask(self, question: Callable[[], T]) -> T:
        """What the control plane answers, asked off the loop."""
        return await asyncio.to_thread(question)

    async def may(self, permission: str) -> bool:
        """Whether the visitor may; where that cannot be asked, whoever presses a button is told by the control plane."""
        try:
            return permission in await asyncio.to_thread(self._list_permissions)
        except FlyballError:
            return True

    def latest(self, subject: str) -> int:
        """The place in the log of the newest event that is known about what `subject` begins with; 0 where there is none."""
        events = reversed(self._around.watch.known.events)
        return next((event.position for event in events if event.subject.startswith(subject)), 0)

    def trouble(self, error: FlyballError) -> Markup:
        """The sentence of an error that leaves the page empty; where nobody answered, the page is loaded again when somebody does."""
        self._unreached = self._unreached or isinstance(error, UnreachableError)
        return trouble(error)

    def _list_permissions(self) -> frozenset[str]:
        visitor = self._around.plane.create_visitor(self._session)
        try:
            return visitor.list_permissions()
        finally:
            visitor.close()

    def _set_theme(self, told: events.GenericEventArguments) -> None:
        self.dark = bool(told.args)
        for turned in self._turned:
            turned()

    def _refresh(self) -> None:
        known = self._around.watch.known
        if known is self._seen:
            return
        self._seen = known
        self._head.content = brand(known, here=self._here)
        self._notice.content = away_notice(known, self._around.control_url)
        if self._unreached and known.status is not None and known.trouble is None:
            self._unreached = False
            ui.navigate.reload()


def foot(said: str, *, logins: bool) -> Markup:
    """What stands at the end of every page: what it says of its times, and the way out."""
    leave = Markup('<form method="post" action="/logout"><button class="link" type="submit">Log out</button></form>') if logins else NOTHING
    return joined(element("span", text(said)), leave)


def heading(title: str, note: Markup, *, above: Markup = NOTHING) -> Markup:
    """The title of a page, what it belongs to above it, and a line below it."""
    return element("div", above, element("h1", text(title)), element("p", note, class_="panel-note"), class_="page-head")


def trouble(error: object) -> Markup:
    """A sentence that says why something is not shown."""
    return element("p", text(error), class_="trouble", role="alert")


def waiting() -> Markup:
    """Stands where something will."""
    return element("div", *(element("div", class_=f"skeleton {size}") for size in ("tall", "line", "line", "line")), class_="waiting")
