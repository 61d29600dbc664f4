"""The loop as a timeline, newest first: a sentence per event, and on demand the causes of each, down to the first.

Entries are kept while events come, so that what a reader has opened stays open. It does not know where events come from.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from nicegui import ui
from nicegui.element import Element

from flyball.console.answers import Happening
from flyball.console.dataviews import dataset_address, version_address
from flyball.console.icons import icon
from flyball.console.kinds import HIDDEN, KINDS, Kind, kind_of, label_of, look_of, sentence_of
from flyball.console.markup import NOTHING, Markup, element, joined, text
from flyball.console.words import moment

STEP = 60
Causes = Callable[[str], Awaitable[Sequence[Happening] | str]]
"""Gives the chain of an event from itself to its root, or the sentence that says why not."""


class Timeline:
    """A panel with a filter by kind, the newest entries, and a way to earlier ones. Belongs to one page."""

    def __init__(self, causes: Causes) -> None:
        self._causes = causes
        self._events: Sequence[Happening] = ()
        self._kinds: set[Kind] = set(KINDS) - HIDDEN
        self._limit = STEP
        self._entries: dict[str, Entry] = {}
        with ui.element("div").classes("chips").props('role=group aria-label="Which events are shown"'):
            self._chips = {kind: self._chip(kind, name) for kind, name in KINDS.items()}
        self._empty = ui.html(_empty(), sanitize=False).classes("timeline-empty")
        self._list = ui.element("ol").classes("events").props("aria-label=Events")
        self._more = ui.html("Show earlier events", sanitize=False, tag="button").classes("button plain more").props("type=button")
        self._more.on("click", self._show_more)
        self._more.set_visibility(False)

    def _chip(self, kind: Kind, name: str) -> Element:
        chip = ui.html(text(name), sanitize=False, tag="button").classes("chip")
        chip.props(f"type=button aria-pressed={str(kind in self._kinds).lower()} data-kind={kind}")
        chip.on("click", lambda: self._toggle(kind))
        return chip

    def _toggle(self, kind: Kind) -> None:
        self._kinds ^= {kind}
        self._chips[kind].props(f"aria-pressed={str(kind in self._kinds).lower()}")
        self._limit = STEP
        self._show()

    def _show_more(self) -> None:
        self._limit += STEP
        self._show()

    def set_events(self, events: Sequence[Happening], *, loading: bool) -> None:
        """Show these, given in the order of the log; those that stand already stay as they are."""
        if self._events is not events:
            self._events = events
        self._empty.content = _loading() if loading and not events else _empty()
        self._show()

    def _show(self) -> None:
        chosen = [event for event in self._events if kind_of(event) in self._kinds]
        shown = chosen[-self._limit :]
        wanted = {event.id for event in shown}
        for event_id in [event_id for event_id in self._entries if event_id not in wanted]:
            self._entries.pop(event_id).delete()
        for place, event in enumerate(reversed(shown)):
            if event.id not in self._entries:
                with self._list:
                    self._entries[event.id] = Entry(event, self._causes, place=place)
        self._empty.set_visibility(not shown)
        self._more.set_visibility(len(chosen) > len(shown))


class Entry:
    """One event: a button that tells it, and below, once asked for, its chain of causes."""

    def __init__(self, event: Happening, causes: Causes, *, place: int) -> None:
        self._event, self._causes, self._open = event, causes, False
        look = look_of(event.type)
        self._root = ui.element("li").classes(f"event {look.kind} {look.tone}").props(f"data-id={event.id}")
        self._root.move(target_index=place)
        with self._root:
            self._button = ui.html(entry_markup(event), sanitize=False, tag="button").classes("entry")
            self._button.props("type=button aria-expanded=false").on("click", self._toggle)
            self._chain = ui.html("", sanitize=False).classes("chain")
        self._chain.set_visibility(False)

    def delete(self) -> None:
        """Take it off the page."""
        self._root.delete()

    async def _toggle(self) -> None:
        self._open = not self._open
        self._button.props(f"aria-expanded={str(self._open).lower()}")
        self._chain.set_visibility(self._open)
        if self._open:
            if not self._chain.content:
                self._chain.content = element("p", text("Looking for the causes…"), class_="chain-note")
            found = await self._causes(self._event.id)
            self._chain.content = element("p", text(found), class_="chain-note bad") if isinstance(found, str) else chain_markup(found)


def entry_markup(event: Happening) -> Markup:
    """What an entry says before it is opened."""
    by = element("span", text(f"by {event.actor}"), class_="actor") if event.actor and event.actor != "system" else NOTHING
    if event.subject.startswith("dataset/"):
        by = joined(element("span", text(event.subject.removeprefix("dataset/")), class_="actor of"), by)
    time = element("time", text(moment(event.time)), datetime=event.time.isoformat(), title=f"{moment(event.time)} UTC")
    head = element("span", element("span", text(label_of(event)), class_="label"), by, time, class_="entry-head")
    said = sentence_of(event)
    body = element("span", text(said), class_="sentence") if said else NOTHING
    return joined(element("span", icon(look_of(event.type).kind), class_="bead"), head, body)


def chain_markup(chain: Sequence[Happening]) -> Markup:
    """The causes of the chain's first event, each below what it caused, and the id by which the command knows it."""
    event, *before = chain
    links = [_link(cause) for cause in before]
    why = element("p", text("Because of"), class_="because") if before else NOTHING
    root = text("Nothing within Flyball caused this: it came from outside, or from a person.")
    told = element("ol", *links) if links else element("p", root, class_="chain-note")
    return joined(_data_way(event), why, told, element("p", element("code", text(f"flyball why {event.id}")), class_="identity"))


def _link(event: Happening) -> Markup:
    look = look_of(event.type)
    head = element(
        "span", element("span", text(label_of(event)), class_="label"), element("time", text(moment(event.time))), class_="link-head"
    )
    return element(
        "li",
        element("span", icon(look.kind), class_="bead"),
        head,
        element("span", text(sentence_of(event)), class_="sentence"),
        class_=look.tone,
    )


def _data_way(event: Happening) -> Markup:
    """The way to what an event of a dataset is about."""
    kind, _, name = event.subject.partition("/")
    if kind != "dataset" or not name:
        return NOTHING
    version = event.data.get("version")
    if isinstance(version, int) and version > 0:
        said, where = f"Open version {version} of {name}", version_address(name, version)
    else:
        said, where = f"Open {name}", dataset_address(name)
    return element("p", element("a", text(said), href=where, class_="link"), class_="chain-note")


def _empty() -> Markup:
    return joined(element("strong", text("Nothing here yet")), element("p", text("Events of the chosen kinds appear as they happen.")))


def _loading() -> Markup:
    return joined(*(element("div", class_="skeleton line") for _ in range(6)))
