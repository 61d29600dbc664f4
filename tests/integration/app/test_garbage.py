"""What was deleted long ago is gone with its bytes, and nothing else is."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flyball.app.blobuses import USES, find_used
from flyball.app.garbage import Garbage, Wish
from flyball.app.location import CODE_IN_USE, LOCK, PLAN
from flyball.core.clock import VirtualClock, WallClock
from flyball.core.ids import Digest, RandomIds
from flyball.core.rand import SeededRandom
from flyball.registry.service import version_subject
from flyball.serving.converting import CONVERTED
from flyball.storage._localblobs import LocalBlobs
from flyball.storage._sqlstore import SqlEventLog
from flyball.storage.database import Database
from flyball.storage.events import EventQuery
from flyball.storage.homelock import HomeLock
from flyball.storage.recorder import Recorder
from flyball.storage.schema import Json, UtcTime, metadata
from flyball.tracking._artifacts_sqlstore import SqlArtifacts
from flyball.tracking.artifact import Root, RootKind
from flyball.tracking.artifacts import Artifacts
from flyball.tracking.trackedrun import Metric
from flyball.tracking.tracking import Tracking, open_tracking
from tests.databases import Databases, opened

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = Wish(older_than=timedelta(0), grace=timedelta(0))


@dataclass(frozen=True)
class Ann:
    principal: str = "ann"
    may_run_code: bool = False


@dataclass
class World:
    place: Path
    database: Database
    blobs: LocalBlobs
    clock: VirtualClock
    tracking: Tracking
    artifacts: Artifacts
    garbage: Garbage

    def run(self, *contents: bytes, experiment: str = "0") -> Root:
        """A run with a file of each content, and of everything else something."""
        run = self.tracking.runs.create(experiment, name="a run").head
        metrics = [Metric(key="loss", value=float(step), time_ms=step, step=step) for step in range(50)]
        self.tracking.runs.log_batch(run.id, metrics=metrics, params={"p": "1"}, tags={"t": "1"})
        root = Root(RootKind.RUN, experiment, run.id)
        for number, content in enumerate(contents):
            self.artifacts.put(root, f"dir/{number}", chunks=[content], principal=Ann())
        return root

    def later(self, **time: float) -> None:
        self.clock.advance_to(self.clock.now() + timedelta(**time))

    def age(self) -> None:
        """What is stored was put long ago."""
        for digest in self.blobs.list():
            os.utime(self.blobs.open_path(digest), (0, 0))

    def contents(self) -> set[bytes]:
        return {self.blobs.get(digest) for digest in self.blobs.list()}

    def rows(self) -> dict[str, int]:
        """How many rows each table has, where it has any."""
        with self.database.read() as connection:
            counts = {name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for name, table in _tables()}
        return {name: count for name, count in counts.items() if count}


def _tables() -> list[tuple[str, sa.Table]]:
    return [(name, table) for name, table in metadata.tables.items() if name not in {"names", "events"}]


@pytest.fixture
def world(databases: Databases, tmp_path: Path) -> Iterator[World]:
    clock, blobs, ids = VirtualClock(NOON), LocalBlobs(tmp_path / "blobs"), RandomIds()
    with opened(databases, tmp_path) as database:
        recorder = Recorder(SqlEventLog(database), clock=clock, ids=ids)
        tracking = open_tracking(database, clock=clock, ids=ids, random=SeededRandom(0), recorder=recorder)
        artifacts = Artifacts(SqlArtifacts(database), blobs, transactions=database, clock=WallClock(), ids=ids)
        garbage = Garbage(tmp_path, database, blobs, recorder, clock)
        yield World(tmp_path, database, blobs, clock, tracking, artifacts, garbage)


def test_what_was_deleted_long_ago_goes_with_its_bytes(world: World) -> None:
    before = world.rows()
    root = world.run(b"only here", b"x" * 1000)
    kept = world.run(b"kept", b"shared")
    world.artifacts.put(root, "shared", chunks=[b"shared"], principal=Ann())
    world.tracking.runs.delete(root.id)
    world.age()
    assert world.garbage.collect(Wish()).sweep.freed == 0, "it may still be restored"
    world.later(days=31)
    rehearsed = world.garbage.collect(Wish(dry_run=True))
    assert world.tracking.runs.get(root.id).head.id == root.id
    assert len(world.artifacts.manifest(root).files) == 3
    done = world.garbage.collect(Wish())
    assert rehearsed == done
    assert [(run.id, run.name) for run in done.purged.runs] == [(root.id, "a run")]
    assert (done.sweep.freed, done.sweep.freed_bytes, done.sweep.used) == (2, 1009, 2)
    assert world.contents() == {b"kept", b"shared"}
    world.tracking.runs.delete(kept.id)
    world.later(days=31)
    world.garbage.collect(Wish())
    assert world.contents() == set()
    assert world.rows() == before, "no row of them is left in any table"
    told = SqlEventLog(world.database).list(EventQuery(type="garbage.collected"))
    assert [(event.data["runs"], event.data["bytes"]) for event in told] == [(1, 1009), (1, 10)]


def test_a_logged_model_goes_alone_and_an_experiment_with_all_that_it_has(world: World) -> None:
    before = world.rows()
    name = world.tracking.experiments.create("trial", tags={"a": "b"}).id
    root = world.run(b"of the run", experiment=name)
    model = world.tracking.models.create(name, name="m", source_run=root.id, params={"p": "1"}, tags={"t": "1"})
    of_model = Root(RootKind.MODEL, name, model.id)
    world.artifacts.put(of_model, "MLmodel", chunks=[b"of the model"], principal=Ann())
    world.tracking.models.delete(model.id)
    world.later(days=31)
    world.age()
    assert len(world.garbage.collect(Wish()).purged.models) == 1
    assert world.contents() == {b"of the run"}
    world.tracking.experiments.delete(name)
    world.later(days=31)
    found = world.garbage.collect(Wish()).purged
    assert ([one.name for one in found.experiments], len(found.runs)) == (["trial"], 1)
    assert world.contents() == set()
    assert world.rows() == before


def test_the_default_experiment_is_emptied_and_stays(world: World) -> None:
    world.run(b"of the run")
    world.tracking.experiments.delete("0")
    world.later(days=31)
    world.age()
    found = world.garbage.collect(Wish()).purged
    assert (found.experiments, len(found.runs), world.contents()) == ((), 1, set())
    world.tracking.experiments.restore("0")  # else nothing could be logged without naming an experiment, ever
    world.run(b"the next")


def test_what_was_restored_stays(world: World) -> None:
    root = world.run(b"wanted again")
    world.tracking.runs.delete(root.id)
    world.later(days=31)
    world.tracking.runs.restore(root.id)
    world.age()
    world.garbage.collect(Wish())
    assert world.contents() == {b"wanted again"}
    assert len(world.artifacts.manifest(root).files) == 1


def test_young_content_stays_though_nothing_refers_to_it(world: World) -> None:
    world.blobs.put(b"somebody is about to refer to it")
    assert (world.garbage.collect(Wish()).sweep.young, len(world.contents())) == (1, 1)
    world.age()
    assert world.garbage.collect(Wish()).sweep.freed == 1


def test_a_live_home_names_what_it_has(world: World) -> None:
    code = world.blobs.put(b"the code that the next training will name")
    world.blobs.put(b"of a run that was deleted")
    (world.place / "run").mkdir()
    (world.place / CODE_IN_USE).write_text(json.dumps({"code": code}))
    world.age()
    for command in ("flyball up flights.py", "flyball server"):
        with HomeLock.acquire(world.place / LOCK, command):
            os.utime(world.place / LOCK, (0, 0))
            world.garbage.collect(Wish())
            assert list(world.blobs.list()) == [code]


def test_what_a_backtest_put_stays(world: World) -> None:
    world.blobs.put(b"older")
    world.age()
    with HomeLock.acquire(world.place / LOCK, "flyball backtest"):
        os.utime(world.place / LOCK, (1000, 1000))
        digest = world.blobs.put(b"an input of a step that still runs")
        os.utime(world.blobs.open_path(digest), (2000, 2000))
        assert world.garbage.collect(Wish()).sweep.freed == 1
        assert world.contents() == {b"an input of a step that still runs"}
    assert world.garbage.collect(Wish()).sweep.freed == 1


def test_replaced_and_deleted_files_and_left_uploads_are_freed(world: World) -> None:
    root = world.run(b"first", b"second")
    world.artifacts.put(root, "dir/0", chunks=[b"instead"], principal=Ann())
    world.artifacts.delete(root, "dir/1")
    upload, secret = world.artifacts.create_upload(root, "big", principal=Ann())
    world.artifacts.put_part(upload.id, 1, chunks=[b"a part"], secret=secret)
    world.age()
    assert world.garbage.collect(Wish()).uploads == 0
    assert world.contents() == {b"instead", b"a part"}
    with world.database.write() as connection:
        connection.execute(sa.text("UPDATE artifact_uploads SET expires_ms = 1"))
    assert world.garbage.collect(replace(NOW, dry_run=True)).uploads == 1
    assert world.garbage.collect(Wish()).uploads == 1
    assert world.contents() == {b"instead"}


def test_runs_that_versions_come_from_stay_as_long_as_these(world: World) -> None:
    root = world.run(b"the model")
    with world.database.write() as connection:
        _insert(connection, "registered_models", id=1, name="m")
        _insert(connection, "registered_versions", model=1, number=1, run=root.id)
    world.tracking.runs.delete(root.id)
    world.later(days=31)
    world.age()
    found = world.garbage.collect(Wish())
    assert (found.purged.kept, found.purged.runs) == ((root.id,), ())
    assert world.contents() == {b"the model"}
    with world.database.write() as connection:
        connection.execute(sa.text("DELETE FROM registered_versions"))
    assert len(world.garbage.collect(Wish()).purged.runs) == 1


def _nothing(column: sa.Column[Any], number: int = 0) -> object:
    """A value of the column's type that says nothing."""
    match column.type:
        case Json():
            return {}
        case UtcTime():
            return NOON
        case sa.Boolean():
            return False
        case sa.Integer():
            return number
        case _:
            return ""


