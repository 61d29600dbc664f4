"""The flat rows of `ls`: of each kind of thing what one wants to see first; the first column is the name that `show` takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from flyball.core.duration import EPOCH
from flyball.core.events import Event
from flyball.data import DatasetVersion
from flyball.loop.trace import describe
from flyball.monitoring import DriftReport, Window
from flyball.registry import Evidence, ModelVersion
from flyball.releases import Deployment
from flyball.releases.rollout import Rollout
from flyball.serving.policies import Bandit, Policy, Segments, Weights
from flyball.tracking import Run
from flyball.tracking.trackedrun import TrackedRun

SHOWN_METRICS = 3
Row = Mapping[str, Any]


def dataset_row(version: DatasetVersion) -> Row:
    """A version of a dataset: its rows, and what was set aside."""
    return {
        "dataset": f"{version.dataset}@{version.number}",
        "state": version.state.value,
        "rows": version.rows,
        "added": version.added,
        "quarantined": version.quarantined,
        "duplicates": version.duplicates,
        "ingested": f"{version.ingested_at:%Y-%m-%d %H:%M}",
    }


def view_row(view: Row) -> Row:
    """One feature, and the rule by which its value is looked up."""
    return {"name": view["name"], "dtype": view["dtype"], "kind": view["kind"], "entity": ", ".join(view["entity"]), "rule": view["rule"]}


def run_row(run: Run) -> Row:
    """A training: why it began, on how many rows, what won, and how good it was on the hold-out."""
    evidence, model = run.summary.get("evidence") or {}, run.summary.get("model") or {}
    name = evidence.get("metric")
    return {
        "run": run.id,
        "experiment": run.experiment,
        "name": run.name,
        "started": f"{run.started:%Y-%m-%d %H:%M}",
        "because": run.parameters.get("reason"),
        "status": run.status.value,
        "rows": (run.summary.get("training") or {}).get("rows"),
        "winner": model.get("format"),
        "metrics": figure(name, run.metrics.get(name)) if name else None,
    }


def logged_run_row(run: TrackedRun, *, experiment: str) -> Row:
    """A run that a client logged, with the first of its metrics; nobody said why it began."""
    return {
        "run": run.head.id,
        "experiment": experiment,
        "name": run.head.name,
        "started": f"{EPOCH + timedelta(milliseconds=run.head.start_ms):%Y-%m-%d %H:%M}",
        "because": None,
        "status": run.head.status.value,
        "rows": None,
        "winner": None,
        "metrics": ", ".join(figure(metric.key, metric.value) or "" for metric in run.metrics[:SHOWN_METRICS]) or None,
    }


def version_row(version: ModelVersion, *, evidence: Evidence | None, gates: Row | None, role: str | None) -> Row:
    """A version of a model: what it is now, how good it was on the hold-out, and whether it passed its gates."""
    overall = evidence.metrics.get(evidence.metric) if evidence else None
    return {
        "version": f"{version.model}/{version.number}",
        "state": version.state.value,
        "role": role,
        "trained": f"{version.created:%Y-%m-%d %H:%M}",
        "hold-out": figure(evidence.metric, overall.value) if evidence and overall else None,
        "gates": _gates(gates),
    }


def _gates(gates: Row | None) -> str | None:
    if gates is None:
        return None
    failed = [gate["name"] for gate in gates["gates"] if not gate["passed"]]
    return f"failed: {', '.join(failed)}" if failed else f"all {len(gates['gates'])} passed"


def deployment_row(deployment: Deployment, rollouts: Sequence[Rollout]) -> Row:
    """Which version answers at an endpoint, and how many rollouts it took."""
    return {
        "endpoint": deployment.endpoint,
        "environment": deployment.environment,
        "model": deployment.model,
        "champion": deployment.champion,
        "canary": deployment.canary,
        "share": f"{deployment.share:.0%}" if deployment.canary is not None else None,
        "policy": _shared(deployment.policy),
        "shadows": ", ".join(map(str, deployment.shadows)) or None,
        "rollouts": len(rollouts),
    }


def _shared(policy: Policy | None) -> str | None:
    """How the champion's rows are shared, where somebody said so."""
    match policy:
        case Segments(column=column, values=values):
            return f"{column}: {', '.join(f'{value}={number}' for value, number in values.items())}"
        case Weights(shares=shares) | Bandit(shares=shares):
            return ", ".join(f"{number}={share:.1%}" for number, share in shares.items())
        case _:
            return None


def window_row(window: Window, metric: str | None) -> Row:
    """A monitoring window: its rows, how good the answers were, and how far its inputs stood from the reference."""
    performance = window.metrics.get(metric) if metric else None
    estimate = performance.estimate if performance else None
    drift = window.drift
    return {
        "window": f"{window.model}/{window.start:%Y-%m-%d}",
        "state": window.state.value,
        "rows": window.rows,
        "resolved": f"{window.resolved / window.rows:.0%}" if window.rows else None,
        "performance": figure(metric, estimate.value) if metric and estimate else None,
        "drift": _drift(drift),
        "alarm": "drift" if drift and drift.alarmed else None,
    }


def _drift(drift: DriftReport | None) -> str | None:
    if drift is None or drift.statistic is None:
        return None
    return f"{drift.statistic:.2f}" if drift.limit is None else f"{drift.statistic:.2f} of {drift.limit:.2f}"


def event_row(event: Event) -> Row:
    """One event, in a sentence."""
    return {"time": f"{event.time:%Y-%m-%d %H:%M}", "id": event.id, "type": event.type, "summary": describe(event)}


def figure(name: str, value: float | None) -> str | None:
    """A metric's name and value; None without a value. Its interval is what `show` is for."""
    return None if value is None else f"{name} {value:.4f}"
