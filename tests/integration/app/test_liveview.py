"""What the control plane tells of a home, against what the services did in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

import flyball as fb
from flyball.app.controlplane import EventPage, Json
from flyball.app.liveview import LiveView, ModelNotFoundError
from flyball.app.predictiontrace import PredictionNotFoundError, Tracer
from flyball.core.clock import ManualTimer
from flyball.loop.state import LoopSpec, LoopState
from flyball.monitoring import DriftReport, Performance, Window
from flyball.monitoring.drift_report import SeriesDrift
from flyball.registry import Estimate
from flyball.storage.errors import EventNotFoundError
from flyball.testing.livehome import DAY, START, LiveHome

FLIGHTS = fb.Dataset("flights", fb.files("flights.csv"), key="id", event_time="departs_at")
LATE = fb.Model(
    "late",
    rows=FLIGHTS,
    label=fb.label(FLIGHTS, pl.col("late"), timeout="1d"),
    features=[FLIGHTS["carrier"]],
    train=fb.search(metric="roc_auc", trials=1, seed=0),
    history="30d",
    window="7d",
)


TIMER = ManualTimer()


@dataclass
class Still:
    """Surroundings in which nothing runs."""

    home: LiveHome
    state: LoopState | None = None

    def get_clock(self) -> Json:
        return {"now": self.home.clock.now().isoformat(), "speed": None, "paused": False}

    def list_processes(self) -> list[Json]:
        return []

    def get_phase(self) -> str:
        return "serving"

    def find_state(self, model: str) -> LoopState | None:
        return self.state if model == "late" else None

    def count_resolved(self, model: str, *, start: datetime, end: datetime) -> tuple[int, int]:
        return (3, 1) if model == "late" and start < end else (0, 0)

    def plan_revision(self) -> int:
        return sum(found.revision for found in self.home.stores.releases.list_deployments())


@pytest.fixture
def still(home: LiveHome) -> Still:
    return Still(home)


@pytest.fixture
def view(home: LiveHome, still: Still) -> LiveView:
    return LiveView(fb.Project("flights", models=[LATE]), home.stores, home.log, still, timer=TIMER)


def test_an_empty_home_has_a_model_that_waits(view: LiveView) -> None:
    status = view.get_status()
    assert (status["project"], status["models"], status["phase"]) == ("flights", ["late"], "serving")
    assert status["disk"]["home_bytes"] > 0
    (model,) = view.list_models()["models"]
    assert (model["champion"], model["canary"], model["traffic"], model["open_window"]) == (None, None, [], None)
    assert model["loop"]["busy"] is False
    assert model["metric"] == "roc_auc"
    assert view.list_windows("late") == {"windows": []}
    assert view.list_versions("late") == {"versions": []}
    assert view.list_datasets() == {"datasets": []}
    for ask in (view.get_model, view.list_windows, view.list_versions):
        with pytest.raises(ModelNotFoundError, match="models: late"):
            ask("lat")


def test_champion_canary_and_traffic(view: LiveView, home: LiveHome, still: Still) -> None:
    home.released("a")
    home.clock.advance_to(START + DAY)
    home.released("b")
    home.answered("p1", "p2", "p3", version=1)
    home.answered("p4", version=2, route="canary")
    home.answered("p5", "p6", "p7", "p8", version=2, route="batch")  # scored, which is nobody's traffic
    home.clock.advance_to(START + 9 * DAY / 8)
    still.state = LoopState(LoopSpec("late", START, timedelta(days=7), timedelta(days=14)), last_training=START, trainings=2)
    model = view.get_model("late")
    assert model["champion"] == {"version": 1, "since": START.isoformat(), "metric_value": 0.7}
    canary = model["canary"]
    assert (canary["version"], canary["share"], canary["stage"], canary["stages"]) == (2, 0.05, 0, [0.05, 0.25, 1.0])
    assert canary["judge_at"] == (START + 2 * DAY).isoformat()
    first, second = model["traffic"]
    assert (first["version"], first["route"], first["rows"], first["share"], first["errors"]) == (1, "champion", 3, 0.75, 0)
    assert first["latency_ms"]["p50"] == pytest.approx(2)
    assert (second["version"], second["route"], second["share"]) == (2, "canary", 0.25)
    assert model["loop"] == {
        "busy": False, "training": False, "release": None, "trainings": 2, "last_training": START.isoformat(),
        "cool_until": (START + 14 * DAY).isoformat(),
    }  # fmt: skip
    assert model["open_window"] is None  # the first whole window has not begun
    home.clock.advance_to(START + 10 * DAY)
    assert view.get_model("late")["open_window"] is None  # counted over rows once a second, in real time
    TIMER.sleep(1)
    window = view.get_model("late")["open_window"]
    assert (window["rows"], window["resolved"]) == (3, 1)
    assert window["start"] <= home.clock.now().isoformat() < window["end"]


def test_windows_with_what_their_champion_promised(view: LiveView, home: LiveHome) -> None:
    home.released("a")
    series = (SeriesDrift("sky.temp", 0.1, 0.1, 0.5), SeriesDrift("carrier", 0.9, 0.1, 0.5, alarmed=True), SeriesDrift("x", None, None))
    drift = DriftReport(10, series, 3.0, 2.5, alarmed=True, provisional=False, why="so")
    closed = home.windows.close(Window("late", START, START + 7 * DAY).closed(10, 4, drift=drift, quality=None))
    measured = Performance("roc_auc", 10, Estimate(0.6, 0.5, 0.7, 10))
    home.windows.mature(closed.matured(10, {"roc_auc": measured, "brier": Performance("brier", 10, None, "one class")}))
    home.windows.close(Window("late", START + 7 * DAY, START + 14 * DAY).closed(0, 0, drift=None, quality=None))
    first, second = view.list_windows("late")["windows"]
    assert first["metrics"] == {"roc_auc": {"value": 0.6, "low": 0.5, "high": 0.7}, "brier": None}
    assert (first["matured"], first["expected"], first["champion"], first["resolved"]) == (True, 0.7, 1, 10)
    assert first["threshold"] == pytest.approx(0.68)
    assert (first["drift"]["score"], first["drift"]["threshold"], first["drift"]["alarmed"]) == (3.0, 2.5, True)
    assert first["drift"]["worst"] == {"name": "carrier", "psi": 0.9}
    assert (second["matured"], second["drift"], second["rows"]) == (False, None, 0)


def test_versions_with_evidence_gates_and_role(view: LiveView, home: LiveHome) -> None:
    home.released("a")
    home.released("b", None)
    home.released("c")
    versions = view.list_versions("late")["versions"]
    assert [(found["version"], found["state"], found["role"]) for found in versions] == [
        (1, "retired", None), (2, "validated", "champion"), (3, "validated", "canary"),
    ]  # fmt: skip
    assert versions[0]["metric_value"] == 0.7
    assert [gate["passed"] for gate in versions[0]["gates"]] == [True]
    assert versions[2]["rollout"]["share"] == 0.05
    json.dumps(versions)


def test_events_page_by_page(view: LiveView, home: LiveHome) -> None:
    home.stores.journal.recorder.record("features.compiled", "model/later")
    home.released("a")
    everything = view.list_events(EventPage(limit=1000))
    assert [event["position"] for event in everything["events"]] == sorted(event["position"] for event in everything["events"])
    assert everything["position"] == everything["events"][-1]["position"] == view.pulse().position
    assert everything["events"][-1]["text"] == "version 1 is champion"
    paged: list[Any] = []
    position = 0
    while (page := view.list_events(EventPage(position, 2, "late")))["events"]:
        paged += page["events"]
        position = page["position"]
    assert paged == [event for event in everything["events"] if event["subject"].split("/")[:2] == ["model", "late"]]
    assert position == everything["position"]
    before = view.pulse()
    home.stores.journal.recorder.record("features.compiled", "model/later")
    assert view.pulse().position == before.position + 1
    assert view.list_events(EventPage(position, 2, "late")) == {"events": [], "position": position + 1}
    assert before.plan == 1


def test_causes_down_to_the_root(view: LiveView, home: LiveHome) -> None:
    home.released("a")
    last = view.list_events(EventPage(limit=1000))["events"][-1]
    chain = view.list_causes(last["id"])["events"]
    assert [event["type"] for event in chain] == [
        "rollout.finished", "version.validated", "gates.evaluated", "evidence.attached", "training.finished", "training.started",
    ]  # fmt: skip
    with pytest.raises(EventNotFoundError):
        view.list_causes("evt-none")


def test_a_prediction_is_traced_to_its_root(view: LiveView, home: LiveHome) -> None:
    home.released("a")
    home.clock.advance_to(START + DAY)
    home.answered("p1", version=1)
    home.clock.advance_to(START + 2 * DAY)
    home.released("b", None)
    found = view.get_prediction("p1")
    prediction = found["prediction"]
    assert (prediction["id"], prediction["endpoint"], prediction["version"], prediction["route"]) == ("p1", "late", 1, "champion")
    assert (prediction["score"], prediction["time"]) == (0.25, (START + DAY).isoformat())
    assert found["request"] == {"carrier": "UA"}
    assert found["features"] == [
        {"name": "flights.carrier", "value": "UA", "value_time": None, "age_seconds": None, "looked_up": False},
        {
            "name": "sky.temp", "value": 1.5, "value_time": (START + DAY - timedelta(minutes=30)).isoformat(), "age_seconds": 1800.0,
            "looked_up": True,
        },
    ]  # fmt: skip
    assert found["version"]["data_versions"] == {"flights": 3}
    assert found["version"]["code_version"] == "git:abc"
    assert found["version"]["gates"][0]["name"] == "at_least('roc_auc', 0.6)"
    assert (found["training"]["reason"], found["training"]["rows"]) == ("drift", 4321)
    assert found["rollout"]["state"] == "full"
    assert found["causes"][0]["type"] == "rollout.finished"
    assert found["causes"][0]["data"]["version"] == 1
    assert found["causes"][-1]["cause"] is None
    json.dumps(found)


def test_a_restored_champion_s_prediction_names_the_roll_back(home: LiveHome) -> None:
    home.released("a")
    home.clock.advance_to(START + DAY)
    home.released("b", None)
    home.clock.advance_to(START + 2 * DAY)
    home.releases.roll_back(2, why="worse")
    home.answered("p1", version=1)
    found = Tracer(home.stores, home.log).trace("p1")
    assert found["causes"][0]["type"] == "rollout.rolled-back"


def test_an_unknown_prediction_is_said_to_be_none(view: LiveView, home: LiveHome) -> None:
    home.answered("p1", version=1)
    with pytest.raises(PredictionNotFoundError, match="'p2'"):
        view.get_prediction("p2")
    assert view.get_prediction("p1")["version"] is None  # of a registry that does not know it, the rest is told all the same
