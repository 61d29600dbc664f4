"""How each type of event is called and sorted on the page: its label, its kind for the filter, and its tone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from flyball.console.answers import Happening
from flyball.console.words import moment

Kind = Literal["alarms", "training", "releases", "windows", "data", "system", "routine"]
Tone = Literal["quiet", "work", "good", "warn", "bad"]

KINDS: Mapping[Kind, str] = {
    "alarms": "Alarms", "training": "Training", "releases": "Releases", "windows": "Windows", "data": "Data", "system": "System",
    "routine": "Routine",
}  # fmt: skip
"""The kinds in the order of the filter, with their names."""
HIDDEN: frozenset[Kind] = frozenset({"routine"})
"""Not shown unless asked for: true, and of no interest by themselves."""


@dataclass(frozen=True, slots=True)
class Look:
    """How events of one type are shown."""

    label: str
    kind: Kind
    tone: Tone = "quiet"


_LOOKS: Mapping[str, Look] = {
    "alert.raised": Look("Alarm", "alarms", "warn"),
    "retrain.held": Look("Retraining held back", "alarms"),
    "training.started": Look("Training started", "training", "work"),
    "training.finished": Look("Training finished", "training", "work"),
    "training.failed": Look("Training failed", "training", "bad"),
    "version.registered": Look("Version registered", "training"),
    "evidence.attached": Look("Evidence attached", "routine"),
    "gates.evaluated": Look("Gates judged", "training"),
    "version.validated": Look("Version validated", "training", "good"),
    "version.rejected": Look("Version rejected", "training", "bad"),
    "version.retired": Look("Version retired", "releases"),
    "version.restored": Look("Version restored", "releases", "work"),
    "rollout.stage-entered": Look("Rollout stage", "releases", "work"),
    "rollout.judged": Look("Rollout judged", "releases"),
    "rollout.finished": Look("New champion", "releases", "good"),
    "rollout.rolled-back": Look("Rolled back", "releases", "bad"),
    "promotion.asked": Look("Promotion asked for", "releases", "work"),
    "rollback.asked": Look("Rollback asked for", "releases", "work"),
    "command.failed": Look("Command failed", "alarms", "bad"),
    "chore.failed": Look("Chore failed", "system", "bad"),
    "resources.exceeded": Look("Resources exceeded", "alarms", "warn"),
    "features.stale": Look("Features are stale", "alarms", "bad"),
    "features.fresh": Look("Features are fresh again", "alarms", "good"),
    "features.republished": Look("Online store filled again", "alarms", "warn"),
    "volume.exceeded": Look("Many answers to one caller", "alarms", "warn"),
    "window.closed": Look("Window closed", "windows"),
    "window.waiting": Look("Window waits for labels", "windows"),
    "window.matured": Look("Window matured", "windows"),
    "dataset.version.received": Look("Dataset version received", "routine"),
    "dataset.version.held": Look("Data held", "data", "warn"),
    "dataset.version.rejected": Look("Data rejected", "data", "bad"),
    "dataset.pull.failed": Look("Source unread", "data", "bad"),
    "dataset.pull.recovered": Look("Source read again", "data", "good"),
    "rows.quarantined": Look("Rows set aside", "data", "warn"),
    "messages.unreadable": Look("Messages that are no rows", "data", "warn"),
    "contract.warned": Look("Unusual values", "data"),
    "timer.fired": Look("Timer fired", "routine"),
    "run.started": Look("Run started", "routine"),
    "run.finished": Look("Run finished", "routine"),
    "run.failed": Look("Run failed", "training", "bad"),
    "run.killed": Look("Run killed", "training", "bad"),
    "features.compiled": Look("Features compiled", "routine"),
    "loop.started": Look("Loop started", "system", "good"),
}
_FAMILIES: Sequence[tuple[str, Kind]] = (
    ("dataset.", "data"), ("contract.", "data"), ("rows.", "data"), ("labels.", "data"), ("training.", "training"), ("run.", "routine"),
    ("version.", "training"), ("gates.", "training"), ("rollout.", "releases"), ("deployment.", "releases"), ("endpoint.", "releases"),
    ("release.", "releases"), ("guardrail.", "alarms"), ("alert.", "alarms"), ("parity.", "system"), ("window.", "windows"),
    ("timer.", "routine"), ("job.", "routine"), ("prediction", "routine"),
)  # fmt: skip
_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?\+00:00")
_SAID_BADLY = ("failed", "rejected", "breached", "rolled-back", "lost", "killed", "died")


def look_of(event_type: str) -> Look:
    """How events of that type are shown; one that is not known yet is sorted by its first word and told by its own words.

    >>> look_of("alert.raised").label, look_of("dataset.version.accepted"), look_of("process.died").tone
    ('Alarm', Look(label='Dataset version accepted', kind='data', tone='quiet'), 'bad')
    """
    if event_type in _LOOKS:
        return _LOOKS[event_type]
    kind: Kind = next((kind for prefix, kind in _FAMILIES if event_type.startswith(prefix)), "system")
    tone: Tone = "bad" if event_type.endswith(_SAID_BADLY) else "quiet"
    return Look(event_type.replace(".", " ").replace("-", " ").capitalize(), kind, tone)


_OF_VERSION: Mapping[str, str] = {
    "version.registered": "Version {} registered", "version.validated": "Version {} validated", "version.rejected": "Version {} rejected",
    "version.retired": "Version {} retired", "version.restored": "Version {} restored", "rollout.finished": "Version {} is champion",
    "rollout.rolled-back": "Version {} rolled back", "gates.evaluated": "Gates of version {}",
}  # fmt: skip


def label_of(event: Happening) -> str:
    """The event's label; it says which version, which kind of alarm, which verdict, where the event does."""
    data = event.data
    if event.type in _OF_VERSION and isinstance(data.get("version"), int):
        return _OF_VERSION[event.type].format(data["version"])
    if event.type == "alert.raised" and isinstance(data.get("kind"), str):
        return f"{data['kind'].replace('_', ' ').capitalize()} alarm"
    if event.type == "rollout.judged" and isinstance(data.get("verdict"), str):
        return f"Rollout judged: {data['verdict']}"
    return look_of(event.type).label


