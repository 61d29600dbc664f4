"""Where one prediction came from: what was asked, what was looked up and how old it was, which version answered, and why that one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from flyball.app.home import Home
from flyball.app.predictionlog import open_log
from flyball.app.stores import Stores
from flyball.app.telling import Json, event_told, moment, rollout_told, version_told
from flyball.core.clock import utc
from flyball.core.duration import EPOCH
from flyball.core.errors import NotFoundError
from flyball.core.events import Event
from flyball.core.ids import RunId
from flyball.data.store import VersionStore
from flyball.loop.trace import causes
from flyball.registry import ModelVersion
from flyball.releases import rollout_subject
from flyball.releases.rollout import Rollout
from flyball.serving.log import PredictionLog
from flyball.storage.events import EventQuery

INTO_TRAFFIC = frozenset({"rollout.stage-entered", "rollout.finished", "rollout.rolled-back"})


class PredictionNotFoundError(NotFoundError):
    """No answered row has this id."""

    code = "prediction-not-found"

    def __init__(self, prediction: str) -> None:
        super().__init__(
            f"There is no prediction {prediction[:80]!r} in this home. "
            "Its id stands in the model server's answer, as 'id' of each prediction."
        )


def open_predictions(home: Home) -> PredictionLog:
    """The prediction log of a home that nobody runs; for its owner, since a log has one reader that ships."""
    return open_log(home.path, home.tables, stores=home.stores)


class Predictions(Protocol):
    """The prediction log, as far as a trace asks it."""

    def drain(self) -> int: ...

    def find(self, prediction_id: str) -> Mapping[str, Any] | None: ...


@dataclass(frozen=True)
class Tracer:
    """Reads one home. Thread-safe as its stores are."""

    stores: Stores
    predictions: Predictions

    def trace(self, prediction: str) -> Json:
        """The whole of it, as the reference of the HTTP interface says.

        Raises:
            PredictionNotFoundError: no answered row has that id.
        """
        self.predictions.drain()
        found = self.predictions.find(prediction)
        if found is None:
            raise PredictionNotFoundError(prediction)
        model, number, time = str(found["model"]), int(found["answered_by"] or found["version"]), _time(found["time"])
        version = self.stores.registry.find(model, number)
        placed = self._placed(model, number, before=time)
        return {
            "prediction": {**_prediction(found, time), "version": number},
            "request": dict(found["request"]),
            "features": features_told(found["features"], found["value_times"], at=time),
            "version": None if version is None else self._version(version),
            "training": None if version is None else self._training(version),
            "rollout": self._rollout(str(found["endpoint"]), number),
            "causes": [] if placed is None else [event_told(event) for event in causes(self.stores.journal.log, placed.id)],
        }

    def _version(self, version: ModelVersion) -> Json:
        evidence = self.stores.registry.find_evidence(version.model, version.number)
        asked = self.stores.journal.log.list(EventQuery(type="gates.evaluated", subject=f"model/{version.model}/version/{version.number}"))
        return version_told(version, evidence=evidence, gates=asked[-1].data["gates"] if asked else [], role=None)

    def _training(self, version: ModelVersion) -> Json:
        run = self.stores.runs.find(RunId(version.run))
        facts = {} if run is None else {"reason": run.parameters.get("reason"), "started": moment(run.started), "ended": moment(run.ended)}
        trained = {} if run is None else run.summary.get("training") or {}
        return {
            "run": version.run,
            **facts,
            "rows": trained.get("rows"),
            "data": [_data_told(self.stores.datasets, name, number=number) for name, number in version.data_versions.items()],
        }

    def _placed(self, model: str, number: int, *, before: datetime) -> Event | None:
        """The event that had put the version where it was when it answered; the latest one until then."""
        events = self.stores.journal.log.list(EventQuery(type_prefix="rollout.", subject_prefix=f"model/{model}/rollout/"))
        subject = rollout_subject(model, number)
        # A champion that was restored by another's roll-back stands in that one's event.
        mine = [event for event in events if event.type in INTO_TRAFFIC and (event.subject == subject or _restores(event, number))]
        until = [event for event in mine if event.time <= before]
        return until[-1] if until else next(iter(mine), None)

    def _rollout(self, endpoint: str, number: int) -> Json | None:
        found: Sequence[Rollout] = [
            rollout
            for place in self.stores.releases.list_deployments()
            if place.endpoint == endpoint
            for rollout in self.stores.releases.list_rollouts(place.environment, endpoint)
            if rollout.version == number
        ]
        return rollout_told(found[-1]) if found else None


def features_told(values: Mapping[str, Any], times: Mapping[str, Any], *, at: datetime) -> list[Json]:
    """Each feature with its value, of when that is, and how old it was at the prediction; both None where nothing was looked up."""
    told = []
    for name, value in values.items():
        label = max((label for label in times if name.startswith(f"{label}.")), key=len, default=None)
        stamp = None if label is None else times[label]
        of = None if stamp is None else _time(stamp)
        told.append({
            "name": name,
            "value": value,
            "value_time": moment(of),
            "age_seconds": None if of is None else (at - of).total_seconds(),
            "looked_up": label is not None,
        })  # fmt: skip
    return told


def _prediction(found: Mapping[str, Any], time: datetime) -> Json:
    names = ("id", "endpoint", "model", "key", "route", "score", "prediction", "seconds", "error", "trace", "caller")
    routed = {"routed_to": found["version"], "failures": list(found.get("failures", ()))}
    return {**{name: found.get(name) for name in names}, "time": moment(time), **routed}


def _restores(event: Event, number: int) -> bool:
    return event.type == "rollout.rolled-back" and event.data.get("champion") == number and event.data.get("version") != number


def _data_told(datasets: VersionStore, name: str, *, number: int) -> Json:
    found = next((version for version in datasets.list(name) if version.number == number), None)
    facts = {} if found is None else {"rows": found.rows, "ingested_at": moment(found.ingested_at), "event": found.event}
    return {"dataset": name, "version": number, **facts}


def _time(value: Any) -> datetime:
    return utc(value) if isinstance(value, datetime) else EPOCH + timedelta(microseconds=int(value))
