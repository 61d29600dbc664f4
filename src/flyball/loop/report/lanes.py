"""What the loop did: per policy the version in charge, and when it raised alarms, trained, released or refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from flyball.loop.report.axes import RIGHT, drawing, month_axis, time_scale
from flyball.loop.report.markup import Markup, element, joined, text
from flyball.loop.report.model import Happening, PolicyReport, Report
from flyball.loop.report.scale import TimeScale, levels
from flyball.loop.report.words import days, moment

TOP, LANE = 10.0, 86.0
ALARM_Y, BAND_Y, BAND_HEIGHT, TRAIN_Y, DRIFT_Y, DRIFT_HEIGHT = 12.0, 20.0, 18.0, 50.0, 60.0, 9.0
LEAST_PSI, LEVELS = 0.05, 5
_NUMBER = re.compile(r"(\d+)\D*$")


def lanes_chart(report: Report) -> Markup:
    """One lane per policy over the same months as the chart above it."""
    times, bounds = time_scale(report), psi_levels(report)
    bottom = TOP + LANE * len(report.policies)
    lanes = [Lane(policy, times, bounds, top=TOP + LANE * place).draw() for place, policy in enumerate(report.policies)]
    axis = month_axis(times, top=TOP, bottom=bottom)
    label = "Versions in charge, alarms, trainings, releases and drift of each policy over time"
    return drawing(axis, *lanes, height=bottom + 30, label=label, role="group")


@dataclass(frozen=True)
class Lane:
    """One policy's lane; `top` is its upper edge."""

    policy: PolicyReport
    times: TimeScale
    bounds: Sequence[float]
    top: float

    def draw(self) -> Markup:
        """The name, who answered, what happened and how far the inputs had drifted, from left to right in time."""
        name = self.policy.name if len(self.policy.name) <= 10 else self.policy.name[:9] + "…"
        title = element("title", text(self.policy.name))
        rule = self.top + LANE - 4
        return joined(
            element("line", class_="rule", x1=0, x2=RIGHT, y1=rule, y2=rule),
            element("text", title, text(name), class_=f"lane {self.policy.css}", x=0, y=self.top + BAND_Y + 14),
            *self._bands(),
            *(self._mark(event) for event in self.policy.events),
            *self._drift(),
        )

    def _bands(self) -> Iterator[Markup]:
        """A band from each release to the next: who answered, and since when."""
        released = [event for event in self.policy.events if event.type == "rollout.finished"]
        ends: list[datetime] = [*(event.time for event in released), self.times.end][1:]
        y = self.top + BAND_Y
        for place, (event, end) in enumerate(zip(released, ends, strict=True)):
            x = self.times(event.time)
            width = max(self.times(end) - x - 1.5, 1.0)
            number = _NUMBER.search(event.subject)
            label = f"v{number.group(1)}" if number else f"#{place + 1}"
            title = element("title", text(f"{event.summary}\nfrom {moment(event.time)} UTC"))
            band = element("rect", title, class_=f"band {self.policy.css}", x=x, y=y, width=width, height=BAND_HEIGHT, rx=3)
            name = element("text", text(label), class_="inband", x=x + 6, y=y + 13)
            yield element("a", band, name if width > 7 * len(label) + 8 else joined(), href=f"#{event.anchor}")

    def _mark(self, event: Happening) -> Markup:
        """The event's shape, leading to its entry; nothing for events that have none."""
        x = self.times(event.time)
        title = element("title", text(f"{moment(event.time)} UTC\n{event.summary}"))
        match event.type:
            case "alert.raised":
                shape = element("path", title, class_="alarm", d=f"M{x:.1f} {self.top + ALARM_Y - 7:.1f}l5 9h-10z")
            case "training.started":
                shape = element("circle", title, class_=f"training {self.policy.css}", cx=x, cy=self.top + TRAIN_Y, r=4)
            case "version.rejected" | "rollout.rolled-back" | "training.failed":
                shape = element("path", title, class_="refused", d=f"M{x - 4:.1f} {self.top + TRAIN_Y - 4:.1f}l8 8m0 -8l-8 8")
            case _:
                return joined()
        return element("a", shape, href=f"#{event.anchor}")

    def _drift(self) -> Iterator[Markup]:
        """A cell per window, the darker the further its inputs stand from the reference; ringed where it raised an alarm."""
        for span in self.policy.weeks or self.policy.months:
            if span.psi is None:
                continue
            x = self.times(span.start)
            said = f"{days(span.start, span.end)}\nlargest PSI {span.psi:.3f}{', alarm' if span.alarmed else ''}"
            css = f"drift d{sum(span.psi >= bound for bound in self.bounds)}{' alarmed' if span.alarmed else ''}"
            box = {"x": x, "y": self.top + DRIFT_Y, "width": max(self.times(span.end) - x - 1, 1.0), "height": DRIFT_HEIGHT}
            yield element("rect", element("title", text(said)), class_=css, **box, rx=1.5)


def psi_levels(report: Report) -> list[float]:
    """Where one shade of drift ends and the next begins: fitted to what these policies saw."""
    spans = [span for policy in report.policies for span in policy.weeks or policy.months]
    return levels((span.psi for span in spans if span.psi is not None), least=LEAST_PSI, count=LEVELS)


def lanes_legend(report: Report) -> Markup:
    """What the marks of the lanes mean."""
    return element(
        "ul",
        _entry(element("rect", class_="band c0", x=1, y=4, width=20, height=10, rx=2), "version in charge"),
        _entry(element("path", class_="alarm", d="M11 3l6 11h-12z"), "alarm"),
        _entry(element("circle", class_="training c0", cx=11, cy=9, r=4), "training"),
        _entry(element("path", class_="refused", d="M7 5l8 8m0 -8l-8 8"), "refused, failed or rolled back"),
        _scale_entry(psi_levels(report)),
        class_="legend",
    )  # fmt: skip


def _entry(shape: Markup, words: str) -> Markup:
    return element("li", element("svg", shape, viewBox="0 0 22 18", width=22, height=18, aria_hidden="true"), text(words))


def _scale_entry(bounds: Sequence[float]) -> Markup:
    cells = [
        element("rect", class_=f"drift d{level}", x=1 + 13 * level, y=5, width=12, height=9, rx=1.5) for level in range(len(bounds) + 1)
    ]
    picture = element("svg", *cells, viewBox="0 0 80 18", width=80, height=18, aria_hidden="true")
    return element("li", picture, text(f"drift: largest PSI, from below {bounds[0]:g} to {bounds[-1]:g} and more; ringed where alarmed"))
