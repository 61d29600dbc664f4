"""The pages that stand outside the gate: they need no script, no file and no session, and say what to do next."""

from __future__ import annotations

from flyball.console.markup import Markup, element, joined, text
from flyball.core.errors import FlyballError

_STYLE = """
:root { color-scheme: light dark; --paper: #f6f6f4; --panel: #fff; --ink: #16181d; --soft: #5b6370; --hair: #e4e5e1; --accent: #2f5bd0; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #121418; --panel: #191c21; --ink: #e9eae7; --soft: #a2a9b4; --hair: #2a2e35; --accent: #8aabff; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--paper); color: var(--ink);
  font: 400 1rem/1.6 -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 30rem; padding: 2.25rem 2.25rem 2rem; background: var(--panel); border: 1px solid var(--hair); border-radius: 14px; }
.mark { color: var(--accent); display: block; margin-bottom: 1.25rem; }
h1 { margin: 0 0 .5rem; font-size: 1.375rem; line-height: 1.3; font-weight: 620; letter-spacing: -.015em; }
p { margin: 0 0 .9rem; color: var(--soft); } p:last-child { margin-bottom: 0; }
code { padding: .1em .4em; border-radius: 5px; background: var(--paper); border: 1px solid var(--hair); color: var(--ink);
  font: 500 .875em ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
a { color: var(--accent); }
"""

MARK = Markup(
    '<svg class="mark" viewBox="0 0 32 32" width="32" height="32" fill="none" stroke="currentColor" stroke-width="2" '
    'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="M16 4v24M10 28h12M16 7 7.5 15.5M16 7l8.5 8.5'
    'M7.5 17.5 16 23l8.5-5.5"/><circle cx="6.5" cy="16.5" r="3.5" fill="currentColor"/>'
    '<circle cx="25.5" cy="16.5" r="3.5" fill="currentColor"/></svg>'
)
"""The governor: two balls that rise with speed."""


def _page(title: str, *paragraphs: Markup) -> str:
    head = element(
        "head", Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", text(f"{title} · Flyball")), element("style", Markup(_STYLE)),
    )  # fmt: skip
    body = element("body", element("main", MARK, element("h1", text(title)), *(element("p", part) for part in paragraphs)))
    return f'<!doctype html><html lang="en">{head}{body}</html>'


def _code(words: str) -> Markup:
    return element("code", text(words))


_HOW = joined(
    text("A new link is printed by "), _code("flyball env"), text(" on the machine where Flyball runs; it works once, for ten minutes.")
)  # fmt: skip


def login_page() -> str:
    """What somebody sees who is not logged in."""
    return _page("Log in with a link", text("This console opens with a single-use link, and there is no password."), _HOW)


def link_used_page() -> str:
    """What a second use of a link shows."""
    return _page("This link no longer works", text("It was used already, or it is too old."), _HOW)


def plane_away_page(error: FlyballError) -> str:
    """What a login shows while nobody can judge it."""
    return _page("The link cannot be checked now", text(error), text("The link is still good: open it again in a moment."))


def foreign_page(error: FlyballError) -> str:
    """What a request from elsewhere is told."""
    return _page("Not from here", text(error))


_PAGES = {"Loop": "/", "Endpoints": "/endpoints", "Data": "/datasets", "Runs": "/runs", "Models": "/registry"}


def missing_page(path: str) -> str:
    """What stands at an address that has no page: where there are some."""
    links = [element("a", text(name), href=address) for name, address in _PAGES.items()]
    where = joined(*(part for link in links for part in (text(" · "), link)))
    return _page("There is no page here", _code(path[:200]), joined(text("Go on to"), where))


LOGGED_OUT = _page("You are logged out", _HOW)


def refused_page(what: str, error: FlyballError) -> str:
    """What stands in place of something that is not given."""
    return _page("Not to be had", _code(what), text(error))