def _insert(connection: sa.Connection, into: str, **values: object) -> None:
    """A row with these values, and nothing in its other columns."""
    table = metadata.tables[into]
    nothing = {column.name: _nothing(column) for column in table.columns if not column.nullable}
    connection.execute(sa.insert(table).values({**nothing, **values}))


def test_worlds_and_the_serving_plan_keep_what_they_name(world: World) -> None:
    of_world, of_plan, of_none = (world.blobs.put(content) for content in (b"of a backtest", b"of the plan", b"of nobody"))
    there = world.place / "backtests" / "flights" / "never"
    there.mkdir(parents=True)
    with_rows = Database.open(there / "flyball.db")
    with with_rows.write() as connection:
        row = {"key": "k", "step": "s", "outputs": {"model": of_world}, "summary": {}}
        connection.execute(sa.insert(metadata.tables["steps"]).values(row))
    with_rows.close()
    (world.place / PLAN).parent.mkdir(parents=True)
    (world.place / PLAN).write_text(json.dumps({"code": of_plan}))
    world.age()
    world.garbage.collect(Wish())
    assert set(world.blobs.list()) == {of_world, of_plan}
    assert not world.blobs.exists(of_none)


def test_what_stands_in_for_a_version_stays_as_long_as_that(world: World) -> None:
    """A converted model is named by an event alone, and an event outlives everything."""
    old, new, of_other = (world.blobs.put(content) for content in (b"converted", b"converted again", b"of a version that is gone"))
    with world.database.write() as connection:
        _insert(connection, "registered_models", id=1, name="planes")
        _insert(connection, "registered_versions", model=1, number=2)
    recorder = world.garbage.recorder
    for number, digest in ((2, old), (2, new), (3, of_other)):
        recorder.record(CONVERTED, version_subject("planes", number), data={"verdict": "converted", "digest": digest})
    world.age()
    world.garbage.collect(Wish())
    assert set(world.blobs.list()) == {new}
    with world.database.write() as connection:
        connection.execute(sa.text("DELETE FROM registered_versions"))
    world.garbage.collect(Wish())
    assert set(world.blobs.list()) == set()


