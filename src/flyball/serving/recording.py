"""What the journal keeps of a group's rows, whether they were answered or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flyball.serving.group import Failure, Group
from flyball.serving.outcome import Outcome
from flyball.serving.record import Answered
from flyball.serving.vector import Vector, kept

_PARTS, _ID_LETTERS = 4, 32


def answered(group: Group, vector: Vector, *, outcome: Outcome, seconds: list[float]) -> Answered:
    """The record of rows that the group's version answered, so many seconds after they arrived."""
    return _record(group, vector, scores=list(outcome.scores), seconds=seconds, **_beside(group, outcome))


def failed(failure: Failure, *, by: int, seconds: list[float]) -> Answered:
    """The record of rows that a version failed; version `by` stood in, or nobody where it is 0."""
    nothing = [None] * len(failure.group.ids)
    return _record(failure.group, failure.vector, scores=nothing, seconds=seconds, error=failure.reason, answered_by=by)


def _record(group: Group, vector: Vector | None, **outcome: Any) -> Answered:
    version, rows = group.version, group.rows
    outcome.setdefault("task", version.plan.task)
    if vector is not None and version.features is not None:
        outcome |= {"features": kept(vector), "feature_types": version.type_names, "value_times": dict(vector.value_times)}
    else:
        outcome["features"], outcome["value_times"] = {}, {}
    if version.features is None or not group.vector:
        outcome["request"], outcome["request_types"] = dict(rows.columns), rows.form.type_names
    else:  # the request is the vector, which stands in the record already
        outcome["request"] = {}
    if any(asked.asker is not None for asked, _ in group.owners):
        outcome |= _askers(group)
    return Answered(
        endpoint=group.endpoint.name, model=group.endpoint.plan.model, version=version.number, route=group.route, time=group.time,
        features_digest=version.plan.features or "", ids=group.ids, keys=group.keys, **outcome,
    )  # fmt: skip


def _askers(group: Group) -> Mapping[str, Any]:
    """Who asked for each row, and in which trace; nothing where nobody said."""
    callers, traces = list[str | None](), list[str | None]()
    for asked, own in group.owners:
        caller, trace = ("", "") if asked.asker is None else (asked.asker.principal, asked.asker.trace)
        callers += [caller or None] * len(own)
        traces += [_trace_id(trace) if trace else None] * len(own)
    found = {"callers": callers, "traces": traces}
    return {name: values for name, values in found.items() if any(values)}


def _trace_id(parent: str) -> str | None:
    """The trace's id in a traceparent (W3C Trace Context), or None where it is none."""
    parts = parent.split("-")
    return parts[1] if len(parts) >= _PARTS and len(parts[1]) == _ID_LETTERS and parts[1].isalnum() else None


def _beside(group: Group, outcome: Outcome) -> Mapping[str, Any]:
    """What a model without a project said beside its scores."""
    if group.version.description is None:
        return {}
    return {"task": outcome.task, "answers": dict(outcome.answers), "answer_types": list(outcome.types)}
