"""What is said above and inside the panels: no answer from the control plane, no windows yet, how the last windows went. Pure."""

from __future__ import annotations

from flyball.console.answers import expected_of
from flyball.console.charts import Series
from flyball.console.head import has_data_only
from flyball.console.markup import NOTHING, Markup, element, joined, text
from flyball.console.watch import Known
from flyball.console.words import days, figure


def notice(known: Known, url: str) -> Markup:
    """Nothing while all is well; else what is wrong, and of when the figures are that the page shows."""
    if known.trouble is not None:
        return away_notice(known, url)
    if has_data_only(known):
        return _notice("No model", "This project has datasets only: they stand under Data.", tone="work")
    if known.status is not None and not known.models:
        return _notice("No model yet", known.status.phase[:1].upper() + known.status.phase[1:], tone="work")
    return NOTHING


def away_notice(known: Known, url: str) -> Markup:
    """Nothing while the control plane answers; else what is wrong, and of when that is which the page shows."""
    if known.trouble is None:
        return NOTHING
    title = "Control plane unreachable" if known.away else "The figures cannot be read"
    seen = f"Showing what was known at {known.asked_at:%H:%M} UTC." if known.asked_at else f"Nothing is known yet of {url}."
    return _notice(title, f"{seen} {known.trouble} This page recovers by itself.", tone="warn")


def _notice(title: str, said: str, *, tone: str) -> Markup:
    return element(
        "div",
        element("span", class_=f"dot {tone}"),
        element("p", element("strong", text(title)), text(" "), text(said.strip())),
        class_=f"notice {tone}",
    )


def quality_words(series: Series) -> Markup:
    """The head of the metric's chart: the last window's figure beside what was expected of it."""
    title = f"{series.metric} per window" if series.metric else "Quality per window"
    scored = [window for window in series.windows if (found := window.metrics.get(series.metric)) is not None and found.value is not None]
    if not series.windows:
        return joined(
            _head(title, NOTHING),
            _nothing("No window has closed yet", "The first figure comes when a window has closed and its labels are in."),
        )
    if not scored:
        return joined(_head(title, _legend(series)), element("p", text("No window has its labels yet."), class_="panel-note"))
    last = scored[-1]
    found = last.metrics[series.metric]
    assert found is not None
    interval = "" if found.low is None or found.high is None else f" [{figure(found.low)}, {figure(found.high)}]"
    expected = expected_of(last)
    promised = "" if expected is None else f", expected {figure(expected)}"
    said = f"{figure(found.value)}{interval} in {days(last.start, last.end)}{promised}"
    return joined(_head(title, _legend(series)), element("p", text(said), class_="panel-note"))


def drift_words(series: Series) -> Markup:
    """The head of the drift's chart: the last window's score against its threshold."""
    judged = [window for window in series.windows if window.drift is not None and window.drift.score is not None]
    if not judged:
        return joined(
            _head("Drift per window", NOTHING),
            _nothing("No window was compared yet", "Drift is judged when a window closes, without waiting for labels."),
        )
    last = judged[-1]
    assert last.drift is not None
    verdict = "alarm" if last.drift.alarmed else "within the reference"
    said = f"{figure(last.drift.score, 2)} of {figure(last.drift.threshold, 2)} in {days(last.start, last.end)}: {verdict}"
    legend = element("ul", _entry("column", "score"), _entry("column warn", "alarm"), _entry("dots warn", "threshold"), class_="legend")
    return joined(_head("Drift per window", legend), element("p", text(said), class_="panel-note"))


def _head(title: str, legend: Markup) -> Markup:
    return element("div", element("h2", text(title)), legend, class_="panel-head")


def _legend(series: Series) -> Markup:
    entries = [_entry("line", "metric and interval"), _entry("dashes", "expected")]
    if any(window.threshold is not None for window in series.windows):
        entries.append(_entry("dots warn", "tolerated"))
    entries += [_entry("upright", "release"), _entry("upright fine", "training")]
    if not all(window.matured for window in series.windows):
        entries.append(_entry("area", "labels still coming"))
    return element("ul", *entries, class_="legend")


def _entry(css: str, words: str) -> Markup:
    return element("li", element("span", class_=f"swatch {css}"), text(words))


def _nothing(title: str, said: str) -> Markup:
    return element("div", element("strong", text(title)), element("p", text(said)), class_="empty tall")
