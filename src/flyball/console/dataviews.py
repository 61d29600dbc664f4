"""Datasets and their versions as markup: health, ages, tables and the ways between their pages. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import quote, urlencode

from flyball.console.datarecords import DataVersion, Holding
from flyball.console.facts import facts, shortened
from flyball.console.markup import NOTHING, Markup, element, joined, text
from flyball.console.words import NONE, count, length, moment, plural, size

TABS = {"versions": "Versions", "profile": "Profile", "compare": "Compare", "contract": "Contract", "quarantine": "Quarantine"}
TONES = {"ok": "good", "warn": "warn", "stale": "warn", "held": "warn", "empty": "quiet", "accepted": "good", "rejected": "bad"}
TONES |= {"received": "work", "waiting": "warn", "repaired": "work", "readmitted": "good", "bad": "bad"}
LONGEST_CELL = 200


def dataset_address(name: str, **asked: object) -> str:
    """Where the dataset's page stands; what is None or empty is left out of the question."""
    given = {key: value for key, value in asked.items() if value not in {None, ""}}
    return f"/datasets/{quote(name, safe='')}" + (f"?{urlencode(given)}" if given else "")


def version_address(name: str, number: int) -> str:
    """Where the evidence on a version stands."""
    return f"/datasets/{quote(name, safe='')}/versions/{number}"


def version_link(name: str, number: int) -> Markup:
    """A link to the evidence."""
    return element("a", text(f"v{number}"), href=version_address(name, number), class_="link", aria_label=f"Version {number}")


def mark(word: str, said: str | None = None) -> Markup:
    """A state or a health in its colour."""
    return element("span", text(said or word), class_=f"mark {TONES.get(word, 'quiet')}")


def age(seconds: float | None) -> str:
    """How old something is, or how far ahead of the clock.

    >>> age(90061.0), age(-5.0), age(0.2)
    ('1 d 1 h ago', 'in 5 s', 'just now')
    """
    if seconds is None:
        return NONE
    told = length(timedelta(seconds=abs(seconds)))
    return "just now" if told == "0 s" else f"in {told}" if seconds < 0 else f"{told} ago"


def clipped(value: object, most: int = LONGEST_CELL) -> str:
    """The value as a short text; what is cut is told."""
    said = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return said if len(said) <= most else f"{said[:most]}… ({len(said):,} characters)"


def tabs(name: str, here: str, *, waiting: int) -> Markup:
    """The ways between the parts of a dataset's page."""
    links = []
    for key, title in TABS.items():
        number = element("span", text(f" {waiting:,}"), class_="number") if key == "quarantine" and waiting else NOTHING
        where = dataset_address(name, tab=None if key == "versions" else key)
        links.append(element("a", text(title), number, href=where, class_="tab", aria_current="page" if key == here else None))
    return element("nav", *links, class_="tabs", aria_label="Parts of the dataset")


def dataset_row(holding: Holding) -> Markup:
    """A dataset in the list."""
    name = element("a", text(holding.name), href=dataset_address(holding.name), class_="link")
    source = element("p", text(shortened(holding.source)), class_="hint clamp") if holding.source else NOTHING
    reasons = element("ul", *(element("li", text(reason)) for reason in holding.reasons), class_="reasons") if holding.reasons else NOTHING
    latest = version_link(holding.name, holding.version) if holding.version else text("none")
    held = element("span", text(" held"), class_="hint") if holding.version in holding.held else NOTHING
    fresh = holding.freshness
    return element(
        "tr", element("th", name, source, scope="row"), element("td", mark(holding.health), reasons, data_title="Health", class_="why"),
        element("td", latest, held, data_title="Latest"), element("td", text(count(holding.rows)), data_title="Rows", class_="figure"),
        element("td", text(age(fresh.event_seconds)), data_title="Newest event"),
        element("td", text(age(fresh.ingest_seconds)), data_title="Newest ingest"),
    )  # fmt: skip


def dataset_facts(holding: Holding) -> Markup:
    """What a dataset is and how it does."""
    fresh = holding.freshness
    rows = [("Health", mark(holding.health))]
    rows += [("Source", element("code", text(shortened(holding.source))))] if holding.source else []
    rows += [("Key", text(", ".join(holding.key)))] if holding.key else []
    rows += [("Event time", text(holding.event_time))] if holding.event_time else []
    rows += [("Known", text(holding.known))] if holding.known else []
    rows += [
        ("Rows", text(count(holding.rows))),
        ("Newest event", text(age(fresh.event_seconds))),
        ("Newest ingest", text(age(fresh.ingest_seconds))),
    ]
    return element("section", facts(rows), _reasons(holding), class_="panel", aria_label="Dataset")


def _reasons(holding: Holding) -> Markup:
    if not holding.reasons:
        return NOTHING
    return element("ul", *(element("li", text(reason)) for reason in holding.reasons), class_="reasons spaced")


def held_notice(holding: Holding) -> Markup:
    """That versions wait for a person, with the way to each; nothing where none does."""
    if not holding.held:
        return NOTHING
    links = [
        element("a", text(f"Look at version {number}"), href=version_address(holding.name, number), class_="button plain")
        for number in holding.held[:5]
    ]  # fmt: skip
    more = text(f"and {len(holding.held) - 5:,} more") if len(holding.held) > 5 else NOTHING
    said = "A version waits for a person." if len(holding.held) == 1 else f"{len(holding.held):,} versions wait for a person."
    return element(
        "div", element("strong", text(said)), element("span", *links, more, class_="notice-ways"), class_="held-notice", role="note"
    )


