"""A watch tells of each new or changed file once, when it stands still, and opens none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flyball.core.clock import ManualTimer
from flyball.data import Dataset, files
from flyball.data.errors import SourceDeniedError
from flyball.data.watching import SourceWatch
from tests.nobody import nobody

SALES = Dataset("sales", files("data"), key="id", event_time="sold_at")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("id,sold_at\n")
    return tmp_path / "data"


def test_it_tells_of_what_is_there_at_first_and_then_of_news_alone(source: Path) -> None:
    timer = ManualTimer()
    watch = SourceWatch(timer)
    assert [watch.changed(SALES, source.parent) for _ in range(3)] == [True, False, False]
    (source / "b.csv").write_text("id,sold_at\n")
    assert not watch.changed(SALES, source.parent)
    timer.sleep(1)
    assert [watch.changed(SALES, source.parent) for _ in range(2)] == [True, False]


def test_a_file_that_grows_is_left_for_the_next_look(source: Path) -> None:
    timer = ManualTimer()
    watch = SourceWatch(timer)
    watch.changed(SALES, source.parent)
    for size in range(5):
        (source / "a.csv").write_text("id,sold_at\n" + "x" * (size + 1))
        timer.sleep(0.9)
        assert not watch.changed(SALES, source.parent)
        timer.sleep(0.9)
        assert not watch.changed(SALES, source.parent)
    timer.sleep(0.1)
    assert watch.changed(SALES, source.parent)


def test_a_file_rewritten_at_the_same_size_is_news(source: Path) -> None:
    timer = ManualTimer()
    watch = SourceWatch(timer)
    watch.changed(SALES, source.parent)
    path = source / "a.csv"
    status = path.stat()
    path.write_text("at,sold_id\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    watch.changed(SALES, source.parent)
    timer.sleep(1)
    assert watch.changed(SALES, source.parent)


def test_a_file_that_is_gone_is_no_news_and_comes_back_as_one(source: Path) -> None:
    timer = ManualTimer()
    watch = SourceWatch(timer)
    watch.changed(SALES, source.parent)
    (source / "a.csv").rename(source.parent / "a.csv")
    for _ in range(3):
        assert not watch.changed(SALES, source.parent)
        timer.sleep(1)
    (source / "b.csv").write_text("id,sold_at\n")
    watch.changed(SALES, source.parent)
    timer.sleep(1)
    assert watch.changed(SALES, source.parent)


def test_a_source_that_is_not_there_yet_is_no_error(tmp_path: Path) -> None:
    watch = SourceWatch(ManualTimer())
    assert not watch.changed(SALES, tmp_path)


def test_what_is_forgotten_is_told_again(source: Path) -> None:
    watch = SourceWatch(ManualTimer())
    watch.changed(SALES, source.parent)
    watch.forget(SALES)
    assert watch.changed(SALES, source.parent)


def test_a_source_that_may_not_be_listed_says_so(source: Path) -> None:
    source.chmod(0)
    try:
        with nobody(), pytest.raises(SourceDeniedError):
            SourceWatch(ManualTimer()).changed(SALES, source.parent)
    finally:
        source.chmod(0o755)
