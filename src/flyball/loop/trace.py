"""Why something happened: the chain of causes from an event down to the rows that started it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flyball.core.errors import IntegrityError
from flyball.core.events import Event
from flyball.core.ids import EventId
from flyball.storage.events import EventLog


class CauseLoopError(IntegrityError):
    """Events that cause each other."""

    code = "cause-loop"

    def __init__(self, event: EventId) -> None:
        super().__init__(f"Event {event} is among its own causes; the event log of this home is damaged.")


def causes(log: EventLog, event: EventId) -> list[Event]:
    """The event, its cause, the cause's cause and so on; the last one has no cause.

    Raises:
        EventNotFoundError: the event, or one of its causes, is not in the log.
        CauseLoopError: the chain comes back to an event that it has passed.
    """
    chain, seen = [log.get(event)], {event}
    while (cause := chain[-1].cause) is not None:
        if cause in seen:
            raise CauseLoopError(cause)
        seen.add(cause)
        chain.append(log.get(cause))
    return chain


def _day(text: object) -> str:
    return datetime.fromisoformat(str(text)).strftime("%d %b %Y") if text else "?"


def _figure(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _window(data: Mapping[str, Any]) -> str:
    return f"{_day(data.get('start'))} to {_day(data.get('end'))}"


def _because(data: Mapping[str, Any]) -> str:
    return f": {data['why']}" if data.get("why") else ""


def _why_held(data: Mapping[str, Any]) -> str:
    broken = f"{data.get('share_broken', 0):.0%} of its rows broken"
    checks = ", ".join(map(str, data.get("held_by", [])))
    return f"{broken}, and the checks {checks}" if checks else broken


def _unusual(data: Mapping[str, Any]) -> str:
    found = [f"{warned['column']} {warned['why']} in {_rows(warned)}" for warned in data.get("warnings", ())]
    extra = data.get("unexpected_columns", ())
    return "; ".join([*found, *([f"columns that its contract does not name: {', '.join(extra)}"] if extra else [])])


def _rows(data: Mapping[str, Any]) -> str:
    return f"{data.get('rows', 0):,} rows"


def _reason(data: Mapping[str, Any]) -> str:
    return f": {data['reason']}" if data.get("reason") else ""


def _words(data: Mapping[str, Any]) -> str:
    return f": {data['why']}" if data.get("why") else ""


def _conversion(data: Mapping[str, Any]) -> str:
    match data.get("verdict"):
        case "converted":
            return f"converted to {data.get('form')}, which answers the same and carries no code"
        case "native":
            return f"served as {data.get('form')}, which carries no code"
        case _:
            return f"not converted: {data.get('reason', '')}"


def _versions(numbers: Any) -> str:
    if not numbers:
        return "no version"
    return f"version{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


def _policy(policy: Any) -> str:
    match policy:
        case {"policy": "segments", "column": column, "values": values}:
            return f"rows are shared by {column} between the champion and {_versions(sorted(set(values.values())))}"
        case {"policy": kind, "shares": shares}:
            told = ", ".join(f"version {number} {share:.1%}" for number, share in shares.items())
            return f"rows are shared {'by what is learnt' if kind == 'bandit' else 'by weights'}: {told}"
        case _:
            return "the champion has all rows again"


_SENTENCES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "dataset.pinned": lambda d: f"the {d.get('rows', 0):,} rows of version {d.get('version')} of the dataset",
    "dataset.version.received": lambda d: f"version {d.get('version')} of the dataset was read",
    "dataset.version.accepted": lambda d: f"version {d.get('version')} of the dataset accepted with {_rows(d)}",
    "dataset.version.held": lambda d: f"version {d.get('version')} of the dataset held: {_why_held(d)}",
    "dataset.version.rejected": lambda d: f"version {d.get('version')} of the dataset rejected: {d.get('why', '')}",
    "contract.inferred": lambda d: f"a contract of {d.get('columns', 0)} columns inferred from the first history",
    "contract.given": lambda d: f"a contract of {d.get('columns', 0)} columns found beside the home",
    "contract.changed": lambda d: f"the contract was changed before version {d.get('version')}",
    "contract.warned": lambda d: f"version {d.get('version')} is unusual: {_unusual(d)}",
    "rows.quarantined": lambda d: f"{_rows(d)} of version {d.get('version')} set aside: they broke the contract",
    "messages.unreadable": lambda d: f"{d.get('messages', 0):,} messages before version {d.get('version')} are no rows",
    "dataset.erased": lambda d: f"{_rows(d)} erased from the dataset, of {d.get('keys')} keys",
    "rows.repaired": lambda d: f"{_rows(d)} repaired that had been set aside{_words(d)}",
    "readmission.asked": lambda d: f"{_rows(d)} to be taken out of quarantine{_words(d)}",
    "rows.readmitted": lambda d: f"{_rows(d)} taken out of quarantine into version {d.get('version')}",
    "evidence.attached": lambda d: f"judged on the {_rows(d)} of the hold-out: {d.get('metric')} {_figure(d.get('value'))}",
    "run.started": lambda d: f"a run of {d.get('experiment')} started",
    "run.finished": lambda _: "the run finished",
    "run.failed": lambda d: f"the run failed{_reason(d)}",
    "run.killed": lambda d: f"the run was killed{_reason(d)}",
    "features.compiled": lambda d: f"{len(d.get('features', ()))} features compiled",
    "loop.started": lambda d: f"the loop began; first training at {_day(d.get('first_training'))}",
    "traffic.policy-set": lambda d: f"{_policy(d.get('policy'))}{_words(d)}",
    "traffic.learned": lambda d: f"the bandit learned: {_policy(d.get('policy'))}",
    "traffic.shadows-set": lambda d: f"shadows: {_versions(d.get('shadows'))}{_words(d)}",
    "traffic.prepared": lambda d: f"{_versions(d.get('versions'))} held ready",
    "traffic.dropped": lambda d: f"{_versions(d.get('versions'))} held ready no more{_words(d)}",
    "timer.fired": lambda d: f"the timer {d.get('timer')!r} fired",
    "window.closed": lambda d: f"window {_window(d)} closed with {_rows(d)}: {d.get('why', '')}",
    "window.waiting": lambda d: f"window {_window(d)} waits for labels: {d.get('resolved_share', 0):.0%} resolved",
    "window.matured": lambda d: f"window {_window(d)} matured: {d.get('why', '')}",
    "alert.raised": lambda d: f"{d.get('kind')} alert: {d.get('text', '')}",
    "retrain.held": lambda d: f"{d.get('kind')} would retrain, but: {d.get('text', '')}",
    "training.started": lambda d: f"training began because of: {d.get('reason')}",
    "training.finished": lambda d: (
        f"trained on {_rows(d)}: {d.get('winner', '')}, {d.get('metric')} {_figure(d.get('value'))} on the hold-out"
    ),
    "training.failed": lambda d: f"training failed: {d.get('why', '')}",
    "run.deleted": lambda _: "the run was deleted",
    "run.restored": lambda _: "the run was restored",
    "experiment.created": lambda d: f"experiment {d.get('name')} was created",
    "experiment.deleted": lambda d: f"experiment {d.get('name')} was deleted with its runs",
    "experiment.restored": lambda d: f"experiment {d.get('name')} was restored with its runs",
    "model.created": lambda _: "the registered model was created",
    "model.renamed": lambda d: f"the registered model {d.get('from')} is called {d.get('to')} now",
    "model.updated": lambda _: "the registered model was described anew",
    "model.deleted": lambda _: "the registered model was deleted with its versions",
    "model.tag-set": lambda d: f"tag {d.get('key')} of the registered model set",
    "model.tag-deleted": lambda d: f"tag {d.get('key')} of the registered model deleted",
    "alias.set": lambda d: f"alias {d.get('alias')} names version {d.get('version')}",
    "alias.deleted": lambda d: f"alias {d.get('alias')} names version {d.get('version')} no more",
    "version.registered": lambda d: f"registered as version {d.get('version')}",
    "version.updated": lambda d: f"version {d.get('version')} was described anew",
    "version.deleted": lambda d: f"version {d.get('version')} deleted",
    "version.stage-set": lambda d: f"version {d.get('version')} is in stage {d.get('stage')}",
    "version.tag-set": lambda d: f"tag {d.get('key')} of version {d.get('version')} set",
    "version.tag-deleted": lambda d: f"tag {d.get('key')} of version {d.get('version')} deleted",
    "version.converted": lambda d: f"version {d.get('version')}: {_conversion(d)}",
    "token.created": lambda d: f"a token of role {d.get('role')} was made",
    "token.revoked": lambda _: "the token was taken back",
    "garbage.collected": lambda d: f"{d.get('bytes', 0):,} bytes that nothing refers to were freed",
    "gates.evaluated": lambda d: f"gates for version {d.get('version')}: {'passed' if d.get('passed') else 'failed'}",
    "version.validated": lambda d: f"version {d.get('version')} validated",
    "version.rejected": lambda d: f"version {d.get('version')} rejected: {d.get('why', '')}",
    "version.retired": lambda d: f"version {d.get('version')} retired: {d.get('why', '')}",
    "version.restored": lambda d: f"version {d.get('version')} restored: {d.get('why', '')}",
    "rollout.stage-entered": lambda d: f"version {d.get('version')} takes {d.get('share', 0):.0%} of the rows",
    "rollout.judged": lambda d: f"rollout of version {d.get('version')}: {d.get('verdict')}, {d.get('why', '')}",
    "rollout.finished": lambda d: f"version {d.get('version')} is champion",
    "parity.checked": lambda d: f"parity of {_rows(d)}: {d.get('why', '')}",
    "parity.failed": lambda d: f"parity could not be checked: {d.get('why', '')}",
    "resources.exceeded": lambda d: str(d.get("why", "")),
    "features.stale": lambda d: str(d.get("why", "")),
    "features.fresh": lambda d: str(d.get("why", "")),
    "features.republished": lambda d: str(d.get("why", "")),
    "volume.exceeded": lambda d: str(d.get("why", "")),
    "predictions.lost": lambda d: f"{_rows(d)} that were answered are not in the log: {d.get('why', '')}",
    "predictions.expired": lambda d: f"{_rows(d)} that were answered before {_day(d.get('before'))} are deleted, as declared",
    "chore.failed": lambda d: f"while {d.get('chore')}: {d.get('why', '')}",
    "dataset.pull.failed": lambda d: f"its source could not be read: {d.get('why', '')}",
    "dataset.pull.recovered": lambda d: f"its source is read again, after: {d.get('why', '')}",
    "guardrail.breached": lambda d: f"version {d.get('version')} broke a guardrail: {d.get('why', '')}",
    "command.failed": lambda d: f"{d.get('command')} could not be carried out: {d.get('why', '')}",
    "promotion.asked": lambda d: f"{d.get('actor')} asked to promote version {d.get('version')}{_because(d)}",
    "rollback.asked": lambda d: f"{d.get('actor')} asked to roll version {d.get('version')} back{_because(d)}",
    "rollout.rolled-back": lambda d: f"version {d.get('version')} rolled back: {d.get('why', '')}",
}


def describe(event: Event) -> str:
    """One sentence on what happened, for people; an event type that has none is told by its type and subject."""
    sentence = _SENTENCES.get(event.type)
    return sentence({"actor": event.actor, **event.data}) if sentence else f"{event.type.replace('.', ' ')} ({event.subject})"
