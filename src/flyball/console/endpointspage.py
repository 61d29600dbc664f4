"""All endpoints, with who answers there and how fast."""

from __future__ import annotations

from nicegui import ui

from flyball.console.endpointviews import listing
from flyball.console.frame import Frame, heading, waiting
from flyball.console.markup import element, text
from flyball.core.errors import FlyballError

REFRESH_SECONDS = 5.0


class EndpointsPage:
    """One visitor's list."""

    def __init__(self, frame: Frame) -> None:
        self._frame, self._asking = frame, False

    def build(self) -> None:
        """Lay the page out, empty."""
        with self._frame.page("datasets-page"):
            ui.html(heading("Endpoints", text("Who answers requests, for which share of them, and how fast.")), sanitize=False)
            self._list = ui.html(waiting(), sanitize=False)

    async def start(self) -> None:
        """Once the browser is there: fill the page, and keep it fresh until it leaves."""
        await self._frame.start()
        await self._refresh()
        ui.timer(REFRESH_SECONDS, self._refresh)

    async def _refresh(self) -> None:
        if self._asking:
            return
        self._asking = True
        try:
            self._list.content = listing(await self._frame.ask(self._frame.gateway.list_endpoints))
        except FlyballError as error:
            self._list.content = element("section", self._frame.trouble(error), class_="panel")
        finally:
            self._asking = False
