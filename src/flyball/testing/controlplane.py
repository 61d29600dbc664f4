"""A control plane without a home, for tests of doors and clients: it has one model, takes rows, and remembers what it was asked to do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from flyball.app.controlplane import Deed, EventPage, Json, Pulse
from flyball.app.querying import Catalogue
from flyball.core.errors import NotFoundError
from flyball.data.bodies import Body
from flyball.data.typedrows import raw_rows
from flyball.serving.plan import ServingPlan
from flyball.testing.dataplane import StillData
from flyball.testing.trafficplane import SERVERS, StillTraffic

MODEL: Json = {
    "name": "late",
    "endpoint": "late",
    "metric": "roc_auc",
    "loop": {"busy": False, "training": False, "release": None, "trainings": 1, "last_training": None, "cool_until": None},
    "champion": {"version": 1, "since": "2013-03-01T00:00:00+00:00", "metric_value": 0.7},
    "canary": None,
    "traffic": [],
    "open_window": None,
}


class StillInbox:
    """A `PredictionInbox` that keeps what comes."""

    def __init__(self) -> None:
        self.taken: list[Body] = []
        self.journals: dict[str, list[bytes]] = {}

    def take(self, body: Body) -> Json:
        self.taken.append(body)
        return {"accepted": 1, "duplicates": 0, "refused": [], "refused_records": 0}

    def get_position(self, server: str) -> Json:
        return {"position": len(self.journals.get(server, []))}

    def take_journal(self, server: str, content: bytes) -> Json:
        self.journals.setdefault(server, []).append(content)
        return self.get_position(server)


class StillPlane:
    """Nothing happens here but what `happen` and the callers do. `fails` is raised by `get_status`, whatever it is. Thread-safe."""

    def __init__(self, catalogue: Catalogue | None = None) -> None:
        self.catalogue = catalogue
        self.deeds: list[tuple[Any, ...]] = []
        self.events: list[Json] = []
        self.rows: dict[str, Sequence[Mapping[str, Any]]] = {}
        self.plan = ServingPlan(revision=1)
        self.data = StillData()
        self.traffic = StillTraffic()
        self.inbox = StillInbox()
        self.servers: dict[str, int] = {}
        self.fails: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    def find_catalogue(self) -> Catalogue | None:
        return self.catalogue

    def happen(self, kind: str, subject: str = "model/late") -> None:
        """One more event."""
        with self._lock:
            position = len(self.events) + 1
            self.events.append({
                "position": position, "id": f"evt-{position}", "type": kind, "subject": subject, "time": "2013-03-01T00:00:00+00:00",
                "actor": "system", "cause": None, "data": {}, "text": kind,
            })  # fmt: skip

    def pulse(self) -> Pulse:
        return Pulse(len(self.events), self.plan.revision)

    def get_status(self) -> Json:
        self.fails()
        return {"project": "still", "models": ["late"], "phase": "serving"}

    def list_models(self) -> Json:
        return {"models": [MODEL]}

    def get_model(self, name: str) -> Json:
        return self._known(name, MODEL)

    def list_windows(self, model: str) -> Json:
        return self._known(model, {"windows": []})

    def list_versions(self, model: str) -> Json:
        return self._known(model, {"versions": []})

    def list_events(self, page: EventPage) -> Json:
        mine = [event for event in self.events[page.after :] if page.model is None or event["subject"] == f"model/{page.model}"]
        shown = mine[: page.limit]
        return {"events": shown, "position": shown[-1]["position"] if len(mine) > page.limit else len(self.events)}

    def list_causes(self, event: str) -> Json:
        found = [known for known in self.events if known["id"] == event]
        return {"events": found} if found else self._missing("event", event)

    def promote(self, endpoint: str, version: int | None, *, deed: Deed) -> Json:
        return self._done("promote", endpoint, version=version, deed=deed)

    def rollback(self, endpoint: str, *, deed: Deed) -> Json:
        return self._done("rollback", endpoint, version=None, deed=deed)

    def list_datasets(self) -> Json:
        return self.data.list_datasets()

    def push_rows(self, dataset: str, rows: Body, *, key: str | None, visible: bool) -> Json:
        del visible
        found = [msgspec.json.decode(raw) for raw in raw_rows(dataset, rows)]
        with self._lock:
            name = key or str(len(self.rows))
            duplicate = name in self.rows
            self.rows.setdefault(name, found)
        self._known(dataset.replace("flights", "late"), {})
        return {"accepted": len(found), "quarantined": [], "duplicate": duplicate}

    def pull_dataset(self, dataset: str, *, deed: Deed) -> Json:
        self._known(dataset.replace("flights", "late"), {})
        self.deeds.append(("pull", dataset, deed))
        return {"dataset": f"{dataset}@1", "state": "accepted", "rows": 1, "added": 1, "quarantined": 0, "duplicates": 0, "new": True}

    def get_prediction(self, prediction: str) -> Json:
        return {"prediction": {"id": prediction}} if prediction == "prd-1" else self._missing("prediction", prediction)

    def find_parity(self) -> Json:
        return {"report": None}

    def run_parity(self, *, deed: Deed) -> Json:
        self.deeds.append(("parity", deed))
        return {"report": {"rows": 0}}

    def listen(self, told: Callable[[], None]) -> None:
        """There is never another plan."""

    def find_plan(self, revision: int, *, server: str | None, refusal: str = "") -> ServingPlan | None:
        del refusal
        if server is not None:
            self.servers[server] = revision
        return None if self.plan.revision == revision else self.plan

    def _done(self, what: str, endpoint: str, *, version: int | None, deed: Deed) -> Json:
        self._known(endpoint, {})
        self.deeds.append((what, endpoint, version, deed))
        place = {"environment": "production", "endpoint": endpoint, "model": "late", "revision": 1 + len(self.deeds)}
        rest: Json = {"canary": None, "share": 0.0, "policy": None, "shadows": [], "resident": []}
        return {"deployment": {**place, "champion": version or 2, **rest}, "event": "evt-1", "servers": SERVERS}

    def _known(self, name: str, value: Json) -> Json:
        return value if name == "late" else self._missing("model", name)

    def _missing(self, kind: str, name: str) -> Json:
        raise NotFoundError(f"There is no {kind} {name!r} here.")
