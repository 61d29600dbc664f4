"""The frame that every drawing over time shares: width, margins, months below, and the element that holds it."""

from __future__ import annotations

from flyball.loop.report.markup import Markup, element, joined, text
from flyball.loop.report.model import Report
from flyball.loop.report.scale import TimeScale

WIDTH, LEFT, RIGHT = 960.0, 76.0, 900.0


def time_scale(report: Report) -> TimeScale:
    """The report's whole span across the drawing."""
    return TimeScale(report.start, report.end, LEFT, RIGHT)


def month_axis(scale: TimeScale, *, top: float, bottom: float) -> Markup:
    """A hairline at the start of each month and its name under the middle of it, thinned out over long spans."""
    firsts = list(scale.months())
    every = 1 + len(firsts) // 15
    parts = []
    for index, first in enumerate(firsts):
        x = scale(first)
        parts.append(element("line", class_="grid", x1=x, x2=x, y1=top, y2=bottom))
        following = scale(firsts[index + 1]) if index + 1 < len(firsts) else scale.right
        if index % every == 0 and following - x > 18:
            name = first.strftime("%b %Y") if first.month == 1 or index == 0 else first.strftime("%b")
            middle = (x + following) / 2 if every == 1 else x
            parts.append(element("text", text(name), class_="tick", x=middle, y=bottom + 18, text_anchor="middle"))
    return joined(*parts)


def drawing(*parts: Markup, height: float, label: str, role: str = "img", class_: str | None = None) -> Markup:
    """An SVG of the common width that scrolls sideways where the page is narrower than it can be read."""
    picture = element("svg", *parts, viewBox=f"0 0 {WIDTH:.0f} {height:.0f}", role=role, aria_label=label, class_=class_)
    return element("div", picture, class_="scroll", tabindex=0, role="group", aria_label=f"{label} (scrollable)")
