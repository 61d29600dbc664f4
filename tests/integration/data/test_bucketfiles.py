"""Files in a bucket of a real S3 server keep the laws of sources; a server that refuses, errs, is slow or absent is said to be so."""

from __future__ import annotations

import csv
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polars as pl
import pytest

from flyball.data.declared.files import FileSource, files
from flyball.data.declared.source import Source
from flyball.data.errors import SourceMissingError
from flyball.data.fileerrors import FilesRefusedError, FilesUnreachableError
from flyball.data.sources.files import FileParts
from flyball.data.sources.files._s3place import BucketPatience, S3Place
from flyball.data.sources.port import OpenSource, Seen, Surroundings
from flyball.testing.sources import OpenSourceSuite, Rows
from tests.s3 import KEY, SECRET, S3Server, serving_s3

HASTY = BucketPatience(answer_seconds=1.0, retries=2, total_seconds=3.0)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with serving_s3(tmp_path_factory.mktemp("s3")) as running:
        yield running


def variables(endpoint: str, *, prefix: str = "") -> dict[str, str]:
    return {
        f"{prefix}AWS_ACCESS_KEY_ID": KEY,
        f"{prefix}AWS_SECRET_ACCESS_KEY": SECRET,
        f"{prefix}AWS_REGION": "us-east-1",
        f"{prefix}AWS_ENDPOINT_URL": endpoint,
    }


def opened(source: FileSource, tmp_path: Path, *, environment: Mapping[str, str]) -> FileParts:
    surroundings = Surroundings(root=tmp_path, scratch=tmp_path / "scratch", environment=environment, dataset="sales")
    return FileParts(source, surroundings, place=S3Place(source, surroundings, patience=HASTY))


class TestBucket(OpenSourceSuite):
    @pytest.fixture(autouse=True)
    def _server(self, server: S3Server, tmp_path: Path) -> None:
        self.server = server
        self.bucket = f"t{abs(hash(str(tmp_path))) % 10**12}"
        (server.root / self.bucket).mkdir(exist_ok=True)
        self.folder = server.root / self.bucket / "rows"

    def declare(self, place: Path) -> Source:
        del place
        return files(f"s3://{self.bucket}/rows", credentials="SHOP_")

    def environment(self, place: Path) -> Mapping[str, str]:
        del place
        return {name: value for name, value in variables(self.server.endpoint, prefix="SHOP_").items() if "REGION" not in name}

    def open(self, source: Source, surroundings: Surroundings) -> OpenSource:
        assert isinstance(source, FileSource)
        return FileParts(source, surroundings, place=S3Place(source, surroundings, patience=HASTY))

    def add(self, place: Path, rows: Rows) -> None:
        del place
        self.folder.mkdir(exist_ok=True)
        number = len(list(self.folder.iterdir()))
        with (self.folder / f"{number:03}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["id", "at", "text"])
            writer.writeheader()
            writer.writerows(rows)

    def change(self, place: Path) -> None:
        del place
        path = self.folder / "000.csv"
        path.write_bytes(path.read_bytes() + b"z,2014-01-01T00:00:00Z,more\n")


def test_patterns_and_single_objects_are_found(server: S3Server, tmp_path: Path) -> None:
    bucket = server.root / "patterns"
    for name in ("y=1/m=1/a.csv", "y=1/m=2/b.csv", "y=2/c.csv", "_tmp/d.csv", "notes.txt"):
        (bucket / name).parent.mkdir(parents=True, exist_ok=True)
        (bucket / name).write_bytes(b"id\n1\n")
    for path, wanted in (
        ("s3://patterns/**/*.csv", ["y=1/m=1/a.csv", "y=1/m=2/b.csv", "y=2/c.csv"]),
        ("s3://patterns/y=1/*/*.csv", ["m=1/a.csv", "m=2/b.csv"]),
        ("s3://patterns/y=2/c.csv", ["c.csv"]),
        ("s3://patterns/y=2/", ["c.csv"]),
    ):
        names = [part.name for part in opened(files(path), tmp_path, environment=variables(server.endpoint)).find(Seen())]
        sub = path.removeprefix("s3://patterns/")
        assert [f"y=1/{name}" if sub.startswith("y=1") else name for name in names] == [
            f"y=1/{name}" if sub.startswith("y=1") else name for name in wanted
        ]
    with pytest.raises(SourceMissingError, match=r"s3://patterns/nothing"):
        opened(files("s3://patterns/nothing"), tmp_path, environment=variables(server.endpoint)).find(Seen())


def test_wrong_credentials_are_named_by_their_variables(server: S3Server, tmp_path: Path) -> None:
    (server.root / "locked").mkdir()
    environment = {**variables(server.endpoint, prefix="SHOP_"), "SHOP_AWS_SECRET_ACCESS_KEY": "wrong"}
    with pytest.raises(FilesRefusedError, match="SHOP_AWS_SECRET_ACCESS_KEY") as caught:
        opened(files("s3://locked/rows", credentials="SHOP_"), tmp_path, environment=environment).find(Seen())
    assert "wrong" not in str(caught.value)


def test_a_bucket_that_is_not_there_is_said_to_be_missing(server: S3Server, tmp_path: Path) -> None:
    with pytest.raises(SourceMissingError, match="s3://no-such-bucket/rows"):
        opened(files("s3://no-such-bucket/rows"), tmp_path, environment=variables(server.endpoint)).find(Seen())


@contextmanager
def moody(status: int, *, silent: bool = False, cut: bool = False) -> Iterator[str]:
    """A server that answers every request with the status, never, or with half of what it promised."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if silent:
                over.wait(60)
                return
            self.send_response(status)
            self.send_header("Content-Length", "1000" if cut else "0")
            self.send_header("ETag", '"e"')
            self.send_header("Last-Modified", "Tue, 01 Jan 2013 00:00:00 GMT")
            self.end_headers()
            if cut and self.command == "GET":
                self.wfile.write(b"id\n1\n")
                self.close_connection = True

        do_HEAD = do_GET  # noqa: N815  the base class names it so

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        over.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("mood", ["503", "silent", "cut off", "absent"])
def test_a_server_that_does_not_answer_as_it_should_is_said_to_be_unreachable(mood: str, tmp_path: Path) -> None:
    with moody(503 if mood == "503" else 200, silent=mood == "silent", cut=mood == "cut off") as endpoint:
        address = endpoint if mood != "absent" else "http://127.0.0.1:9"
        source = opened(files("s3://shop/rows.csv"), tmp_path, environment=variables(address))
        with pytest.raises(FilesUnreachableError, match=r"s3://shop/rows\.csv.*nothing was recorded"):
            source.find(Seen())
        source.close()
    assert not list((tmp_path / "scratch").glob("*"))


def test_what_was_seen_is_not_sent_again(server: S3Server, tmp_path: Path) -> None:
    (server.root / "once").mkdir()
    path = server.root / "once" / "a.parquet"
    pl.DataFrame({"id": [1, 2]}).write_parquet(path)
    environment = variables(server.endpoint)
    with opened(files("s3://once"), tmp_path, environment=environment) as source:
        (part,) = source.find(Seen())
        assert pl.concat(source.read(part))["id"].to_list() == [1, 2]
    with opened(files("s3://once"), tmp_path, environment=environment) as source:
        assert source.find(Seen(digests=frozenset({part.digest}))) == [part]
        assert not list((tmp_path / "scratch").glob("*")), "nothing is brought for what is known"
        assert pl.concat(source.read(part))["id"].to_list() == [1, 2], "unless it is asked for"
