"""Who answers: the champion, the version on trial, and what the loop is about, as markup. Pure.

Times to come carry ``data-until``: the page's script counts them down on the business clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flyball.console.answers import Canary, Champion, Happening, Loop, ModelFigures, OpenWindow, Traffic
from flyball.console.kinds import label_of, look_of
from flyball.console.markup import NOTHING, Markup, element, joined, text
from flyball.console.words import NONE, count, day, days, figure, length, milliseconds, moment, plural, share

PAST_SHOWN = 4


def champion_card(model: ModelFigures, *, phase: str) -> Markup:
    """The version in charge, with what it answered in the last window."""
    champion = model.champion
    if champion is None:
        waiting = phase if phase and phase != "serving" else "The first training begins when there is enough history."
        return joined(_head("Champion", NOTHING), _empty("No version yet", _sentence(waiting)))
    since = text(f"since {moment(champion.since)}") if champion.since else NOTHING
    facts = [(f"{model.metric} at the gates", figure(champion.metric_value)), *_traffic_facts(model.traffic_of(champion.version))]
    return joined(_head("Champion", since), _version(champion), _split(model, champion.version), _facts(facts))


def canary_card(model: ModelFigures, past: Sequence[Happening], *, now: datetime) -> Markup:
    """The version on trial with its stage; without one, why there is none and how the last rollouts ended (`past`, newest last)."""
    canary = model.canary
    if canary is None:
        return joined(_head("Canary", NOTHING), _empty("No rollout in progress", _quiet(model)), _past(past))
    traffic = model.traffic_of(canary.version)
    facts = [(f"{model.metric} at the gates", figure(canary.metric_value))] if canary.metric_value is not None else []
    facts += _traffic_facts(traffic)
    since = text(f"since {moment(canary.since)}") if canary.since else NOTHING
    return joined(_head("Canary", since), _version(canary), _stages(canary, now), _facts(facts))


def loop_card(model: ModelFigures, *, now: datetime) -> Markup:
    """What the loop is about, and how far the window is that is being filled."""
    loop = model.loop
    facts = [("Trainings", count(loop.trainings)), ("Last training", moment(loop.last_training) if loop.last_training else NONE)]
    if loop.cool_until is not None and loop.cool_until > now:
        facts.append(("Cooling down until", moment(loop.cool_until)))
    if model.open_window is not None:
        facts.append(("Window closes", moment(model.open_window.end)))
    return joined(_head("Loop", NOTHING), _state(loop), _window(model.open_window, now), _facts(facts, wide=True))


def _head(title: str, aside: Markup) -> Markup:
    return element("div", element("h2", text(title)), element("span", aside, class_="aside"), class_="card-head")


def _version(version: Champion | Canary) -> Markup:
    return element("div", element("span", text("v"), class_="v"), text(version.version), class_="big")


def _split(model: ModelFigures, version: int) -> Markup:
    found = model.traffic_of(version)
    part = found.share if found and found.share is not None else 1.0 - model.canary.share if model.canary else 1.0
    return _bar(part, f"{share(part)} of the traffic")


def _bar(part: float, said: str) -> Markup:
    fill = element("span", style=f"width:{min(max(part, 0.0), 1.0) * 100:.1f}%")
    return element("div", element("div", fill, class_="track"), element("div", text(said), class_="said"), class_="bar-line")


def _stages(canary: Canary, now: datetime) -> Markup:
    """The rollout's stages as steps, the present one marked, and when it is judged next."""
    shares, number = (None, max(canary.stages, 1)) if isinstance(canary.stages, int) else (canary.stages, len(canary.stages))
    steps = []
    for stage in range(number):
        name = share(shares[stage]) if shares is not None else share(canary.share) if stage == canary.stage else ""
        state = "done" if stage < canary.stage else "now" if stage == canary.stage else "ahead"
        steps.append(element("li", element("span", class_="step"), element("span", text(name)), class_=state))
    judged = [text(f"Stage {canary.stage + 1} of {number}, {share(canary.share)} of the traffic. ")]
    if canary.judge_at is not None:
        until = element("span", text(_until(canary.judge_at, now)), data_until=canary.judge_at.isoformat(), data_past="being judged now")
        judged += [text("Next judgement "), until, text(f" ({moment(canary.judge_at)}).")]
    return element("div", element("ol", *steps, class_="steps"), element("div", *judged, class_="said"), class_="stages")


def _until(time: datetime, now: datetime) -> str:
    return f"in {length(time - now)}" if time > now else "being judged now"


def _traffic_facts(traffic: Traffic | None) -> list[tuple[str, str]]:
    if traffic is None:
        return [("Rows answered", NONE), ("Errors", NONE), ("Latency p50 / p99", NONE)]
    latency = traffic.latency_ms
    asked = traffic.rows + traffic.errors
    return [
        ("Rows answered", count(traffic.rows)),
        ("Errors", f"{count(traffic.errors)} ({share(traffic.errors / asked)})" if traffic.errors and asked else count(traffic.errors)),
        ("Latency p50 / p99", NONE if latency is None else f"{milliseconds(latency.p50)} / {milliseconds(latency.p99)}"),
    ]


def _facts(facts: list[tuple[str, str]], *, wide: bool = False) -> Markup:
    rows = [element("div", element("dt", text(name)), element("dd", text(value))) for name, value in facts]
    return element("dl", *rows, class_="facts wide" if wide else "facts")


def _state(loop: Loop) -> Markup:
    if loop.training:
        said, tone = "Training a candidate", "work"
    elif loop.release is not None:
        said, tone = f"Releasing version {loop.release}", "work"
    elif loop.busy:
        said, tone = "Working", "work"
    else:
        said, tone = "Watching", "good"
    return element("div", element("span", class_=f"dot {tone}"), text(said), class_="state")


def _window(window: OpenWindow | None, now: datetime) -> Markup:
    if window is None:
        return NOTHING
    part = (now - window.start) / (window.end - window.start) if window.end > window.start else 1.0
    return _bar(
        part, f"Window {days(window.start, window.end)}: {plural(window.rows, 'row')} so far, {count(window.resolved)} with an outcome"
    )


def _quiet(model: ModelFigures) -> str:
    if model.loop.training:
        return "A candidate is being trained. It comes here when it passes its gates."
    return "The next version that passes its gates is tried here on a share of the traffic."


def _past(ended: Sequence[Happening]) -> Markup:
    if not ended:
        return NOTHING
    rows = []
    for event in reversed(ended[-PAST_SHOWN:]):
        name = element("span", element("span", class_=f"dot {look_of(event.type).tone}"), text(label_of(event)), class_="name")
        rows.append(element("li", name, element("time", text(day(event.time)), title=f"{moment(event.time)} UTC")))
    return element("ul", element("li", element("h3", text("Last rollouts"))), *rows, class_="past")


def _empty(title: str, said: str) -> Markup:
    return element("div", element("strong", text(title)), element("p", text(said)), class_="empty")


def _sentence(said: str) -> str:
    return said[:1].upper() + said[1:] + ("" if said.endswith((".", "!", "…")) else ".")