def test_every_listed_use_keeps_its_blob(tmp_path: Path) -> None:
    digests = {use: Digest(f"{number:064x}") for number, use in enumerate(USES)}
    with closing(Database.open(tmp_path / "home.db")) as database, database.write() as connection:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")  # nothing is committed
        for number, (use, digest) in enumerate(digests.items()):
            table = metadata.tables[use.table]
            values = {column.name: _nothing(column, number) for column in table.columns if not column.nullable}
            values[use.column] = {"deep": [digest]} if isinstance(table.c[use.column].type, Json) else digest
            values |= {"state": use.states[0]} if use.states else {}
            connection.execute(sa.insert(table).values(values))
        used = find_used(database)
        connection.rollback()
    assert [use for use, digest in digests.items() if digest not in used] == []
    assert len(used) == len(USES)


def test_who_uploads_the_same_meanwhile_loses_nothing(world: World) -> None:
    roots = [world.run() for _ in range(4)]
    contents = [f"content {number}".encode() for number in range(20)]
    for content in contents:
        world.blobs.put(content)
    world.age()
    start, failures = threading.Barrier(5), list[BaseException]()

    def upload(root: Root) -> None:
        try:
            start.wait(60)
            for number, content in enumerate(contents):
                world.artifacts.put(root, f"{number}", chunks=[content], principal=Ann())
        except BaseException as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=upload, args=[root]) for root in roots]
    for thread in threads:
        thread.start()
    start.wait(60)
    for _ in range(5):
        world.garbage.collect(Wish(grace=timedelta(hours=1)))
    for thread in threads:
        thread.join(60)
    assert failures == []
    world.garbage.collect(Wish(grace=timedelta(hours=1)))
    for root in roots:
        for number, content in enumerate(contents):
            assert b"".join(world.artifacts.open(world.artifacts.get(root, f"{number}"))) == content
