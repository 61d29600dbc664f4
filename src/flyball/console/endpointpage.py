"""One endpoint: live traffic, its versions, shares that one can move, shadows beside the answers, and a row to try."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from nicegui import ui

from flyball.console.confirming import Confirmation, Question
from flyball.console.endpointrecords import Endpoint
from flyball.console.endpointviews import comparison_panel, endpoint_facts, server_panel, version_table
from flyball.console.frame import Frame, heading, waiting
from flyball.console.markup import NOTHING, Markup, element, joined, text
from flyball.console.trying import Trial
from flyball.console.weighing import Weighing
from flyball.core.clock import MonotonicTimer
from flyball.core.errors import FlyballError

REFRESH_SECONDS = 2.0


class EndpointPage:
    """One visitor's page of that endpoint."""

    def __init__(self, frame: Frame, name: str) -> None:
        self._frame, self._name = frame, name
        self._timer = MonotonicTimer()
        self._asking = self._may = False
        self._before: tuple[float, int] | None = None

    def build(self) -> None:
        """Lay the page out, empty."""
        with self._frame.page("dataset-page endpoint-page"):
            self._head = ui.html(joined(self._title(), waiting()), sanitize=False)
            self._weighing = Weighing(self._frame.gateway, self._decide)
            self._body = ui.html("", sanitize=False).classes("parts")
            self._trial = Trial(self._frame, self._name)
        self._confirmation = Confirmation()

    async def start(self) -> None:
        """Once the browser is there: fill the page, and keep it fresh until it leaves."""
        await self._frame.start()
        ui.page_title(f"{self._name} · Flyball")
        self._may = await self._frame.may("release")
        await self._refresh()
        await self._trial.start(may=await self._frame.may("predict"))
        ui.timer(REFRESH_SECONDS, self._refresh)

    async def _refresh(self) -> None:
        if self._asking:
            return
        self._asking = True
        try:
            endpoint = await self._frame.ask(partial(self._frame.gateway.get_endpoint, self._name))
        except FlyballError as error:
            self._head.content = joined(self._title(), element("section", self._frame.trouble(error), class_="panel"))
            return
        finally:
            self._asking = False
        self._show(endpoint)

    def _show(self, endpoint: Endpoint) -> None:
        now = self._timer.seconds()
        before, self._before = self._before, (now, endpoint.rows)
        # Rows leave the window at its other end as well: a small negative difference is no traffic.
        rate = None if before is None else max(endpoint.rows - before[1], 0) / max(now - before[0], 0.1)
        self._head.content = joined(self._title(), endpoint_facts(endpoint, per_second=rate))
        self._body.content = joined(
            version_table(endpoint), comparison_panel(endpoint.shadow_comparison),
            server_panel(endpoint.servers, revision=endpoint.revision),
        )  # fmt: skip
        self._weighing.show(endpoint, may=self._may)

    def _title(self) -> Markup:
        links = [element("a", text("Endpoints"), href="/endpoints")]
        return heading(self._name, NOTHING, above=element("nav", *links, class_="way", aria_label="Where it is"))

    def _decide(self, question: Question) -> None:
        async def done(why: str, deed: Callable[[str], Awaitable[str]]) -> str:
            said = await deed(why)
            await self._refresh()
            return said

        self._confirmation.ask(
            Question(question.title, question.effect, question.confirm, partial(done, deed=question.deed), question.danger)
        )
