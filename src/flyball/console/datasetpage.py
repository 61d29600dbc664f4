"""One dataset: versions, profile, the difference between two versions, contract with results, and the rows that were set aside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from nicegui import events, ui

from flyball.client.datasets import AsideQuery
from flyball.console.asideviews import TAKEABLE, aside_table, readmitted_words
from flyball.console.confirming import Confirmation, Question
from flyball.console.contractviews import SHOWN_CHECKS, contract_panel, courses_panel
from flyball.console.datarecords import DataVersion, Holding
from flyball.console.dataviews import (
    TABS,
    choices,
    dataset_address,
    dataset_facts,
    held_notice,
    panel,
    select,
    tabs,
    version_table,
    way,
)  # fmt: skip
from flyball.console.differenceviews import change_table
from flyball.console.frame import Frame, heading, waiting
from flyball.console.markup import NOTHING, Markup, element, joined, text
from flyball.console.profileviews import SHOWN_COLUMNS, chosen_columns, profile_cards
from flyball.console.words import plural
from flyball.core.errors import FlyballError

REFRESH_SECONDS = 1.0
VERSIONS, OFFERED, ROWS, JUDGED = 50, 200, 50, 50
STATES = ("waiting", "repaired", "readmitted")
PRESSED = "event => { const found = event.target.closest('[data-act]'); if (found) emit(found.dataset.act, found.dataset.id || ''); }"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for; what it cannot mean is passed over."""

    tab: str = "versions"
    version: int | None = None
    before: int | None = None
    old: int | None = None
    new: int | None = None
    column: str = ""
    state: str = ""
    token: str = ""
    first: int = 0

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Asked:
        """The same from a query."""
        tab, state = given.get("tab", ""), given.get("state", "")
        numbers = {name: _number(given.get(name, "")) for name in ("version", "before", "old", "new")}
        return cls(
            tab=tab if tab in TABS else "versions", **numbers, column=given.get("column", ""), token=given.get("token", ""),
            state=state if state in STATES else "", first=_number(given.get("first", "")) or 0,
        )  # fmt: skip


def _number(said: str) -> int | None:
    return int(said) if said.isascii() and said.isdigit() and 0 < len(said) < 10 and int(said) else None


