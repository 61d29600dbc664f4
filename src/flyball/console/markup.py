"""Elements as strings in which every text and every attribute is escaped: no name, sentence or error can become markup."""

from __future__ import annotations

from html import escape
from typing import NewType

Markup = NewType("Markup", str)
"""Text that is safe to stand in the page; made by this module, or from a constant of our own."""

_VOID = frozenset({"br", "hr", "input", "meta"})
NOTHING = Markup("")


def text(value: object) -> Markup:
    """`value` as text, with nothing in it that a browser could take for markup."""
    return Markup(escape("".join(character for character in str(value) if character.isprintable() or character in "\n\t")))


def element(tag: str, *children: Markup | str, **attributes: object) -> Markup:
    """An element; a plain string among the children is our own constant or `Markup`, never a value from outside.

    Underscores in attribute names become hyphens, a trailing one is dropped (``class_``); attributes that are None are left out.

    >>> element("a", text("<b>"), class_="x", href="#a&b")
    '<a class="x" href="#a&amp;b">&lt;b&gt;</a>'
    """
    named = "".join(f' {name.rstrip("_").replace("_", "-")}="{text(value)}"' for name, value in attributes.items() if value is not None)
    return Markup(f"<{tag}{named}>" if tag in _VOID else f"<{tag}{named}>{''.join(children)}</{tag}>")


def joined(*parts: Markup) -> Markup:
    """The parts, one after the other."""
    return Markup("".join(parts))
