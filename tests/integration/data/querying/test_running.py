"""A query reads the tables it is given, within its limits, and nothing else; real processes, confined as in production."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flyball.core.clock import MonotonicTimer
from flyball.data.querying import running
from flyball.data.querying.errors import QueryDiedError, QueryError, QueryFileError, QueryKindError, QueryTooLargeError, QueryTooSlowError
from flyball.data.querying.model import Limits, View, latest_of, parquet_of, quoted, rows_of
from flyball.data.querying.running import Querying

MANY = 300_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("tables")
    frame = pl.DataFrame({"id": range(MANY), "x": [n % 7 for n in range(MANY)], "__arrival": range(MANY)})
    frame.write_parquet(found / "numbers.parquet")
    (found / "secret.csv").write_text("a\n1\n")
    return found


@pytest.fixture
def numbers(folder: Path) -> View:
    file = str(folder / "numbers.parquet")
    select = rows_of(parquet_of([file]), columns=["id", "x"], ranges=[(0, 9), (20, MANY)], arrival="__arrival")
    return View(schema="main", name="numbers", select=select, files=(file,))


@pytest.fixture
def querying(folder: Path, tmp_path: Path) -> Querying:
    return Querying(tmp_path / "scratch", [folder], timer=MonotonicTimer())


def ask(querying: Querying, sql: str, *views: View, limits: Limits | None = None) -> pl.DataFrame:
    return pl.concat(querying.stream(sql, views, limits=limits))


def test_it_answers_over_the_ranges_of_its_view(querying: Querying, numbers: View) -> None:
    assert ask(querying, "select count(*) as n, min(id) as low, max(id) as high from numbers", numbers).rows() == [(MANY - 10, 0, MANY - 1)]


def test_rows_come_before_the_whole_answer_is_there(querying: Querying, numbers: View) -> None:
    frames = querying.stream("select a.id from numbers a, range(1000000)", [numbers], limits=Limits(seconds=60))
    assert next(frames).height > 0
    frames.close()  # type: ignore[attr-defined]  # a generator: whoever stops reading ends the query


def test_scratch_is_empty_afterwards(querying: Querying, numbers: View, tmp_path: Path) -> None:
    ask(querying, "select 1 as one", numbers)
    with pytest.raises(QueryError):
        ask(querying, "select nope from numbers", numbers)
    assert list((tmp_path / "scratch").glob("*/step-*")) == []


@pytest.mark.parametrize(
    "sql",
    [
        "describe numbers", "summarize numbers", "show tables", "values (1), (2)", "with a as (select 1 as b) select * from a",
        "from numbers limit 3", "select 1;", "select 1 -- remark",
    ],
)  # fmt: skip
def test_what_reads_is_answered(querying: Querying, numbers: View, sql: str) -> None:
    assert ask(querying, sql, numbers).height > 0


@pytest.mark.parametrize(
    "sql",
    [
        "", "   ", "-- nothing", "select 1; select 2", "drop view numbers", "create table t(i int)", "insert into numbers values (1)",
        "copy numbers to 'x.csv'", "attach 'x.db'", "install httpfs", "set memory_limit='9GB'",
        "pragma database_list", "export database 'x'",
    ],
)  # fmt: skip
def test_what_does_anything_else_is_refused(querying: Querying, numbers: View, sql: str) -> None:
    with pytest.raises(QueryKindError, match="only a single SELECT"):
        ask(querying, sql, numbers)


def test_other_files_cannot_be_read(querying: Querying, numbers: View, folder: Path) -> None:
    for place in (folder / "secret.csv", Path("/etc/passwd")):
        with pytest.raises(QueryFileError):
            ask(querying, f"select * from read_csv('{place}')", numbers)  # noqa: S608  a test's own path
    with pytest.raises((QueryFileError, QueryError)):
        ask(querying, f"select * from '{folder / 'secret.csv'}'", numbers)  # noqa: S608  a test's own path
    with pytest.raises(QueryFileError):
        ask(querying, "select * from glob('/*')", numbers)


def test_the_environment_stays_outside(querying: Querying, numbers: View, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLYBALL_TOKEN", "do-not-tell")
    with pytest.raises(QueryError):
        ask(querying, "select getenv('FLYBALL_TOKEN')", numbers)


def test_a_misspelt_query_is_told_where(querying: Querying, numbers: View) -> None:
    with pytest.raises(QueryError, match='column "nope" not found'):
        ask(querying, "select nope from numbers", numbers)
    with pytest.raises(QueryError, match='Did you mean "numbers"'):
        ask(querying, "select * from number", numbers)
    with pytest.raises(QueryError, match="syntax error"):
        ask(querying, "selekt 1", numbers)


def test_what_takes_too_long_is_ended(querying: Querying) -> None:
    with pytest.raises(QueryTooSlowError, match="--timeout"):
        ask(querying, "select count(*) from range(1000000) a, range(10000000) b where a.range * b.range % 7 = 3", limits=Limits(seconds=1))


def test_what_takes_too_much_memory_is_ended(querying: Querying) -> None:
    small = Limits(seconds=120, memory_bytes=64 << 20, scratch_bytes=1 << 20)
    with pytest.raises(QueryTooLargeError, match="--memory"):
        ask(querying, "select list(a.range) from range(100000000) a group by a.range % 3", limits=small)


def test_a_killed_process_is_told(querying: Querying, numbers: View, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_OUT_OF_MEMORY", frozenset())
    frames = querying.stream("select a.id from numbers a, range(1000000)", [numbers])
    next(frames)
    child = [int(name) for name in os.listdir("/proc") if name.isdigit() and _is_child(int(name))]  # noqa: PTH208  names alone
    for process in child:
        os.kill(process, signal.SIGKILL)
    with pytest.raises(QueryDiedError):
        for _ in frames:
            pass


def _is_child(process: int) -> bool:
    try:
        status = Path(f"/proc/{process}/status").read_text()
        command = Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False
    return f"\nPPid:\t{os.getpid()}\n" in status and b"flyball.data.querying.child" in command


def test_types_that_few_readers_know_come_as_others(querying: Querying) -> None:
    sql = "select interval 1 day as a, sum(range) as b, uuid() as c, [1, 2] as d, {'x': 1} as e, null as f from range(3)"
    assert [str(dtype) for dtype in ask(querying, sql).dtypes[:5]] == ["String", "Float64", "String", "List(Int32)", "Struct({'x': Int32})"]


def test_columns_of_one_name_are_numbered(querying: Querying, numbers: View) -> None:
    sql = "select a.id, b.id, a.x as id from numbers a join numbers b using (id) where a.id = 5"
    assert ask(querying, sql, numbers).columns == ["id", "id_1", "id_2"]


def test_no_rows_still_have_columns(querying: Querying, numbers: View) -> None:
    assert ask(querying, "select id, x * 0.5 as half from numbers where false", numbers).columns == ["id", "half"]


def test_an_answer_can_be_a_file(querying: Querying, numbers: View, tmp_path: Path) -> None:
    assert querying.write_parquet("select * from numbers where id < 5", [numbers], path=tmp_path / "a.parquet") == 5
    assert pl.read_parquet(tmp_path / "a.parquet").height == 5
    with pytest.raises(QueryError):
        querying.write_parquet("select nope from numbers", [numbers], path=tmp_path / "a.parquet")
    assert pl.read_parquet(tmp_path / "a.parquet").height == 5


def test_queries_run_beside_each_other(querying: Querying, numbers: View) -> None:
    answers: list[int] = []

    def count() -> None:
        answers.append(ask(querying, "select count(*) as n from numbers", numbers).item())

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == [MANY - 10] * 3


def test_of_each_key_the_last_row_counts(querying: Querying, tmp_path: Path, folder: Path) -> None:
    file = str(folder / "corrected.parquet")
    pl.DataFrame({"k": [1, 1, 2], "v": ["old", "new", "only"], "known": [1, 2, 1], "__arrival": [0, 1, 2]}).write_parquet(file)
    rows = rows_of(parquet_of([file]), columns=["k", "v", "known"], ranges=[(0, 2)], arrival="__arrival")
    view = View(schema="main", name="corrected", select=latest_of(rows, key=["k"], order=["known"]), files=(file,))
    assert ask(querying, "select k, v from corrected order by k", view).rows() == [(1, "new"), (2, "only")]
    del tmp_path


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20))
def test_any_name_can_be_quoted(querying: Querying, name: str) -> None:
    answered = ask(querying, f"select 1 as {quoted(name)}").columns
    assert answered == [name]
