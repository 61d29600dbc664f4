"""The addresses of the pages: which page stands at which, for whom it is built, and what it is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from nicegui import Client, ui
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from flyball.console.comparepage import ComparePage
from flyball.console.datasetpage import Asked, DatasetPage
from flyball.console.datasetspage import Choice, DatasetsPage
from flyball.console.dataversionpage import DataVersionPage
from flyball.console.downloads import session_of
from flyball.console.endpointpage import EndpointPage
from flyball.console.endpointspage import EndpointsPage
from flyball.console.frame import Frame, Surroundings
from flyball.console.head import is_bare
from flyball.console.page import ConsolePage
from flyball.console.registrypages import ModelPage, ModelsPage
from flyball.console.runpage import RunPage
from flyball.console.runspage import RunsPage
from flyball.console.runsview import RunsView


class _Page(Protocol):
    def build(self) -> None: ...
    async def start(self) -> None: ...


def add_pages(around: Surroundings) -> None:
    """All pages of the console."""
    add_loop(around)
    add_runs(around)
    add_registry(around)
    add_datasets(around)
    add_endpoints(around)


def add_loop(around: Surroundings) -> None:
    """The page of the loop."""

    @ui.page("/", title="Flyball")
    async def loop(client: Client, model: str | None = None) -> Response | None:
        if is_bare(around.watch.known):
            return RedirectResponse("/runs", status_code=303)
        page = ConsolePage(around, model, session=session_of(client.request, logins=around.logins))
        client.on_delete(page.close)
        await _show(page, client, around=around)
        return None


def add_runs(around: Surroundings) -> None:
    """The pages of runs."""

    @ui.page("/runs", title="Runs · Flyball")
    async def runs(client: Client, request: Request) -> None:
        view = RunsView.of(request.query_params.multi_items())
        await _framed(client, around, here="/runs", make=lambda frame: RunsPage(frame, view))

    @ui.page("/runs/{run}", title="Run · Flyball")
    async def run(client: Client, run: str) -> None:
        await _framed(client, around, here="/runs", make=lambda frame: RunPage(frame, run))

    @ui.page("/compare", title="Compare runs · Flyball")
    async def compare(client: Client, *, runs: str = "", show: str = "") -> None:
        names = tuple(dict.fromkeys(name for name in runs.split(",") if name))
        await _framed(client, around, here="/runs", make=lambda frame: ComparePage(frame, names, everything=show == "all"))


def add_registry(around: Surroundings) -> None:
    """The pages of registered models."""

    @ui.page("/registry", title="Models · Flyball")
    async def models(client: Client, *, filter: str = "", page: str = "") -> None:  # noqa: A002  the word in the address
        await _framed(client, around, here="/registry", make=lambda frame: ModelsPage(frame, asked=filter, token=page))

    @ui.page("/registry/{name}", title="Model · Flyball")
    async def model(client: Client, name: str) -> None:
        await _framed(client, around, here="/registry", make=lambda frame: ModelPage(frame, name))


def add_datasets(around: Surroundings) -> None:
    """The pages of datasets."""

    @ui.page("/datasets", title="Data · Flyball")
    async def datasets(client: Client, *, filter: str = "", health: str = "", sort: str = "") -> None:  # noqa: A002  as above
        choice = Choice(filter, health, sort)
        await _framed(client, around, here="/datasets", make=lambda frame: DatasetsPage(frame, choice))

    @ui.page("/datasets/{name}", title="Dataset · Flyball")
    async def dataset(client: Client, request: Request, *, name: str) -> None:
        asked = Asked.of(request.query_params)
        await _framed(client, around, here="/datasets", make=lambda frame: DatasetPage(frame, name, asked=asked))

    @ui.page("/datasets/{name}/versions/{number}", title="Version · Flyball")
    async def version(client: Client, name: str, *, number: int) -> None:
        await _framed(client, around, here="/datasets", make=lambda frame: DataVersionPage(frame, name, number=number))


def add_endpoints(around: Surroundings) -> None:
    """The pages of endpoints."""

    @ui.page("/endpoints", title="Endpoints · Flyball")
    async def endpoints(client: Client) -> None:
        await _framed(client, around, here="/endpoints", make=EndpointsPage)

    @ui.page("/endpoints/{name}", title="Endpoint · Flyball")
    async def endpoint(client: Client, name: str) -> None:
        await _framed(client, around, here="/endpoints", make=lambda frame: EndpointPage(frame, name))


async def _framed(client: Client, around: Surroundings, *, here: str, make: Callable[[Frame], _Page]) -> None:
    frame = Frame(around, here=here, session=session_of(client.request, logins=around.logins))
    await _show(make(frame), client, around=around)


async def _show(page: _Page, client: Client, *, around: Surroundings) -> None:
    around.watch.enter()
    client.on_delete(around.watch.leave)
    page.build()
    await client.connected(timeout=30)
    await page.start()