class DatasetPage:
    """One visitor's page of the dataset of that name; `asked` says which part."""

    def __init__(self, frame: Frame, name: str, *, asked: Asked) -> None:
        self._frame, self._name, self._asked = frame, name, asked
        self._seen, self._asking, self._may = -1, False, False
        self._offered: Sequence[DataVersion] = ()

    def build(self) -> None:
        """Lay the page out, empty."""
        with self._frame.page("dataset-page"):
            self._head = ui.html(heading(self._name, text("…"), above=way()), sanitize=False)
            self._body = ui.html(waiting(), sanitize=False).classes("parts")
            self._body.on("click", self._pressed, js_handler=PRESSED)
        self._confirmation = Confirmation()

    async def start(self) -> None:
        """Once the browser is there: fill the page, and keep it fresh until it leaves."""
        await self._frame.start()
        ui.page_title(f"{self._name} · Flyball")
        self._may = self._asked.tab == "quarantine" and await self._frame.may("ingest")
        await self._refresh()
        ui.timer(REFRESH_SECONDS, self._refresh)

    async def _refresh(self) -> None:
        """Ask again when something happened to the dataset."""
        newest = self._frame.latest(f"dataset/{self._name}")
        if self._asking or newest == self._seen:
            return
        first, self._seen, self._asking = self._seen == -1, newest, True
        try:
            await self._show(first=first)
        except FlyballError as error:
            said = heading(self._name, text("This cannot be shown."), above=way())
            self._head.content, self._body.content = said, element("section", self._frame.trouble(error), class_="panel")
        finally:
            self._asking = False

    async def _show(self, *, first: bool) -> None:
        asked, holdings = self._asked, self._frame.holdings
        many = OFFERED if asked.tab in {"profile", "compare"} else VERSIONS
        before = asked.before if asked.tab == "versions" else None
        found = await self._frame.ask(partial(holdings.get_dataset, self._name, limit=many, before=before))
        holding, self._offered, further = found
        self._head.content = joined(
            heading(holding.name, NOTHING, above=way()), held_notice(holding),
            dataset_facts(holding) if asked.tab == "versions" else NOTHING,
            tabs(self._name, asked.tab, waiting=holding.waiting),
        )  # fmt: skip
        if asked.tab == "versions":
            self._body.content = version_table(self._name, self._offered, further=further)
        elif first or asked.tab != "compare":  # what was chosen to be compared stays as it is while versions come
            self._body.content = await self._part(holding)

    async def _part(self, holding: Holding) -> Markup:
        if not self._offered and self._asked.tab in {"profile", "compare"}:
            return version_table(self._name, (), further=None)
        parts: Mapping[str, Callable[[Holding], Markup]] = {
            "profile": self._profile, "compare": self._compare, "contract": self._contract, "quarantine": self._quarantine
        }  # fmt: skip
        return await self._frame.ask(partial(parts[self._asked.tab], holding))

    def _options(self, *wanted: int | None) -> list[tuple[object, str]]:
        """The versions that a field offers: the newest, and those that were asked for."""
        known = {version.number: f"version {version.number}" + _unless_accepted(version) for version in self._offered}
        numbers = sorted({*known, *(number for number in wanted if number is not None)}, reverse=True)
        return [(number, known.get(number, f"version {number}")) for number in numbers]

    def _profile(self, holding: Holding) -> Markup:
        asked = self._asked
        number = asked.version or holding.accepted or self._offered[0].number
        proof = self._frame.holdings.get_version(self._name, number)
        columns, many = chosen_columns(proof.columns, named=asked.column, first=asked.first)
        form = choices(
            self._name, "profile", select("version", number, options=self._options(number), label="Version"), _column_field(asked.column),
            go="Show",
        )  # fmt: skip
        note = f"The rows that version {number} added: {plural(proof.version.added or 0, 'row')}, {plural(many, 'column')}."
        following = asked.first + SHOWN_COLUMNS
        more = self._more("More columns", version=number, column=asked.column, first=following) if following < many else NOTHING
        return joined(panel("Profile", form, note=note), profile_cards(columns), more)

    def _compare(self, holding: Holding) -> Markup:
        asked, numbers = self._asked, [version.number for version in self._offered]
        new = asked.new or holding.version or numbers[0]
        old = asked.old or next((number for number in numbers if number < new), new)
        form = choices(
            self._name, "compare", select("old", old, options=self._options(old), label="From"),
            select("new", new, options=self._options(new), label="To"), _column_field(asked.column), go="Compare",
        )  # fmt: skip
        try:
            change = self._frame.holdings.get_difference(self._name, old, after=new)
        except FlyballError as error:  # other versions can still be chosen
            return panel("Compare", form, element("p", text(error), class_="trouble", role="alert"))
        before, after = (plural(rows or 0, "row") for rows in change.rows)
        note = f"All rows of version {old} ({before}) against all rows of version {new} ({after}), by their profiles."
        return joined(panel("Compare", form, note=note), panel("What is other", change_table(change, named=asked.column)))

    def _contract(self, holding: Holding) -> Markup:
        del holding
        shown = max(self._asked.first, SHOWN_CHECKS)
        courses = self._frame.holdings.list_results(self._name, limit=JUDGED)
        more = self._more("More checks", first=shown + SHOWN_CHECKS) if len(courses) > shown else NOTHING
        promises = contract_panel(self._frame.holdings.get_contract(self._name))
        return joined(courses_panel(self._name, courses, shown_first=shown, more=more), promises)

    def _quarantine(self, holding: Holding) -> Markup:
        asked = self._asked
        query = AsideQuery(version=asked.version, state=asked.state or None, limit=ROWS, token=asked.token or None)
        state = select("state", asked.state, options=[("", "Any state"), *((each, each) for each in STATES)], label="State")
        form = choices(self._name, "quarantine", state, _version_field(asked.version), go="Filter")
        try:
            rows, further = self._frame.holdings.list_quarantine(self._name, query)
        except FlyballError as error:
            return panel("Quarantine", form, element("p", text(error), class_="trouble", role="alert"))
        which = f" of version {asked.version}" if asked.version else ""
        button = element("button", text(f"Re-admit all that wait{which}"), type="button", class_="button plain", data_act="readmit-all")
        every = (
            element("p", button, class_="onward")
            if self._may and holding.waiting and any(row.state in TAKEABLE for row in rows)
            else NOTHING
        )
        none = element("div", element("strong", text("No row is set aside here")), class_="empty tall")
        table = aside_table(self._name, rows, may_take=self._may) if rows else none
        more = self._more("Next rows", state=asked.state, version=asked.version, token=further) if further else NOTHING
        note = (
            f"{plural(holding.waiting, 'row')} of this dataset {'waits' if holding.waiting == 1 else 'wait'} to be repaired or re-admitted."
        )
        return panel("Quarantine", form, every, table, more, note=note)

    def _more(self, said: str, **asked: object) -> Markup:
        where = dataset_address(self._name, tab=self._asked.tab, **asked)
        return element("p", element("a", text(said), href=where, class_="button plain"), class_="onward")

    def _pressed(self, told: events.GenericEventArguments) -> None:
        """A button in the table of rows; the browser's word is not trusted: the control plane judges what it names."""
        act, row = (str(part) for part in told.args) if isinstance(told.args, list) and len(told.args) == 2 else ("", "")
        if act == "readmit" and row:
            self._ask([row], "Re-admit 1 row")
        elif act == "readmit-all":
            which = f" of version {self._asked.version}" if self._asked.version else ""
            self._ask(None, f"Re-admit all rows{which} that wait")

    def _ask(self, ids: Sequence[str] | None, title: str) -> None:
        effect = "What keeps the contract now goes into a new version of the dataset, with this decision. What still breaks it stays here."
        self._confirmation.ask(Question(title, effect, title, partial(self._readmit, ids)))

    async def _readmit(self, ids: Sequence[str] | None, why: str) -> str:
        version = None if ids is not None else self._asked.version
        found = await self._frame.ask(partial(self._frame.holdings.readmit, self._name, ids, version=version, why=why))
        self._seen = -1  # shown anew at once, also where no event tells of it
        return readmitted_words(found, self._name)


def _unless_accepted(version: DataVersion) -> str:
    return "" if version.state == "accepted" else f" ({version.state})"


def _column_field(column: str) -> Markup:
    field = element("input", type="search", name="column", value=column, spellcheck="false", autocomplete="off", class_="field")
    return element("label", element("span", text("Columns named")), field, class_="choice")


def _version_field(version: int | None) -> Markup:
    field = element("input", type="number", name="version", value="" if version is None else version, min="1", class_="field")
    return element("label", element("span", text("Version")), field, class_="choice")
