"""All datasets, with what each holds, how fresh it is and how it does; filter and order stand in the address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from urllib.parse import urlencode

from nicegui import ui

from flyball.console.datarecords import Holding
from flyball.console.dataviews import dataset_row, select
from flyball.console.frame import Frame, heading, waiting
from flyball.console.markup import Markup, element, text
from flyball.core.errors import FlyballError

HEALTHS = ("held", "empty", "stale", "warn", "ok")
REFRESH_SECONDS = 1.0
ASK_SECONDS = 30
"""Ages grow even where nothing comes."""
COLUMNS = {"name": "Dataset", "health": "Health", "version": "Latest", "rows": "Rows", "event": "Newest event", "ingest": "Newest ingest"}
_FIRST = {"name": "asc", "health": "asc", "version": "desc", "rows": "desc", "event": "asc", "ingest": "asc"}


@dataclass(frozen=True, slots=True)
class Choice:
    """Which datasets are shown, and in which order; what the address cannot mean is passed over."""

    filter: str = ""
    health: str = ""
    sort: str = ""

    def shown(self, holdings: Sequence[Holding]) -> list[Holding]:
        """Those whose name or source has the filter in it, in the order asked for, by name where that is equal."""
        words = self.filter.lower().split()
        found = [each for each in holdings if all(word in f"{each.name} {each.source or ''}".lower() for word in words)]
        found = [each for each in found if self.health in {"", each.health}]
        column, _, direction = self.sort.partition(":")
        ordered = sorted(found, key=lambda each: each.name)
        return sorted(ordered, key=lambda each: _worth(each, column), reverse=direction == "desc") if column in COLUMNS else ordered

    def address(self, sort: str) -> str:
        """The same list in another order."""
        given = {"filter": self.filter, "health": self.health, "sort": sort}
        return f"/datasets?{urlencode({name: value for name, value in given.items() if value})}"


def _worth(holding: Holding, column: str) -> tuple[float, str]:
    fresh = holding.freshness
    match column:
        case "health":
            return (HEALTHS.index(holding.health) if holding.health in HEALTHS else len(HEALTHS), "")
        case "version":
            return (holding.version or 0, "")
        case "rows":
            return (holding.rows or 0, "")
        case "event":
            return (inf if fresh.event_seconds is None else fresh.event_seconds, "")
        case "ingest":
            return (inf if fresh.ingest_seconds is None else fresh.ingest_seconds, "")
        case _:
            return (0, holding.name)


class DatasetsPage:
    """One visitor's list."""

    def __init__(self, frame: Frame, choice: Choice) -> None:
        self._frame, self._choice = frame, choice
        self._seen, self._ticks, self._asking = -1, 0, False

    def build(self) -> None:
        """Lay the page out, empty."""
        with self._frame.page("datasets-page"):
            ui.html(heading("Data", text("Where rows come from, how fresh they are, and what waits for a person.")), sanitize=False)
            ui.html(_form(self._choice), sanitize=False)
            self._list = ui.html(waiting(), sanitize=False)

    async def start(self) -> None:
        """Once the browser is there: fill the page, and keep it fresh until it leaves."""
        await self._frame.start()
        await self._refresh()
        ui.timer(REFRESH_SECONDS, self._refresh)

    async def _refresh(self) -> None:
        """Ask again when something happened to a dataset, and now and then for the ages."""
        self._ticks += 1
        newest = self._frame.latest("dataset/")
        if self._asking or (newest == self._seen and self._ticks % ASK_SECONDS):
            return
        self._seen, self._asking = newest, True
        try:
            self._list.content = listing(await self._frame.ask(self._frame.holdings.list_datasets), self._choice)
        except FlyballError as error:
            self._list.content = element("section", self._frame.trouble(error), class_="panel")
        finally:
            self._asking = False


def _form(choice: Choice) -> Markup:
    field = element("input", type="search", name="filter", value=choice.filter, placeholder="Name or source", aria_label="Filter",
        spellcheck="false", autocomplete="off", class_="field")  # fmt: skip
    healths = select("health", choice.health, options=[("", "Any health"), *((each, each) for each in HEALTHS)], label="Health")
    sort = element("input", type="hidden", name="sort", value=choice.sort)
    button = element("button", text("Filter"), type="submit", class_="button main")
    return element("form", field, healths, sort, button, class_="filter-form choices", action="/datasets")


def listing(holdings: Sequence[Holding], choice: Choice) -> Markup:
    """The table, or what to do where there is nothing to show."""
    if not holdings:
        how = element(
            "p", text("Declare one in the project file, then take its rows in with "), element("code", text("flyball ingest DATASET"))
        )
        return element("section", element("div", element("strong", text("No dataset yet")), how, class_="empty tall"), class_="panel")
    found = choice.shown(holdings)
    if not found:
        none = (
            element("strong", text("No dataset is like that")),
            element("p", element("a", text("Show all"), href="/datasets", class_="link")),
        )
        return element("section", element("div", *none, class_="empty tall"), class_="panel")
    head = element("thead", element("tr", *(_title(choice, column) for column in COLUMNS)))
    table = element("table", head, element("tbody", *map(dataset_row, found)), class_="listing datasets")
    return element("section", table, class_="panel", aria_label="Datasets")


def _title(choice: Choice, column: str) -> Markup:
    sorted_by, _, direction = choice.sort.partition(":")
    here = sorted_by == column
    turned = ("asc" if direction == "desc" else "desc") if here else _FIRST[column]
    sign = element("span", text(" ↓" if direction == "desc" else " ↑"), aria_hidden="true") if here else text("")
    said = ("descending" if direction == "desc" else "ascending") if here else None
    link = element("a", text(COLUMNS[column]), sign, href=choice.address(f"{column}:{turned}"))
    return element("th", link, scope="col", aria_sort=said)
