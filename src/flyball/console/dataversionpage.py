"""The evidence on one version of a dataset: what broke, how much, examples, what is other than before; and a person's decision."""

from __future__ import annotations

from functools import partial

from nicegui import ui

from flyball.console.asideviews import aside_summary
from flyball.console.confirming import Confirmation, Question
from flyball.console.contractviews import broken_list
from flyball.console.datarecords import Proof
from flyball.console.dataviews import dataset_address, mark, panel, version_facts, version_link, way
from flyball.console.differenceviews import change_table
from flyball.console.frame import Frame, heading, waiting
from flyball.console.markup import NOTHING, Markup, element, joined, text
from flyball.console.profileviews import SHOWN_COLUMNS, chosen_columns, profile_cards
from flyball.console.words import plural
from flyball.core.errors import FlyballError

REFRESH_SECONDS = 1.0


class DataVersionPage:
    """One visitor's page of that version."""

    def __init__(self, frame: Frame, name: str, *, number: int) -> None:
        self._frame, self._name, self._number = frame, name, number
        self._seen, self._asking, self._may = -1, False, False

    def build(self) -> None:
        """Lay the page out, empty."""
        with self._frame.page("dataset-page version-page"):
            self._head = ui.html(joined(self._title(), waiting()), sanitize=False)
            with ui.element("div").classes("decide") as self._decide:
                self._button("Release", "main", danger=False)
                self._button("Reject", "plain", danger=True)
            self._decide.set_visibility(False)
            self._body = ui.html("", sanitize=False).classes("parts")
        self._confirmation = Confirmation()

    def _button(self, name: str, css: str, *, danger: bool) -> None:
        button = ui.html(text(f"{name} version {self._number}"), sanitize=False, tag="button").classes(f"button {css} {name.lower()}")
        button.props("type=button").on("click", lambda: self._ask(reject=danger))

    async def start(self) -> None:
        """Once the browser is there: fill the page, and keep it fresh until it leaves."""
        await self._frame.start()
        ui.page_title(f"{self._name} version {self._number} · Flyball")
        self._may = await self._frame.may("release")
        await self._refresh()
        ui.timer(REFRESH_SECONDS, self._refresh)

    async def _refresh(self) -> None:
        newest = self._frame.latest(f"dataset/{self._name}")
        if self._asking or newest == self._seen:
            return
        self._seen, self._asking = newest, True
        try:
            proof = await self._frame.ask(partial(self._frame.holdings.get_version, self._name, self._number))
        except FlyballError as error:
            self._decide.set_visibility(False)
            self._head.content = joined(self._title(), element("section", self._frame.trouble(error), class_="panel"))
            return
        finally:
            self._asking = False
        held = proof.version.state == "held"
        self._decide.set_visibility(held and self._may)
        self._head.content = joined(self._title(), _verdict(proof), version_facts(proof.version))
        self._body.content = evidence(self._name, proof)

    def _title(self) -> Markup:
        return heading(f"Version {self._number}", NOTHING, above=way((self._name, dataset_address(self._name))))

    def _ask(self, *, reject: bool) -> None:
        if reject:
            effect = "Its rows are never seen by features, models or queries. The version and its evidence stay; this cannot be taken back."
        else:
            effect = "Its rows are taken as they are: whoever reads the dataset sees them from now on. Rows that were set aside stay there."
        title = f"{'Reject' if reject else 'Release'} version {self._number}"
        self._confirmation.ask(Question(title, effect, title, partial(self._decided, reject=reject), danger=reject))

    async def _decided(self, why: str, *, reject: bool) -> str:
        holdings = self._frame.holdings
        deed = holdings.reject if reject else holdings.release
        found = await self._frame.ask(partial(deed, self._name, self._number, why=why))
        self._seen = -1
        return f"Version {found.number} is {found.state}. The decision and its reason are in the timeline."


def _verdict(proof: Proof) -> Markup:
    if proof.version.state != "held":
        return NOTHING
    broken = sum(not result.passed for result in proof.results)
    said = f"It waits for a person: {plural(broken, 'check')} broken, {plural(proof.quarantine.rows, 'row')} set aside."
    return element("div", mark("held"), element("strong", text(said)), class_="held-notice", role="note")


def evidence(name: str, proof: Proof) -> Markup:
    """What broke, what was set aside, what is other than before, and what the rows are like."""
    if proof.parent is None or proof.difference is None:
        changed = element("p", text("There is no version before it."), class_="hint")
    elif not proof.version.added:
        changed = element("p", text("It added no row that could be compared."), class_="hint")
    else:
        changed = change_table(proof.difference)
    before = joined(text("The rows that it added, against all of "), version_link(name, proof.parent)) if proof.parent else NOTHING
    columns, many = chosen_columns(proof.columns, named="", first=0)
    where = dataset_address(name, tab="profile", version=proof.version.number)
    every = element("p", element("a", text(f"All {many:,} columns"), href=where, class_="button plain"), class_="onward")
    return joined(
        panel("Checks", broken_list(proof.results), css="checks-of"),
        panel("Rows set aside", aside_summary(name, proof.version.number, aside=proof.quarantine), css="aside-of"),
        panel("Compared with the version before", element("p", before, class_="panel-note"), changed),
        panel("Profile", note=f"What the {plural(proof.version.added or 0, 'row')} are like that it added."),
        profile_cards(columns) if proof.version.added else NOTHING,
        every if many > SHOWN_COLUMNS else NOTHING,
    )  # fmt: skip