def version_table(name: str, versions: Sequence[DataVersion], *, further: int | None) -> Markup:
    """Versions, the newest first, with the way to earlier ones."""
    if not versions:
        command = element("code", text(f"flyball ingest {name}"))
        said = element("p", text("Take its first rows in with "), command)
        return element("section", element("div", element("strong", text("No version yet")), said, class_="empty tall"), class_="panel")
    names = ("Version", "State", "Taken in", "Source and cause", "Rows", "Added", "Set aside", "Duplicates")
    head = element("thead", element("tr", *(element("th", text(each), scope="col") for each in names)))
    table = element("table", head, element("tbody", *(_version_row(name, version) for version in versions)), class_="listing versions")
    earlier = dataset_address(name, before=further)
    more = (
        element("p", element("a", text("Earlier versions"), href=earlier, class_="button plain"), class_="onward") if further else NOTHING
    )
    return element("section", element("h2", text("Versions")), table, more, class_="panel")


def _version_row(name: str, version: DataVersion) -> Markup:
    failed = _failed(version.failed)
    cause = [element("p", text("because of "), element("code", text(version.cause)), class_="hint")] if version.cause else []
    aside = text(count(version.quarantined))
    if version.quarantined:
        aside = element("a", aside, href=dataset_address(name, tab="quarantine", version=version.number), class_="link")
    return element(
        "tr", element("th", version_link(name, version.number), scope="row"),
        element("td", mark(version.state), failed, data_title="State", class_="why"),
        element("td", text(moment(version.ingested_at) if version.ingested_at else NONE), data_title="Taken in"),
        element("td", text(shortened(version.source or NONE)), *cause, data_title="Source", class_="why"),
        element("td", text(count(version.rows)), data_title="Rows", class_="figure"),
        element("td", text(count(version.added)), data_title="Added", class_="figure"),
        element("td", aside, data_title="Set aside", class_="figure"),
        element("td", text(count(version.duplicates)), data_title="Duplicates", class_="figure"),
    )  # fmt: skip


def _failed(names: Sequence[str]) -> Markup:
    if not names:
        return NOTHING
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return element("p", text(f"broke {', '.join(names[:3])}{more}"), class_="hint")


def version_facts(version: DataVersion) -> Markup:
    """Where a version came from and what it holds."""
    rows = [("State", mark(version.state)), ("Source", element("code", text(shortened(version.source or NONE))))]
    rows += [("Taken in", text(moment(version.ingested_at)))] if version.ingested_at else []
    figures = (("Rows", version.rows), ("Added", version.added), ("Set aside", version.quarantined), ("Duplicates", version.duplicates))
    rows += [(title, text(count(value))) for title, value in figures]
    if version.earliest_event_time and version.latest_event_time:
        rows.append(("Events", text(f"{moment(version.earliest_event_time)} {NONE} {moment(version.latest_event_time)}")))
    rows += [("Position", element("code", text(shortened(version.position))))] if version.position else []
    rows += [("Because of", element("code", text(version.cause)))] if version.cause else []
    rows += [("Digest", element("code", text(version.digest)))] if version.digest else []
    return element("section", facts(rows), _parts(version), class_="panel", aria_label="Version")


def _parts(version: DataVersion, most: int = 200) -> Markup:
    if not version.files:
        return NOTHING
    parts = [
        element("li", text(each.name), element("span", text(f" {size(each.size_bytes)}"), class_="hint")) for each in version.files[:most]
    ]
    more = [element("li", text(f"and {len(version.files) - most:,} more"))] if len(version.files) > most else []
    return element(
        "details", element("summary", text(f"Read from {plural(len(version.files), 'part')}")), element("ul", *parts, *more), class_="fold"
    )


def select(name: str, chosen: object, *, options: Sequence[tuple[object, str]], label: str) -> Markup:
    """A field that offers some values."""
    offered = [element("option", text(said), value=value, selected="" if str(value) == str(chosen) else None) for value, said in options]
    return element("label", element("span", text(label)), element("select", *offered, name=name, class_="field"), class_="choice")


def choices(name: str, tab: str, *fields: Markup, go: str) -> Markup:
    """A form that asks for a part of the dataset's page with what was chosen."""
    return element(
        "form", element("input", type="hidden", name="tab", value=tab), *fields,
        element("button", text(go), type="submit", class_="button main"), class_="choices", action=dataset_address(name),
    )  # fmt: skip


def way(*steps: tuple[str, str]) -> Markup:
    """Where the page is: what it belongs to, from the list on."""
    links = [element("a", text(title), href=where) for title, where in (("Data", "/datasets"), *steps)]
    return element("nav", *links, class_="way", aria_label="Where it is")


def panel(title: str, *children: Markup, note: str = "", css: str = "") -> Markup:
    """A part of a page under its title."""
    said = element("p", text(note), class_="panel-note") if note else NOTHING
    return element("section", joined(element("h2", text(title)), said), *children, class_=f"panel {css}".strip())
