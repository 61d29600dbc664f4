"""Artifacts, from the path as it came to the bytes as they went."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from flyball.core.clock import VirtualClock
from flyball.core.errors import IntegrityError
from flyball.core.ids import RandomIds
from flyball.storage._localblobs import LocalBlobs
from flyball.storage.database import Database
from flyball.testing.artifacts import DELETED_RUN, MODEL, OF_DELETED_EXPERIMENT, OTHER, RUN, ArtifactStoreSuite
from flyball.testing.suite import failing_tests
from flyball.tracking._artifacts_sqlstore import SqlArtifacts
from flyball.tracking._sql import experiments, logged_models, tracked_runs
from flyball.tracking.artifact import ArtifactLimits, Root, RootKind
from flyball.tracking.artifacterrors import (
    ArtifactNotFoundError,
    ArtifactOwnerDeletedError,
    ArtifactOwnerNotFoundError,
    ArtifactPathError,
    ArtifactPlaceTakenError,
    ArtifactTooLargeError,
    TooManyUploadsError,
    UploadNotFoundError,
    UploadPartsError,
)
from flyball.tracking.artifacts import Artifacts
from flyball.tracking.artifactstore import ArtifactStore
from tests.databases import Databases, OnEveryEngine

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMITS = ArtifactLimits(request_bytes=1000, upload_bytes=2500, parts=5, open_uploads=2, upload_ms=3_600_000)


@dataclass(frozen=True)
class Person:
    principal: str
    may_run_code: bool = False


ANN, BOB = Person("ann", may_run_code=True), Person("bob")


def _insert(connection: sa.Connection, table: sa.Table, **values: object) -> None:
    """A row with these values, and with nothing in the columns that artifacts do not look at."""
    needed = [column for column in table.columns if not (column.nullable or column.primary_key)]
    nothing = {column.name: 0 if issubclass(column.type.python_type, int) else "" for column in needed}
    connection.execute(sa.insert(table).values({**nothing, **values}))


def prepared(database: Database) -> Database:
    """The database with the owners that the suite speaks of."""
    with database.write() as connection:
        if connection.execute(sa.select(tracked_runs.c.id)).first() is None:
            _insert(connection, experiments, id=1, name="gone", lifecycle="deleted")
            for root in (RUN, OTHER, DELETED_RUN, OF_DELETED_EXPERIMENT):
                lifecycle = "deleted" if root is DELETED_RUN else "active"
                _insert(connection, tracked_runs, id=root.id, experiment=int(root.experiment), lifecycle=lifecycle)
            _insert(connection, logged_models, id=MODEL.id, experiment=0, lifecycle="active")
    return database


class TestSqlArtifacts(OnEveryEngine, ArtifactStoreSuite):
    @contextmanager
    def open(self, place: Path) -> Iterator[ArtifactStore]:
        with self.opened(place) as database:
            yield SqlArtifacts(prepared(database))


class _Greedy(SqlArtifacts):
    """Deletes what begins alike."""

    def delete(self, root: Root, path: str = "") -> int:
        found = [file.path for file in self.list(root) if file.path.startswith(path)]
        return sum(super(_Greedy, self).delete(root, at) for at in found)


class _GreedySuite(ArtifactStoreSuite):
    @contextmanager
    def open(self, place: Path) -> Iterator[ArtifactStore]:
        database = prepared(Database.open(place / "home.db"))
        try:
            yield _Greedy(database)
        finally:
            database.close()


def test_the_suite_catches_a_store_that_deletes_too_much() -> None:
    assert "test_a_tree_is_listed_and_deleted_from_any_place" in failing_tests(_GreedySuite)


@dataclass
class World:
    artifacts: Artifacts
    blobs: LocalBlobs
    clock: VirtualClock
    store: SqlArtifacts


@pytest.fixture
def world(databases: Databases, tmp_path: Path) -> Iterator[World]:
    database = prepared(databases.open(tmp_path))
    blobs, clock, store = LocalBlobs(tmp_path / "blobs"), VirtualClock(NOON), SqlArtifacts(database)
    artifacts = Artifacts(store, blobs, transactions=database, clock=clock, ids=RandomIds(), limits=LIMITS)
    yield World(artifacts, blobs, clock, store)
    database.close()


def stored_files(world: World) -> list[Path]:
    """Whatever lies on the disk with content."""
    return sorted(path for path in world.blobs.root.rglob("*") if path.is_file() and path.stat().st_size)


def read(world: World, root: Root, *, path: str, span: tuple[int, int | None] = (0, None)) -> bytes:
    return b"".join(world.artifacts.open(world.artifacts.get(root, path), start=span[0], end=span[1]))


def test_what_was_uploaded_comes_back_with_who_brought_it(world: World) -> None:
    for root, who in ((RUN, ANN), (MODEL, BOB)):
        file = world.artifacts.put(root, "model/weights.bin", chunks=[b"ab", b"", b"cd"], principal=who)
        assert (file.size, file.digest) == (4, hashlib.sha256(b"abcd").hexdigest())
        assert world.artifacts.get(root, "model/weights.bin") == file
        assert (file.uploader, file.may_run_code) == (who.principal, who.may_run_code)
        assert file.uploaded_ms == 1_772_366_400_000
        assert read(world, root, path="model/weights.bin") == b"abcd"
        assert read(world, root, path="model/weights.bin", span=(1, 3)) == b"bc"


def test_names_never_become_paths_on_the_disk(world: World) -> None:
    world.artifacts.put(RUN, "very/telling/name.txt", chunks=[b"content"], principal=ANN)
    names = {part for path in world.blobs.root.rglob("*") for part in path.relative_to(world.blobs.root).parts}
    assert not names & {"very", "telling", "name.txt"}


def test_every_use_refuses_what_is_no_path(world: World) -> None:
    for evil in ("..", "a/../../b", "%2e%2e/a", "a\\b", "/etc/passwd", "a\x00", "a#b", "file:///etc", "a//b", "..\uff0fa"):
        for use in (
            lambda path: world.artifacts.put(RUN, path, chunks=[b"x"], principal=ANN),
            lambda path: world.artifacts.get(RUN, path),
            lambda path: world.artifacts.list(RUN, path),
            lambda path: world.artifacts.delete(RUN, path),
            lambda path: world.artifacts.manifest(RUN, path),
            lambda path: world.artifacts.create_upload(RUN, path, principal=ANN),
            lambda path: world.artifacts.locate(f"runs:/{RUN.id}/{path}"),
        ):
            with pytest.raises(ArtifactPathError):
                use(evil)
    assert stored_files(world) == []


def test_too_much_is_refused_and_leaves_nothing(world: World) -> None:
    with pytest.raises(ArtifactTooLargeError, match="1,000 bytes"):
        world.artifacts.put(RUN, "big", chunks=(b"x" * 100 for _ in range(11)), principal=ANN)
    assert stored_files(world) == []
    assert world.artifacts.list(RUN) == []
    assert world.artifacts.put(RUN, "big", chunks=(b"x" * 100 for _ in range(10)), principal=ANN).size == 1000


def test_an_upload_that_breaks_off_leaves_what_was_there(world: World) -> None:
    def broken() -> Iterator[bytes]:
        yield b"new"
        raise ConnectionResetError("the client is gone")

    world.artifacts.put(RUN, "a", chunks=[b"old"], principal=ANN)
    before = stored_files(world)
    with pytest.raises(ConnectionResetError):
        world.artifacts.put(RUN, "a", chunks=broken(), principal=ANN)
    assert (stored_files(world), read(world, RUN, path="a")) == (before, b"old")


def test_who_is_deleted_or_unknown_takes_nothing(world: World) -> None:
    for root in (DELETED_RUN, OF_DELETED_EXPERIMENT):
        with pytest.raises(ArtifactOwnerDeletedError):
            world.artifacts.put(root, "a", chunks=[b"x"], principal=ANN)
        with pytest.raises(ArtifactOwnerDeletedError):
            world.artifacts.delete(root)
        with pytest.raises(ArtifactOwnerDeletedError):
            world.artifacts.create_upload(root, "a", principal=ANN)
        assert world.artifacts.list(root) == []
    for root in (Root(RootKind.RUN, "1", RUN.id), Root(RootKind.RUN, "0", "9" * 32), Root(RootKind.MODEL, "0", "m-" + "9" * 32)):
        for use in (world.artifacts.list, world.artifacts.delete, lambda at: world.artifacts.put(at, "a", chunks=[b"x"], principal=ANN)):
            with pytest.raises(ArtifactOwnerNotFoundError):
                use(root)
        with pytest.raises(ArtifactOwnerNotFoundError):
            world.artifacts.get(root, "a")
    assert stored_files(world) == []


def test_a_changed_byte_is_never_given_as_whole(world: World) -> None:
    file = world.artifacts.put(RUN, "a", chunks=[b"precious"], principal=ANN)
    path = world.blobs.open_path(file.digest)
    path.chmod(0o644)
    path.write_bytes(b"precioux")
    for blobs in (world.blobs, LocalBlobs(world.blobs.root)):
        with pytest.raises(IntegrityError):
            list(blobs.read(file.digest))


def test_a_manifest_changes_with_every_byte_and_name(world: World) -> None:
    for path, content in (("model/MLmodel", b"flavors"), ("model/data/weights", b"w"), ("notes", b"n")):
        world.artifacts.put(RUN, path, chunks=[content], principal=ANN)
        world.artifacts.put(MODEL, path.removeprefix("model/"), chunks=[content], principal=BOB)
    whole, part = world.artifacts.manifest(RUN), world.artifacts.manifest(RUN, "model")
    assert [file.path for file in whole.files] == ["model/MLmodel", "model/data/weights", "notes"]
    assert [file.path for file in part.files] == ["MLmodel", "data/weights"]
    assert [file.path for file in world.artifacts.manifest(RUN, "model/MLmodel").files] == ["MLmodel"]
    assert (part.may_run_code, part.size) == (True, 8)
    world.artifacts.delete(MODEL, "notes")
    same = world.artifacts.manifest(MODEL)
    assert (same.digest, same.may_run_code) == (part.digest, False)
    world.artifacts.put(MODEL, "data/weights", chunks=[b"W"], principal=ANN)
    assert world.artifacts.manifest(MODEL).digest != part.digest
    with pytest.raises(ArtifactNotFoundError):
        world.artifacts.manifest(RUN, "none")


def test_sources_lie_with_their_owner(world: World) -> None:
    assert world.artifacts.locate(f"runs:/{RUN.id}/model") == (RUN, "model")
    assert world.artifacts.locate(f"models:/{MODEL.id}") == (MODEL, "")
    assert world.artifacts.locate(f"mlflow-artifacts:/{MODEL}/data") == (MODEL, "data")
    for source in (f"runs:/{'9' * 32}/model", f"mlflow-artifacts:/1/{RUN.id}/artifacts/model", f"models:/m-{'9' * 32}"):
        with pytest.raises(ArtifactOwnerNotFoundError):
            world.artifacts.locate(source)


def test_parts_become_one_file(world: World) -> None:
    upload, secret = world.artifacts.create_upload(RUN, "model.bin", principal=ANN)
    world.artifacts.put_part(upload.id, 2, chunks=[b"wrong"], secret=secret)
    contents = {1: b"a" * 1000, 2: b"b" * 999, 3: b"c"}
    etags = {
        number: f'"{world.artifacts.put_part(upload.id, number, chunks=[data], secret=secret).digest}"' for number, data in contents.items()
    }
    with pytest.raises(ArtifactNotFoundError):
        world.artifacts.get(RUN, "model.bin")
    file = world.artifacts.complete_upload(upload.id, RUN, etags=etags, principal=ANN)
    assert (file.size, file.uploader, file.may_run_code) == (2000, "ann", True)
    assert read(world, RUN, path="model.bin") == b"".join(contents.values())
    with pytest.raises(UploadNotFoundError):
        world.artifacts.complete_upload(upload.id, RUN, etags=etags, principal=ANN)


def test_parts_that_do_not_fit_are_refused_and_may_come_again(world: World) -> None:
    upload, secret = world.artifacts.create_upload(RUN, "model.bin", principal=ANN)
    one, two = (world.artifacts.put_part(upload.id, number, chunks=[b"x" * number], secret=secret).digest for number in (1, 2))
    for etags, reason in (
        ({}, "without a gap"),
        ({1: one, 3: two}, "without a gap"),
        ({1: one, 2: two, 3: two}, "part 3 has not come"),
        ({1: one, 2: one}, "part 2 is not the one"),
        ({1: one}, "part 2 came and is not named"),
    ):
        with pytest.raises(UploadPartsError, match=reason):
            world.artifacts.complete_upload(upload.id, RUN, etags=etags, principal=ANN)
    for number in (0, 6):
        with pytest.raises(UploadPartsError, match="numbered from 1 to 5"):
            world.artifacts.put_part(upload.id, number, chunks=[b""], secret=secret)
    with pytest.raises(ArtifactTooLargeError):
        world.artifacts.put_part(upload.id, 3, chunks=[b"x" * 1001], secret=secret)
    for number in (3, 4):
        world.artifacts.put_part(upload.id, number, chunks=[b"x" * 1000], secret=secret)
    with pytest.raises(ArtifactTooLargeError, match="497 bytes"):
        world.artifacts.put_part(upload.id, 5, chunks=[b"x" * 1000], secret=secret)
    assert world.store.find_upload(upload.id) is not None


def test_an_upload_is_its_owners_alone_and_not_for_ever(world: World) -> None:
    upload, secret = world.artifacts.create_upload(RUN, "model.bin", principal=ANN)
    etag = world.artifacts.put_part(upload.id, 1, chunks=[b"x"], secret=secret).digest
    with pytest.raises(UploadNotFoundError):
        world.artifacts.put_part(upload.id, 1, chunks=[b"y"], secret="0" * 64)
    for root, who in ((RUN, BOB), (OTHER, ANN)):
        with pytest.raises(UploadNotFoundError):
            world.artifacts.complete_upload(upload.id, root, etags={1: etag}, principal=who)
        with pytest.raises(UploadNotFoundError):
            world.artifacts.abort_upload(upload.id, root, principal=who)
    world.artifacts.create_upload(RUN, "other", principal=BOB)
    with pytest.raises(TooManyUploadsError, match="2 open uploads"):
        world.artifacts.create_upload(RUN, "third", principal=BOB)
    world.clock.advance_to(NOON + timedelta(hours=2))
    for use in (
        lambda: world.artifacts.put_part(upload.id, 1, chunks=[b"x"], secret=secret),
        lambda: world.artifacts.complete_upload(upload.id, RUN, etags={1: etag}, principal=ANN),
    ):
        with pytest.raises(UploadNotFoundError):
            use()
    again, _ = world.artifacts.create_upload(RUN, "third", principal=BOB)
    world.artifacts.abort_upload(again.id, RUN, principal=BOB)
    world.artifacts.abort_upload(again.id, RUN, principal=BOB)


def test_many_may_upload_at_once(world: World) -> None:
    def upload(number: int) -> None:
        for turn in range(5):
            world.artifacts.put(RUN, f"shared/{turn}", chunks=[str(turn).encode()], principal=ANN)
            world.artifacts.put(RUN, f"own/{number}/{turn}", chunks=[f"{number} {turn}".encode()], principal=ANN)

    threads = [threading.Thread(target=upload, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [entry.path for entry in world.artifacts.list(RUN, "shared")] == [f"shared/{turn}" for turn in range(5)]
    assert len(world.artifacts.manifest(RUN).files) == 35
    assert read(world, RUN, path="own/3/4") == b"3 4"


def test_a_directory_is_not_replaced_by_a_file(world: World) -> None:
    world.artifacts.put(RUN, "a/b", chunks=[b"x"], principal=ANN)
    for path in ("a", "a/b/c"):
        with pytest.raises(ArtifactPlaceTakenError):
            world.artifacts.put(RUN, path, chunks=[b"y"], principal=ANN)
