"""Tables in a bucket keep their port's laws against a real S3 server, and lose nothing to its faults."""

from __future__ import annotations

import builtins
import itertools
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from flyball.core.errors import UnavailableError
from flyball.storage._delta import DeltaTables
from flyball.storage._deltafolder import Stored
from flyball.storage._s3folder import S3Folder
from flyball.storage.blobsurl import Bucket
from flyball.storage.buckets import BucketPatience
from flyball.storage.tableerrors import CommitUnknownError, TablesRefusedError, TablesUnguardedError, TablesUnreachableError
from flyball.storage.tables import TableCommit, TableStore
from flyball.testing.tablecare import TableCareSuite
from flyball.testing.tables import TableStoreSuite
from tests.s3 import KEY, SECRET, S3Server, serving_s3
from tests.s3front import S3Front, fronting, serving_moto

CALM = BucketPatience(answer_seconds=60, retries=1, pause_seconds=0.1, total_seconds=60)
HASTY = BucketPatience(answer_seconds=1, retries=1, pause_seconds=0.1, total_seconds=10)  # for answers that never come in time
STUBBORN = BucketPatience(answer_seconds=2, retries=8, pause_seconds=0.1, total_seconds=60)
_NUMBERS = itertools.count()
_ROWS = pl.DataFrame({"number": [1, 2], "text": ["x", None]})


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with serving_s3(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def front(server: S3Server) -> Iterator[S3Front]:
    with fronting(server) as front:
        yield front


@pytest.fixture
def bucket(front: S3Front) -> Bucket:
    return front.create_bucket(f"tables-{next(_NUMBERS)}", "team/home")


class _InBuckets:
    @pytest.fixture(autouse=True)
    def _front(self, front: S3Front) -> None:
        self.front, self.buckets = front, dict[Path, Bucket]()

    @contextmanager
    def open(self, place: Path) -> Iterator[TableStore]:
        if place not in self.buckets:
            self.buckets[place] = self.front.create_bucket(f"tables-{next(_NUMBERS)}")
        yield DeltaTables(S3Folder(self.buckets[place]), least_keep=timedelta(0))


class TestS3Tables(_InBuckets, TableStoreSuite):
    pass


class TestS3TablesKept(_InBuckets, TableCareSuite):
    pass


def opened(bucket: Bucket, patience: BucketPatience = CALM) -> DeltaTables:
    return DeltaTables(S3Folder(bucket, patience=patience))


def test_a_server_that_overwrites_is_not_written_to(server: S3Server) -> None:
    bucket = server.create_bucket(f"tables-{next(_NUMBERS)}")
    with pytest.raises(TablesUnguardedError, match="If-None-Match"):
        opened(bucket).append("t", _ROWS, job="a")
    assert opened(bucket).latest("t") is None


@pytest.mark.parametrize("mood", ["busy", "broken", "slow"])
@pytest.mark.parametrize("asked", ["PUT", "GET", "_delta_log"])
def test_passing_trouble_is_waited_for(mood: str, asked: str, bucket: Bucket, front: S3Front) -> None:
    opened(bucket, STUBBORN).append("t", _ROWS, job="a")
    front.moods.append((mood, asked))
    tables = opened(bucket, STUBBORN)
    assert tables.append("t", _ROWS, job="b") == 1
    assert tables.append("t", _ROWS, job="b") == 1
    assert (tables.read("t").collect().height, front.moods) == (4, [])


@pytest.mark.parametrize("mood", ["busy", "broken", "slow", "lost"])
@pytest.mark.parametrize("asked", ["PUT", "GET"])
def test_lasting_trouble_is_told_and_loses_nothing(mood: str, asked: str, bucket: Bucket, front: S3Front) -> None:
    opened(bucket).append("t", _ROWS, job="a")
    tables = opened(bucket, HASTY if mood == "slow" else CALM)
    front.moods += [(mood, asked)] * 60
    for number in range(2):
        with pytest.raises(UnavailableError):
            tables.append("t", _ROWS, job=f"b{number}")
    with pytest.raises(UnavailableError):
        tables.rewrite("t", pl.col("number") == 1, job="e")
    front.moods.clear()
    if mood == "slow":
        tables = opened(bucket)
    assert sorted(tables.read("t").collect()["number"]) == [1, 2]
    for number in range(2):
        tables.append("t", _ROWS, job=f"b{number}")
    assert sorted(opened(bucket).read("t").collect()["number"]) == [1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize("mood", ["busy", "broken"])
def test_a_server_that_fails_while_rows_are_read_is_told(mood: str, bucket: Bucket, front: S3Front) -> None:
    tables = opened(bucket)
    tables.append("t", _ROWS, job="a")
    rows = tables.read("t").filter(pl.col("number") > 1)
    front.moods += [(mood, ".parquet")] * 200
    with pytest.raises(TablesUnreachableError, match="could not be reached"):
        rows.collect()
    front.moods.clear()
    assert rows.collect().rows() == [(2, None)]
    assert tables.read("t").head(1).filter(pl.col("number") > 1).collect().height == 0
    assert tables.read("t").filter(pl.col("number") > 9).select("text").collect().schema == {"text": pl.String}
    assert tables.read("t").select(pl.len()).collect().item() == 2


def test_a_commit_whose_answer_was_lost_is_there_once(bucket: Bucket, front: S3Front) -> None:
    tables = opened(bucket)
    tables.append("t", _ROWS, job="a")
    front.moods.append(("lost", "PUT /" + bucket.name + "/team/home/tables/t/_delta_log/"))
    assert tables.append("t", _ROWS, job="b") == 1, "asked again, the server has it: it is ours"
    front.moods += [("lost", "_delta_log/00000000000000000002")] * 2
    with pytest.raises(CommitUnknownError, match="repeat it"):
        DeltaTables(S3Folder(bucket, patience=BucketPatience(answer_seconds=1, retries=0))).append("t", _ROWS, job="c")
    front.moods.clear()
    assert (tables.append("t", _ROWS, job="c"), tables.find_commit("t", "c")) == (2, TableCommit(2, 1))
    assert tables.read("t").collect().height == 6


def test_writers_on_many_machines_lose_nothing(bucket: Bucket) -> None:
    def write(writer: int) -> None:
        tables = opened(bucket, STUBBORN)  # each with locks of its own, as on machines of their own
        for number in range(8):
            tables.append("t", pl.DataFrame({"writer": [writer], "number": [number]}), job=f"{writer}-{number}")
            tables.append("t", pl.DataFrame({"writer": [9], "number": [number]}), job=f"same-{number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    found = opened(bucket).read("t").collect().sort("writer", "number")
    assert found.rows() == [(writer, number) for writer in (0, 1, 2, 3, 9) for number in range(8)]
    assert opened(bucket).latest("t") == 39


def test_wrong_credentials_are_told_without_them(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret")
    with pytest.raises(TablesRefusedError, match="AWS_SECRET_ACCESS_KEY") as caught:
        opened(bucket).append("t", _ROWS, job="a")
    assert "wrong-secret" not in str(caught.value)


def test_who_is_not_there_is_told() -> None:
    tables = opened(Bucket(name="bucket", prefix="home", endpoint="http://127.0.0.1:9", region="x"))
    for use in (lambda: tables.append("t", _ROWS, job="a"), lambda: tables.read("t"), lambda: tables.latest("t"), tables.list):
        with pytest.raises(TablesUnreachableError, match="s3://bucket/home/tables could not be reached"):
            use()


def test_a_server_that_knows_conditions_itself(tmp_path: Path) -> None:
    with serving_moto(tmp_path) as bucket:
        # One after another, each with its own old look at the table: what the server checks and stores is two steps of it.
        writers = [opened(bucket, STUBBORN) for _ in range(4)]
        for number in range(8):
            for writer, ours in enumerate(writers):
                ours.append("t", pl.DataFrame({"writer": [writer], "number": [number]}), job=f"{writer}-{number}")
                ours.append("t", pl.DataFrame({"writer": [9], "number": [number]}), job=f"same-{number}")
        found = opened(bucket).read("t").collect().sort("writer", "number")
        assert found.rows() == [(writer, number) for writer in (0, 1, 2, 3, 9) for number in range(8)]
        tables = DeltaTables(S3Folder(bucket), least_keep=timedelta(0))
        assert tables.compact("t", order="number") == 40
        assert tables.rewrite("t", pl.col("writer") == 9, job="e").rows == 8
        assert tables.vacuum("t", keep=timedelta(0)).files == 0
        assert (tables.read("t").collect().height, tables.statistics("t").files) == (32, 1)
        options = dict(S3Folder(bucket).options or {})
        assert pl.read_delta(f"{bucket}/tables/t", storage_options=options).height == 32, "stock readers agree"


_WRITER = """
import sys
import polars as pl
from flyball.app.tables import open_tables
tables = open_tables(sys.argv[1])
print("begin", flush=True)
position = tables.position("t", "s")
while True:
    position += 1
    tables.append_next("t", pl.DataFrame({"number": [position]}), stream="s", position=position)
    print(position, flush=True)
    tables.compact("t", order="number")
"""


def test_a_writer_killed_at_any_moment_leaves_what_was_told(bucket: Bucket) -> None:
    url, told = f"{bucket}?endpoint={bucket.endpoint}&region=us-east-1", list[int]()
    for round_number in range(4):
        with subprocess.Popen([sys.executable, "-c", _WRITER, url], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "begin\n"
            told += [int(child.stdout.readline()) for _ in range(5 + 7 * round_number)]
            child.kill()
            told += map(int, child.stdout.read().split())
        found = opened(bucket, STUBBORN).read("t").collect()["number"].to_list()
        assert sorted(found) == list(range(1, len(found) + 1)), "each row once"
        assert set(told) <= set(found)
        assert len(found) <= max(told) + 1


def test_an_append_that_comes_while_an_erasure_deletes_is_kept(bucket: Bucket) -> None:
    class Visited(S3Folder):
        visits = 0

        def list(self, folder: str) -> builtins.list[Stored]:
            if self.visits == 0 and folder.endswith("_delta_log"):  # the commit is made; now the old files are looked for
                self.visits += 1
                opened(bucket).append("t", pl.DataFrame({"number": [1]}), job="late")
            return super().list(folder)

    tables = opened(bucket)
    for number in range(3):
        tables.append("t", pl.DataFrame({"number": [number]}), job=f"j{number}")
    erasing = DeltaTables(Visited(bucket))
    erasing._history._held = dict(tables._history._held)  # so that it looks into the log for old files only
    assert erasing.rewrite("t", pl.col("number") == 1, job="e").rows == 1
    assert sorted(opened(bucket).read("t").collect()["number"]) == [0, 1, 2], "a new row of the same key is others' business"
