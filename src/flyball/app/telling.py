"""What the doors are told of events, windows and versions: plain values, the same whoever asks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flyball.core.events import Event
from flyball.loop.trace import describe
from flyball.monitoring import DriftReport, Window
from flyball.registry import Evidence, ModelVersion
from flyball.releases.rollout import Rollout

Json = dict[str, Any]


def moment(time: datetime | None) -> str | None:
    """The time as ISO 8601 in UTC."""
    return None if time is None else time.isoformat()


def event_told(event: Event, position: int | None = None) -> Json:
    """The event with its sentence; `position` is its place in the log, where that is known."""
    return {
        **({} if position is None else {"position": position}),
        "id": event.id,
        "type": event.type,
        "subject": event.subject,
        "time": moment(event.time),
        "actor": event.actor,
        "cause": event.cause,
        "data": dict(event.data),
        "text": describe(event),
    }


def window_told(window: Window, *, expected: float | None) -> Json:
    """The window; `expected` is what the version that was champion then had promised."""
    estimates = {name: found.estimate for name, found in window.metrics.items()}
    return {
        "start": moment(window.start),
        "end": moment(window.end),
        "state": window.state.value,
        "rows": window.rows,
        "resolved": window.resolved,
        "drift": None if window.drift is None else _drift_told(window.drift),
        "quality": list(window.quality.findings) if window.quality else [],
        "metrics": {name: found and {"value": found.value, "low": found.low, "high": found.high} for name, found in estimates.items()},
        "expected": expected,
        "matured": window.state.value == "mature",
    }


def _drift_told(drift: DriftReport) -> Json:
    known = [series for series in drift.series if series.psi is not None]
    worst = max(known, key=lambda series: series.psi or 0.0, default=None)
    return {
        "score": drift.statistic,
        "threshold": drift.limit,
        "alarmed": drift.alarmed,
        "provisional": drift.provisional,
        "worst": None if worst is None else {"name": worst.name, "psi": worst.psi},
        "series": [{"name": found.name, "psi": found.psi, "alarmed": found.alarmed} for found in known],
        "why": drift.why,
    }


def version_told(version: ModelVersion, *, evidence: Evidence | None, gates: Sequence[Json], role: str | None) -> Json:
    """The version with all that makes it reproducible, and what is known of it."""
    overall = None if evidence is None else evidence.overall
    return {
        "model": version.model,
        "version": version.number,
        "state": version.state.value,
        "role": role,
        "created": moment(version.created),
        "run": version.run,
        "digest": version.digest,
        "data_versions": dict(version.data_versions),
        "training_digest": version.training_digest,
        "features": version.feature_fingerprint,
        "code_version": version.code_version,
        "environment": version.environment,
        "metric": None if evidence is None else evidence.metric,
        "metric_value": None if overall is None else overall.value,
        "metric_interval": None if overall is None else {"value": overall.value, "low": overall.low, "high": overall.high},
        "evidence": None if evidence is None else _evidence_told(evidence),
        "gates": list(gates),
    }


def _evidence_told(evidence: Evidence) -> Json:
    compared = evidence.comparison
    return {
        "start": moment(evidence.start),
        "end": moment(evidence.end),
        "rows": evidence.rows,
        "metrics": {name: found.to_json() for name, found in evidence.metrics.items()},
        "champion": evidence.champion,
        "comparison": None if compared is None else compared.to_json(),
        "notes": list(evidence.notes),
    }


def rollout_told(rollout: Rollout) -> Json:
    """Where the rollout stands, and what comes next."""
    canary = not rollout.over
    return {
        "version": rollout.version,
        "champion": rollout.champion,
        "state": rollout.state.value,
        "stage": rollout.stage,
        "stages": list(rollout.spec.shares),
        "share": rollout.share,
        "entered": moment(rollout.entered),
        "judge_at": moment(rollout.judge_at) if canary else None,
    }
