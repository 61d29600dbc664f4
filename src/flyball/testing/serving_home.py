"""A home that a model server can serve without a control plane: a project, its online features, versions, and a plan."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, TIME
from flyball.features import FeatureSet
from flyball.features._sqlite import SqliteOnlineStore
from flyball.features.materialise import Materialiser
from flyball.loop.projectfile import load_project
from flyball.provenance.snapshot import pack
from flyball.runtimes import Encoder, ModelManifest, Predictor, save_archive
from flyball.runtimes.linear import LinearPredictor, Term
from flyball.serving.loading import forget_modules
from flyball.serving.plan import EndpointPlan, ServingPlan, VersionPlan
from flyball.storage._localblobs import LocalBlobs

PROJECT = '''"""Will this trip arrive late?"""

import polars as pl

import flyball as fb

trips = fb.Dataset("trips", fb.files("data/trips"), key="trip_id", event_time="leaves_at", known_before="24h")
arrivals = fb.Dataset("arrivals", fb.files("data/arrivals"), key="trip_id", event_time="arrived_at", known_after="10m")
weather = fb.Dataset("weather", fb.files("data/weather"), key=["station", "observed_at"], event_time="observed_at")


@fb.view(weather, entity="station", ttl="6h")
def sky(rows):
    return rows.select("temperature", "wind")


punctuality = fb.window_view(
    arrivals.join(trips, on="trip_id"), entity="line", over="7d", every="1h", late=fb.mean(pl.col("delay") > 15), landed=fb.count()
)


@fb.on_demand
def calendar(leaves_at, distance):
    return {"hour": leaves_at.dt.hour(), "far": distance > FAR}


FAR = 500.0
late = fb.Model(
    "late",
    rows=trips, lead="1h",
    label=fb.label(arrivals, pl.col("delay") > 15),
    features=[trips["line", "station", "distance"], sky, punctuality, calendar],
    train=fb.search(trials=1),
    history="30d",
)
project = fb.Project("trips", models=[late])
'''
MODEL = "late"


def trip(number: int, **changes: Any) -> dict[str, Any]:
    """A row that a request for `MODEL` may hold."""
    row = {
        "trip_id": f"t{number}", "line": f"L{number % 5}", "station": f"S{number % 3}", "distance": float(number % 900),
        "leaves_at": f"2026-03-{number % 28 + 1:02}T{number % 24:02}:00:00Z",
    }  # fmt: skip
    return {**row, **changes}


def history(rows: Mapping[str, Sequence[Any]], *, event: str, known_after: timedelta = timedelta(0)) -> pl.DataFrame:
    """Rows as the history of a dataset: known `known_after` their event time, never corrected."""
    frame = pl.DataFrame(rows).with_columns(pl.col(event).cast(TIME))
    return frame.with_columns(
        pl.col(event).alias(EVENT_TIME),
        (pl.col(event) + known_after).alias(KNOWN_TIME),
        pl.lit(None, dtype=TIME).alias(KNOWN_UNTIL),
        pl.int_range(pl.len(), dtype=pl.Int64).alias(ARRIVAL),
    )


def trip_histories(now: datetime) -> dict[str, pl.DataFrame]:
    """Histories of the three datasets of `PROJECT`, up to `now`."""
    count = 400
    leaves = [now - timedelta(hours=number / 2) for number in range(count)]
    ids, lines = [f"h{number}" for number in range(count)], [f"L{number % 5}" for number in range(count)]
    trips: dict[str, list[Any]] = {
        "trip_id": ids, "line": lines, "station": [f"S{number % 3}" for number in range(count)],
        "distance": [float(number) for number in range(count)], "leaves_at": leaves,
    }  # fmt: skip
    arrived = [moment + timedelta(minutes=5) for moment in leaves]
    arrivals: dict[str, list[Any]] = {"trip_id": ids, "arrived_at": arrived, "delay": [float(number % 40) for number in range(count)]}
    seen = [now - timedelta(minutes=30 * number) for number in range(48) for _ in range(3)]
    weather: dict[str, list[Any]] = {
        "station": [f"S{number % 3}" for number in range(len(seen))], "observed_at": seen,
        "temperature": [10.0 + number for number in range(len(seen))], "wind": [float(number % 7) for number in range(len(seen))],
    }  # fmt: skip
    return {
        "trips": history(trips, event="leaves_at", known_after=-timedelta(hours=24)),
        "arrivals": history(arrivals, event="arrived_at", known_after=timedelta(minutes=10)),
        "weather": history(weather, event="observed_at"),
    }


@dataclass
class ServingHome:
    """The home at `path` of a model in a project file, with published features and any number of versions."""

    path: Path
    project: Path
    model: str
    histories: Mapping[str, pl.DataFrame]
    versions: dict[int, VersionPlan] = field(default_factory=dict)
    revision: int = 0

    @classmethod
    def trips(cls, place: Path, *, now: datetime | None = None) -> ServingHome:
        """The home of `PROJECT` below `place`, features published as of `now`."""
        project = place / "project" / "trips.py"
        project.parent.mkdir(parents=True)
        project.write_text(PROJECT)
        moment = now or datetime.now(UTC)  # noqa: TID251 - a server without a clock of its own lives now
        home = cls(place / "home", project, MODEL, trip_histories(moment))
        home.publish(moment)
        return home

    @property
    def blobs(self) -> LocalBlobs:
        return LocalBlobs(self.path / "blobs")

    def features(self) -> FeatureSet:
        """The model's features, compiled as the server must compile them."""
        declared = load_project(self.project).get(self.model)
        schemas = {name: frame.schema for name, frame in self.histories.items()}
        found = FeatureSet.compile(declared.features, declared.rows, schemas=schemas)
        _ = found.fingerprint  # before its modules are forgotten
        forget_modules(self.project.parent)
        return found

    def publish(self, now: datetime) -> None:
        """Online features as of `now`."""
        self.path.mkdir(parents=True, exist_ok=True)
        Materialiser(self.features(), SqliteOnlineStore.write(self.path / "online.db")).open(self.histories, now)

    def add(self, number: int, model: Predictor) -> VersionPlan:
        """`model` as the version of that number, with the project as it is now."""
        with tempfile.TemporaryDirectory() as aside:
            archive = Path(aside) / "model.bin"
            save_archive(model, archive)
            digest = self.blobs.put_file(archive)
        features = self.features()
        schemas = {
            name: {column: str(dtype) for column, dtype in frame.schema.items() if not column.startswith("__")}
            for name, frame in self.histories.items()
        }
        self.versions[number] = VersionPlan(
            number=number, model_digest=digest, code=self.blobs.put(pack(self.project.parent)), project_file=self.project.name,
            features=features.fingerprint, schemas=schemas, task=model.manifest.task,
        )  # fmt: skip
        return self.versions[number]

    def add_linear(self, number: int, *, intercept: float = 0.0) -> VersionPlan:
        """A linear version whose scores all lie around sigmoid(`intercept`), so that one sees who answered."""
        features = self.features()
        frame = pl.DataFrame(schema=dict(features.dtypes))
        known = {
            name: pl.Series(name, [f"{name.split('.')[1][0].upper()}{n}" for n in range(5)]) for name in ("trips.line", "trips.station")
        }
        columns = {name: known.get(name, pl.Series(name, [None] * 5, dtype=frame.schema[name])) for name in frame.columns}
        encoder = Encoder.fit(pl.DataFrame(columns))
        terms = [Term(tuple(0.01 * place for place in range(len(column.levels) + 1)) or (1e-4,)) for column in encoder.columns]
        terms = [term if column.kind == "category" else Term((1e-4,)) for column, term in zip(encoder.columns, terms, strict=True)]
        return self.add(number, LinearPredictor(self.manifest("linear"), encoder, intercept, tuple(terms)))

    def add_pickle(self, number: int, fitted: Any) -> VersionPlan:
        """Any fitted object as a version that carries code."""
        from flyball.runtimes._pickle import PickledPredictor

        return self.add(number, PickledPredictor(self.manifest("pickle"), fitted))

    def manifest(self, kind: Literal["linear", "pickle", "lightgbm"]) -> ModelManifest:
        """The manifest of a model of the home's features."""
        dtypes = self.features().dtypes
        return ModelManifest(
            format=kind, features=tuple(dtypes), dtypes=tuple(map(str, dtypes.values())), task="binary", carries_code=kind == "pickle"
        )

    def plan(self, champion: int | None, canary: int | None = None, *, share: float = 0.0) -> ServingPlan:
        """The next plan: these versions answer."""
        self.revision += 1
        versions = tuple(self.versions[number] for number in (champion, canary) if number is not None)
        endpoint = EndpointPlan(
            endpoint=self.model, model=self.model, revision=self.revision, champion=champion, canary=canary, share=share, versions=versions
        )
        return ServingPlan(revision=self.revision, endpoints=(endpoint,))

    def keep(self, plan: ServingPlan) -> None:
        """The plan is the one that a server of this home got last."""
        place = self.path / "serving" / "plan.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(plan.encode())

    def requests(self, count: int, *, rows: int = 1) -> list[bytes]:
        """Bodies of requests, all keys different."""
        return [json.dumps({"rows": [trip(number * rows + place) for place in range(rows)]}).encode() for number in range(count)]


class Answers:
    """Something fitted that answers one score for all rows; to be pickled."""

    def __init__(self, score: float) -> None:
        self.score = score

    def predict_proba(self, frame: pl.DataFrame) -> np.ndarray:
        """The score for each row."""
        return np.full(frame.height, self.score)
