"""The files of a run as a tree: a directory is asked for when it is opened, and a file is a link that downloads it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import quote

from nicegui import ui
from nicegui.element import Element

from flyball.console.markup import element, joined, text
from flyball.console.records import FileEntry
from flyball.console.words import size

MOST = 500
Listing = Callable[[str], Awaitable[Sequence[FileEntry] | str]]
"""Gives what is in a directory, or the sentence that says why not."""


class FileTree:
    """The tree of the run with that id. Belongs to one page."""

    def __init__(self, run: str, listing: Listing) -> None:
        self._run, self._listing = run, listing
        self._root = ui.element("ul").classes("files").props("aria-label=Files")

    async def fill(self) -> None:
        """Show what is at the top."""
        await self._fill(self._root, "")

    async def _fill(self, place: Element, path: str) -> None:
        found = await self._listing(path)
        place.clear()
        with place:
            if isinstance(found, str):
                ui.html(element("p", text(found), class_="trouble"), sanitize=False, tag="li")
                return
            if not found:
                ui.html(text("No files" if not path else "Empty"), sanitize=False, tag="li").classes("hint")
            for entry in sorted(found, key=lambda each: (not each.is_dir, each.path))[:MOST]:
                self._add(entry)
            if len(found) > MOST:
                ui.html(text(f"and {len(found) - MOST:,} more"), sanitize=False, tag="li").classes("hint")

    def _add(self, entry: FileEntry) -> None:
        with ui.element("li"):
            if not entry.is_dir:
                where = f"/files/{quote(self._run, safe='')}/{quote(entry.path)}"
                name = element("a", text(entry.name), href=where, class_="file", download=entry.name)
                ui.html(joined(name, element("span", text(size(entry.file_size)), class_="size")), sanitize=False).classes("file-line")
                return
            opener = ui.html(text(entry.name), sanitize=False, tag="button").classes("folder").props("type=button aria-expanded=false")
            inside = ui.element("ul").classes("files")
            inside.set_visibility(False)

            async def turn() -> None:
                inside.set_visibility(not inside.visible)
                opener.props(f"aria-expanded={str(inside.visible).lower()}")
                if inside.visible:
                    await self._fill(inside, entry.path)

            opener.on("click", turn)
