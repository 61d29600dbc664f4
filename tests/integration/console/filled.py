"""A home with runs and models to look at: some with a story, some with names meant to harm, and as many as a sweep makes."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from flyball.app.keeping import Keeping, open_keeping
from flyball.app.location import DATABASE
from flyball.app.places import Places
from flyball.app.stores import Stores
from flyball.core.clock import WallClock
from flyball.core.ids import RandomIds
from flyball.governance import Caller, Role
from flyball.registry.registered import VersionRequest
from flyball.tracking.artifact import Root, RootKind
from flyball.tracking.model import RunStatus
from flyball.tracking.trackedrun import DatasetInput, Metric

HARM = '<img src=x onerror="window.harmed=1"><script>window.harmed=1</script>'
MANY = 100_000
OWNER = Caller(Role.OWNER, "owner", principal="owner")
START_MS = 1_763_000_000_000
STEPS = 120


@dataclass
class Filled:
    """What stands in the home, by id."""

    home: Path
    experiment: str = ""
    many: str = ""
    harmful: str = ""
    runs: dict[str, str] = field(default_factory=dict)


def fill(home: Path, *, many: int = MANY) -> Filled:
    """A home that nobody runs yet, with all of it."""
    found = Filled(home)
    stores = Stores.at_home(home, clock=WallClock(), ids=RandomIds())
    try:
        kept = open_keeping(stores, Places.of(home, {}).open_blobs(home))
        found.experiment = kept.tracking.experiments.create("late-arrival", tags={"team": "ads"}).id
        found.many = kept.tracking.experiments.create("sweep").id
        found.harmful = kept.tracking.experiments.create(HARM).id
        for place, name in enumerate(("calm-heron", "brisk-otter", "stout-finch")):
            found.runs[name] = _tell(kept, found.experiment, name=name, place=place)
        found.runs["deleted"] = _deleted(kept, found.experiment)
        found.runs["live"] = kept.tracking.runs.create(found.experiment, name="live-lynx", user="ada", start_ms=START_MS - 100_000).head.id
        found.runs["harmful"] = _harmful(kept, found.harmful)
        _register(kept, found)
    finally:
        stores.close()
    _fill_many(home / DATABASE, int(found.many), many=many)
    return found


def _tell(kept: Keeping, experiment: str, *, name: str, place: int) -> str:
    runs = kept.tracking.runs
    run = runs.create(experiment, name=name, user="ada", start_ms=START_MS + place * 60_000, tags={"team": "ads"}).head.id
    params = {"model": ("gbdt", "linear", "gbdt")[place], "lr": ("0.1", "0.01", "0.05")[place], "seed": "7", "depth": str(4 + place)}
    runs.log_batch(run, params=params)
    for metric, start in (("auc", 0.7), ("loss", 0.9)):
        sign = 1 if metric == "auc" else -1
        points = [_point(metric, start + sign * 0.2 * (1 - math.exp(-step / (20 + 15 * place))), step=step) for step in range(STEPS)]
        runs.log_batch(run, metrics=points)
    runs.log_batch(run, metrics=[_point("rows", 1894.0 + place), _point("odd", math.nan)])
    runs.log_inputs(run, datasets=[_flights()])
    root = Root(RootKind.RUN, experiment, run)
    files = {
        "model/MLmodel": b"flavors: {}\n",
        "model/data/model.txt": b"tree\n" * 1000,
        "notes.html": HARM.encode(),
        "a & 1.txt": b"odd",
    }
    for path, content in files.items():
        kept.artifacts.put(root, path, chunks=[content], principal=OWNER)
    runs.update(run, status=RunStatus.FINISHED, end_ms=START_MS + place * 60_000 + 95_000)
    return run


def _flights() -> DatasetInput:
    context = {"mlflow.data.context": "training"}
    return DatasetInput(name="flights", digest="abc123", source_type="local", source="flights.parquet", tags=context)


def _point(key: str, value: float, *, step: int = 0) -> Metric:
    return Metric(key=key, value=value, time_ms=START_MS + step * 1000, step=step)


def _deleted(kept: Keeping, experiment: str) -> str:
    run = kept.tracking.runs.create(experiment, name="gone-goose", user="ada", start_ms=START_MS).head.id
    kept.tracking.runs.delete(run)
    return run


def _harmful(kept: Keeping, experiment: str) -> str:
    run = kept.tracking.runs.create(experiment, name=HARM[:200], user=HARM, start_ms=START_MS).head.id
    kept.tracking.runs.log_batch(
        run, params={"note": HARM, "lr": "{{ 7 * 7 }}"}, tags={"mlflow.note.content": HARM, "said": HARM},
        metrics=[_point("a/b c.d-e", step / 10, step=step) for step in range(1, 9)],
    )  # fmt: skip
    return run


def _register(kept: Keeping, found: Filled) -> None:
    kept.registry.create("late-arrival", description="Will it be late?", tags={"team": "ads", "note": HARM})
    for place, name in enumerate(("calm-heron", "brisk-otter")):
        run = found.runs[name]
        request = VersionRequest(
            source=f"mlflow-artifacts:/{found.experiment}/{run}/artifacts/model", run=run, description=f"<b>From {name}</b>",
            tags={"checked": "yes"},
        )  # fmt: skip
        kept.registry.create_version("late-arrival", request, principal=OWNER)
        kept.registry.transition_stage("late-arrival", place + 1, stage="Staging", archive_existing=False)
    kept.registry.set_alias("late-arrival", "fresh", number=2)
    kept.registry.create("another <i>model", description=HARM)


def _fill_many(database: Path, experiment: int, *, many: int) -> None:
    """As many runs as told, in bulk: by the service it would take minutes."""
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA synchronous=OFF")
    connection.executemany("INSERT OR IGNORE INTO names (kind, name) VALUES (?, ?)", [("metric", "auc"), ("param", "trial")])
    keys = dict(connection.execute("SELECT kind, id FROM names WHERE name IN ('auc', 'trial')"))
    first = connection.execute("SELECT max(number) + 1 FROM tracked_runs").fetchone()[0]
    columns = 'number, id, experiment, name, "user", status, lifecycle, start_ms, end_ms, artifact_uri, points'
    connection.executemany(
        f"INSERT INTO tracked_runs ({columns}) VALUES (?,?,?,?,'bo','finished','active',?,?,'mlflow-artifacts:/x',0)",  # noqa: S608  our own words
        ((first + n, f"{n:032x}", experiment, f"trial-{n:06d}", START_MS + n * 1000, START_MS + n * 1000 + 61_000) for n in range(many)),
    )
    connection.executemany(
        "INSERT INTO run_params (run, key, experiment, value, head) VALUES (?,?,?,?,?)",
        ((first + n, keys["param"], experiment, str(n), str(n)) for n in range(many)),
    )
    connection.executemany(
        "INSERT INTO latest_metrics (run, key, experiment, is_nan, value, step, time_ms) VALUES (?,?,?,0,?,0,?)",
        _aucs(first, keys["metric"], experiment=experiment, many=many),
    )
    connection.commit()
    connection.close()


def _aucs(first: int, key: int, *, experiment: int, many: int) -> Iterator[tuple[int, int, int, float, int]]:
    """Every value once, in an order that is not that of the runs."""
    return ((first + n, key, experiment, n * 7919 % many / many, START_MS) for n in range(many))
