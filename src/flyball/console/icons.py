"""One small drawing per kind of event, in the colour of its surroundings."""

from __future__ import annotations

from collections.abc import Mapping

from flyball.console.kinds import Kind
from flyball.console.markup import Markup

_PATHS: Mapping[Kind, str] = {
    "alarms": "M8 2.8 14 13H2zM8 6.6v3M8 11.3v.01",
    "training": "M6.2 2.5h3.6M6.8 2.5v4L3 12.6a.7.7 0 0 0 .6 1h8.8a.7.7 0 0 0 .6-1L9.2 6.5v-4M5 10h6",
    "releases": "M8 13.5v-10M3.8 7.2 8 3l4.2 4.2",
    "windows": "M3 13V8.5M8 13V3.5M13 13V6",
    "data": (
        "M3 4.2c0 1 2.2 1.8 5 1.8s5-.8 5-1.8-2.2-1.7-5-1.7-5 .7-5 1.7v7.6c0 1 2.2 1.8 5 1.8s5-.8 5-1.8V4.2M3 8c0 1 2.2 1.8 5 1.8S13 9 13 8"
    ),
    "system": "M8 5.6a2.4 2.4 0 1 0 0 4.8 2.4 2.4 0 0 0 0-4.8M8 2v1.6M8 12.4V14M2 8h1.6M12.4 8H14",
    "routine": "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M8 5.2V8l1.9 1.4",
}


def icon(kind: Kind) -> Markup:
    """The drawing of that kind; it says nothing to a screen reader, whose label does."""
    return Markup(
        '<svg viewBox="0 0 16 16" width="12" height="12" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" '
        f'stroke-linejoin="round" aria-hidden="true"><path d="{_PATHS[kind]}"/></svg>'
    )