def sentence_of(event: Happening) -> str:
    """The event's sentence as it stands below its label: what the label says is not said again.

    >>> from datetime import datetime, UTC
    >>> rejected = Happening(id="e", type="version.rejected", time=datetime(2013, 1, 1, tzinfo=UTC), data={"version": 3},
    ...                      text="version 3 rejected: the gap is too wide")
    >>> label_of(rejected), sentence_of(rejected)
    ('Version 3 rejected', 'The gap is too wide')
    """
    data = event.data
    told = (
        label_of(event), f"{data.get('kind')} alert", f"gates for version {data.get('version')}",
        f"rollout of version {data.get('version')}: {data.get('verdict')}", "training failed", "training began",
    )  # fmt: skip
    said = event.text
    for words in told:
        if said.lower().startswith(words.lower()):
            said = said[len(words) :].lstrip(" :,.")
            break
    said = _MOMENT.sub(lambda found: moment(datetime.fromisoformat(found[0])), said)
    first = said.partition(" ")[0].rstrip(":,")
    return said[:1].upper() + said[1:] if first.isalpha() else said  # roc_auc stays what it is called


def kind_of(event: Happening) -> Kind:
    """The kind by which the event is filtered; that rows came in as ever is routine, the first version of a dataset is not."""
    if event.type == "dataset.version.accepted" and event.data.get("version") != 1:
        return "routine"
    return look_of(event.type).kind


def concerns(event: Happening, model: str, *, endpoint: str) -> bool:
    """Whether the event is told in that model's timeline: it is the model's or its endpoint's own, or no model's at all."""
    kind, _, rest = event.subject.partition("/")
    if kind not in {"model", "endpoint", "rollout", "deployment"}:
        return True
    return any(rest == name or rest.startswith(f"{name}/") for name in (model, endpoint))
