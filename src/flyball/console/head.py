"""The head of the page: whose it is, which models there are, and what time it is in the business. Pure."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from flyball.console.answers import ClockFace, ModelFigures
from flyball.console.markup import NOTHING, Markup, element, joined, text
from flyball.console.plainpages import MARK
from flyball.console.watch import Known
from flyball.console.words import speed

THEME_BUTTON = Markup(
    '<button type="button" class="icon-button" onclick="flyball.turn()" aria-label="Light or dark" title="Light or dark">'
    '<svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true"><circle cx="10" cy="10" r="7" fill="none" stroke="currentColor" '
    'stroke-width="1.6"/><path d="M10 3a7 7 0 0 1 0 14z" fill="currentColor"/></svg></button>'
)
CLOCK_FACE = element(
    "div", element("span", id="clock-day", class_="clock-day"), element("span", id="clock-time", class_="clock-time"),
    element("span", text("UTC"), class_="unit"), class_="face", title="Business time",
)  # fmt: skip
"""Stands still in the page; the script writes into it."""


BARE_PHASE = "keeping runs and models"
SERVING_PHASE = "serving"
PLACES = {"/": "Loop", "/endpoints": "Endpoints", "/datasets": "Data", "/runs": "Runs", "/registry": "Models"}
OF_PROJECTS = frozenset({"/", "/endpoints", "/datasets"})
"""A server without a project has neither a loop nor the routes of endpoints and datasets."""


def is_bare(known: Known) -> bool:
    """Whether the server runs no project, so that there is no loop to show."""
    return known.status is not None and not known.status.models and known.status.phase == BARE_PHASE


def has_data_only(known: Known) -> bool:
    """Whether the project has datasets and no model that could still come."""
    return known.status is not None and not known.status.models and known.status.phase == SERVING_PHASE


def brand(known: Known, *, here: str) -> Markup:
    """Whose page it is, and the ways to the others; `here` is the one that it belongs to."""
    mark = element("a", MARK, element("span", text("Flyball"), class_="brand-name"), class_="brand", href="/", aria_label="Flyball")
    places = {path: name for path, name in PLACES.items() if path not in OF_PROJECTS or not is_bare(known)}
    links = [
        element("a", text(name), href=path, class_="place", aria_current="page" if path == here else None) for path, name in places.items()
    ]
    project = element("span", text(known.status.project), class_="project") if known.status else NOTHING
    return joined(mark, element("nav", *links, class_="places", aria_label="Flyball"), project)


def head_markup(known: Known, model: ModelFigures | None) -> Markup:
    """Whose page it is, and which model it shows; the others are links."""
    names = list(known.models)
    if len(names) > 1:
        tabs = [_tab(name, current=model is not None and name == model.name) for name in names]
        which = element("nav", *tabs, class_="tabs", aria_label="Models")
    else:
        which = element("span", text(names[0]), class_="model-name") if names else NOTHING
    return joined(brand(known, here="/"), which)


def _tab(name: str, *, current: bool) -> Markup:
    return element("a", text(name), href=f"/?{urlencode({'model': name})}", class_="tab", aria_current="page" if current else None)


def pace_markup(clock: ClockFace) -> Markup:
    """How fast business time goes, where that is not as on the wall."""
    if clock.speed is None and not clock.paused:
        return NOTHING
    pace = [] if clock.speed is None else [f"{speed(clock.speed)} speed"]
    return element("span", text(", ".join([*pace, *(["standing still"] if clock.paused else [])])), class_="pace")


def clock_call(clock: ClockFace) -> str:
    """The script that sets the page's clock to the moment that the control plane has told."""
    return f"flyball.set({round(clock.now.timestamp() * 1000)}, {json.dumps(clock.speed)}, {json.dumps(clock.paused)})"
