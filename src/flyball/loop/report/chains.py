"""The events of a policy, and for each decision the chain of causes that led to it."""

from __future__ import annotations

from collections.abc import Sequence

from flyball.loop.report.markup import Markup, element, joined, text
from flyball.loop.report.model import Happening, PolicyReport
from flyball.loop.report.words import moment, plural

SHOWN = 8
_TONES = {
    "alert.raised": "warn",
    "retrain.held": "mute",
    "training.started": "work",
    "training.failed": "bad",
    "version.validated": "good",
    "version.rejected": "bad",
    "rollout.finished": "good",
    "rollout.rolled-back": "bad",
}


def causes(policy: PolicyReport, event: Happening) -> list[Happening]:
    """What led to `event`, nearest first, as far as the report knows; a chain that comes back to itself ends there."""
    chain: list[Happening] = []
    seen = {event.id}
    cause = event.cause
    while cause is not None and cause not in seen and (found := policy.by_id.get(cause)) is not None:
        seen.add(cause)
        chain.append(found)
        cause = found.cause
    return chain


def event_list(policy: PolicyReport) -> Markup:
    """Every event in order: decisions open onto their chain, routine ones show when asked for."""
    if not policy.events:
        return element("p", text("Nothing happened."), class_="note")
    routine = sum(not event.decisive for event in policy.events)
    switch = f"routine{policy.index}"
    return joined(
        element("input", type="checkbox", id=switch, class_="switch"),
        element("label", text(f"Show {plural(routine, 'routine event')} too"), for_=switch),
        element("ol", *(_entry(policy, event) for event in policy.events), class_="events"),
    )


def _entry(policy: PolicyReport, event: Happening) -> Markup:
    if not event.decisive:
        return element("li", *_headline(event), class_="routine", id=event.anchor)
    chain = causes(policy, event)
    if not chain:
        return element("li", element("div", *_headline(event), class_="alone"), id=event.anchor)
    details = element("details", element("summary", *_headline(event)), _chain(event, chain))
    return element("li", details, id=event.anchor)


def _headline(event: Happening) -> Sequence[Markup]:
    return [
        element("time", text(moment(event.time)), datetime=event.time.isoformat()),
        element("span", text(event.type), class_=f"kind {_TONES.get(event.type, 'mute')}"),
        element("span", text(event.summary), class_="what"),
    ]


def _chain(event: Happening, chain: Sequence[Happening]) -> Markup:
    """The causes, nearest first; of a long chain the near end and the root."""
    shown = list(chain) if len(chain) <= SHOWN + 1 else [*chain[:SHOWN], chain[-1]]
    hidden = len(chain) - len(shown)
    steps = [_step(step) for step in shown]
    if hidden:
        steps.insert(SHOWN, element("li", text(f"… {plural(hidden, 'earlier cause')} …"), class_="gap"))
    identity = element("p", element("code", text(event.id)), text(" "), text(event.subject), class_="identity")
    return element("div", identity, element("p", text("because"), class_="because"), element("ol", *steps), class_="chain")


def _step(step: Happening) -> Markup:
    link = element("a", text(step.summary), href=f"#{step.anchor}")
    return element("li", element("time", text(moment(step.time))), text(" "), link, text(" "), element("code", text(step.type)))
