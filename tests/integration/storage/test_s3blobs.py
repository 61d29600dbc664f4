"""Blobs in a bucket keep their port's laws against a real S3 server, and its faults are told as what they are."""

from __future__ import annotations

import http.server
import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import obstore
import pytest

from flyball.core.clock import WallClock
from flyball.core.errors import UnavailableError
from flyball.core.ids import Digest
from flyball.storage._localblobs import LocalBlobs
from flyball.storage._s3blobs import S3Blobs
from flyball.storage.blobs import BlobStore
from flyball.storage.blobsurl import Bucket
from flyball.storage.bucketerrors import BucketRefusedError, BucketUnreachableError
from flyball.storage.buckets import BucketPatience
from flyball.storage.errors import BlobCorruptError, BlobNotFoundError
from flyball.storage.garbage import UsedDigests, sweep
from flyball.testing.blobs import BlobStoreSuite
from tests.s3 import KEY, SECRET, S3Server, serving_s3

HASTY = BucketPatience(answer_seconds=5, retries=1, pause_seconds=0.1, total_seconds=5)
_NUMBERS = itertools.count()


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with serving_s3(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def bucket(server: S3Server) -> Bucket:
    return server.create_bucket(f"bucket-{next(_NUMBERS)}", "team/home")


class TestS3Blobs(BlobStoreSuite):
    @pytest.fixture(autouse=True)
    def _bucket(self, server: S3Server) -> None:
        self.server, self.buckets, self.caches = server, dict[Path, Bucket](), itertools.count()

    @contextmanager
    def open(self, place: Path) -> Iterator[BlobStore]:
        if place not in self.buckets:
            self.buckets[place] = self.server.create_bucket(f"bucket-{next(_NUMBERS)}")
        yield S3Blobs(self.buckets[place], LocalBlobs(place / f"cache-{next(self.caches)}"))

    def damage(self, place: Path, digest: Digest) -> None:
        store = S3Blobs(self.buckets[place], LocalBlobs(place / "vandal"))
        obstore.put(store._store, f"blobs/{digest}", b"something else")


def test_a_copy_is_here_after_the_first_use(bucket: Bucket, tmp_path: Path) -> None:
    digest = S3Blobs(bucket, LocalBlobs(tmp_path / "one")).put(b"far away")
    blobs = S3Blobs(bucket, LocalBlobs(tmp_path / "two"))
    path = blobs.open_path(digest)
    assert path.is_relative_to(tmp_path / "two")
    assert blobs.open_path(digest) == path
    assert b"".join(blobs.read(digest, start=4)) == b"away"
    path.chmod(0o644)
    path.write_bytes(b"damaged!")
    again = S3Blobs(bucket, LocalBlobs(tmp_path / "two"))
    assert again.open_path(digest).read_bytes() == b"far away", "a damaged copy is brought anew"


def test_the_cache_is_kept_small(bucket: Bucket, tmp_path: Path) -> None:
    blobs = S3Blobs(bucket, LocalBlobs(tmp_path / "cache"), cache_bytes=2_500)
    digests = [blobs.put_chunks([bytes([number]) * 1000]) for number in range(4)]
    assert len(list(blobs._cache.list())) == 4, "what was used lately stays, whatever the size"
    for digest in digests:
        os.utime(blobs._cache.open_path(digest), (0, 0))
    blobs.open_path(digests[0])
    blobs.put_chunks([b"x" * 1000])
    assert set(blobs._cache.list()) >= {digests[0]}
    assert len(list(blobs._cache.list())) == 2
    assert all(len(blobs.get(digest)) == 1000 for digest in digests)


def test_a_large_file_goes_in_parts(bucket: Bucket, tmp_path: Path) -> None:
    blobs = S3Blobs(bucket, LocalBlobs(tmp_path / "one"))
    block = b"flyball " * 131_072
    digest = blobs.put_chunks(block for _ in range(40))
    assert sum(len(chunk) for chunk in S3Blobs(bucket, LocalBlobs(tmp_path / "two")).read(digest)) == 40 << 20
    assert [blob.size_bytes for blob in blobs.list_stored()] == [40 << 20]


def test_an_upload_that_breaks_off_leaves_nothing_in_the_bucket(bucket: Bucket, server: S3Server, tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x" * 20_000_000
        raise ConnectionResetError("the client is gone")

    with pytest.raises(ConnectionResetError):
        S3Blobs(bucket, LocalBlobs(tmp_path)).put_chunks(broken())
    assert [path for path in (server.root / bucket.name).rglob("*") if path.is_file()] == []


_UPLOADING = """
import sys, time
from pathlib import Path
from flyball.app.blobs import open_blobs

def chunks():
    yield b"x" * 5_000_000
    print("under way", flush=True)
    time.sleep(600)

open_blobs(sys.argv[1], cache=Path(sys.argv[2])).put_chunks(chunks())
"""


def test_an_upload_whose_process_is_killed_leaves_nothing(bucket: Bucket, server: S3Server, tmp_path: Path) -> None:
    url = f"{bucket}?endpoint={bucket.endpoint}&region=us-east-1"
    uploader = subprocess.Popen([sys.executable, "-c", _UPLOADING, url, str(tmp_path / "cache")], stdout=subprocess.PIPE)
    with uploader:
        assert uploader.stdout is not None
        assert uploader.stdout.readline() == b"under way\n"
        uploader.kill()
    blobs = S3Blobs(bucket, LocalBlobs(tmp_path / "cache"))
    digest = blobs.put_chunks([b"the next one"])
    assert list(blobs.list()) == [digest]
    there = [path.stat().st_size for place in (server.root / bucket.name, tmp_path) for path in place.rglob("*") if path.is_file()]
    assert sorted(size for size in there if size) == [12, 12], "the content and its copy here"


def test_a_bucket_is_swept(bucket: Bucket, tmp_path: Path) -> None:
    blobs = S3Blobs(bucket, LocalBlobs(tmp_path))
    kept, *others = (blobs.put(f"content {number}".encode()) for number in range(30))
    before = WallClock().now() + timedelta(minutes=10)
    rehearsed = sweep(blobs, UsedDigests([kept]), before=before, dry_run=True)
    assert (rehearsed.used, rehearsed.freed, len(list(blobs.list()))) == (1, len(others), 30)
    assert sweep(blobs, UsedDigests([kept]), before=before) == rehearsed
    assert list(blobs.list()) == [kept]
    assert [meta for batch in obstore.list(blobs._store, "condemned") for meta in batch] == []


def test_wrong_credentials_are_told_without_them(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret")
    blobs = S3Blobs(bucket, LocalBlobs(tmp_path), patience=HASTY)
    with pytest.raises(BucketRefusedError, match="AWS_SECRET_ACCESS_KEY") as caught:
        blobs.put(b"x")
    assert "wrong-secret" not in str(caught.value)
    assert issubclass(BucketRefusedError, UnavailableError)


def test_who_is_not_there_is_told(tmp_path: Path) -> None:
    blobs = S3Blobs(Bucket(name="bucket", prefix="home", endpoint="http://127.0.0.1:9", region="x"), LocalBlobs(tmp_path), patience=HASTY)
    digest = Digest("a" * 64)
    for use in (
        lambda: blobs.put(b"x"),
        lambda: blobs.put_chunks([b"x"]),
        lambda: blobs.get(digest),
        lambda: blobs.open_path(digest),
        lambda: list(blobs.read(digest)),
        lambda: blobs.exists(digest),
        lambda: list(blobs.list()),
        lambda: blobs.delete(digest),
        lambda: blobs.delete_unused(digest, before=WallClock().now()),
    ):
        with pytest.raises(BucketUnreachableError, match="s3://bucket/home could not be reached"):
            use()


class MoodyServer(http.server.ThreadingHTTPServer):
    """Answers as its next mood is, and well when there is none left."""

    daemon_threads = True

    def __init__(self, moods: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), Moods)
        self.moods = moods

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that did not wait is what was asked for."""


class Moods(http.server.BaseHTTPRequestHandler):
    """Passes requests on to nobody."""

    server: MoodyServer

    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        mood = self.server.moods.pop(0) if self.server.moods else "fine"
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if mood == "slow":
            time.sleep(3)
        status = {"busy": 503, "broken": 500}.get(mood, 200)
        content = b"" if status != 200 else b"content"
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", '"x"')
        self.send_header("Last-Modified", "Sat, 21 Nov 2026 16:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[:3] if mood == "half" else content)
        if mood == "half":
            self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = _answer  # noqa: N815 - the names that http.server calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@contextmanager
def moody(*moods: str) -> Iterator[tuple[Bucket, list[str]]]:
    """A server that answers so, one request after the other, and well afterwards; what is left of its moods."""
    server = MoodyServer(list(moods))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Bucket(name="bucket", prefix="home", endpoint=f"http://127.0.0.1:{server.server_port}", region="x"), server.moods
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("mood", ["busy", "broken", "slow"])
def test_passing_trouble_is_waited_for(mood: str, tmp_path: Path) -> None:
    with moody(mood) as (bucket, moods):
        blobs = S3Blobs(
            bucket, LocalBlobs(tmp_path), patience=BucketPatience(answer_seconds=1, retries=3, pause_seconds=0.1, total_seconds=30)
        )
        assert blobs.exists(Digest("a" * 64))
        assert moods == []


@pytest.mark.parametrize("mood", ["busy", "broken", "slow"])
def test_lasting_trouble_is_told(mood: str, tmp_path: Path) -> None:
    with moody(*[mood] * 10) as (bucket, _):
        patience = BucketPatience(answer_seconds=1, retries=1, pause_seconds=0.1, total_seconds=30)
        blobs = S3Blobs(bucket, LocalBlobs(tmp_path), patience=patience)
        with pytest.raises(BucketUnreachableError):
            blobs.put(b"content")
        with pytest.raises(BucketUnreachableError):
            blobs.open_path(Digest("a" * 64))
        assert list(blobs._cache.list()) == []


def test_half_an_answer_is_never_taken_for_the_whole(tmp_path: Path) -> None:
    with moody("fine", "half", "half", "half", "half", "half", "half") as (bucket, _):
        blobs = S3Blobs(bucket, LocalBlobs(tmp_path), patience=HASTY)
        with pytest.raises((BucketUnreachableError, BlobCorruptError)):
            blobs.get(Digest("a" * 64))
        assert list(blobs._cache.list()) == []


def test_a_server_that_was_killed_is_missed(tmp_path: Path) -> None:
    with serving_s3(tmp_path) as server:
        bucket = server.create_bucket("bucket")
        blobs = S3Blobs(bucket, LocalBlobs(tmp_path / "cache"), patience=HASTY)
        digest = blobs.put(b"kept")
        server.process.kill()
        server.process.wait(60)
        with pytest.raises(BucketUnreachableError):
            blobs.put(b"lost")
        with pytest.raises(BucketUnreachableError):
            blobs.exists(digest)


def test_a_deletion_that_died_halts_nobody_for_ever(bucket: Bucket, tmp_path: Path) -> None:
    blobs = S3Blobs(bucket, LocalBlobs(tmp_path))
    digest = blobs.put(b"x")
    obstore.put(blobs._store, f"condemned/{digest}", b"")

    class Leaping:
        now = 0.0

        def seconds(self) -> float:
            self.now += 30
            return self.now

    blobs._timer = Leaping()
    assert blobs.put(b"x") == digest
    assert blobs._head(f"condemned/{digest}") is None, "the next put does not wait for it, either"
    blobs._timer = type("Standing", (), {"seconds": lambda _self: 0.0})()
    assert blobs.delete_unused(digest, before=WallClock().now() + timedelta(hours=1))
    with pytest.raises(BlobNotFoundError):
        blobs.get(digest)
