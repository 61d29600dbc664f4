"""Files that are not what they should be: one sentence, the right exit code, and a home as it was before."""

from __future__ import annotations

import gzip
import itertools
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

CSV, PARQUET = "data/arrivals/all.csv", "data/parcels/all.parquet"


def grown(path: Path) -> bytes:
    """The file's bytes with one more row, so that it is new to the home."""
    return path.read_bytes() + b"p99999,2024-02-11T05:00:00.000000+0000,12.5\n"


def nothing(folder: Path) -> None:
    shutil.rmtree(folder / "data/arrivals")


def empty(folder: Path) -> None:
    (folder / CSV).write_bytes(b"")


def header_only(folder: Path) -> None:
    (folder / CSV).write_bytes((folder / CSV).read_bytes().partition(b"\n")[0] + b"\n")


def cut_parquet(folder: Path) -> None:
    path = folder / PARQUET
    path.write_bytes(path.read_bytes()[:-1000])


def cut_gzip(folder: Path) -> None:
    whole = gzip.compress(grown(folder / CSV))
    (folder / CSV).unlink()
    (folder / "data/arrivals/all.csv.gz").write_bytes(whole[: len(whole) // 2])


def cut_csv(folder: Path) -> None:
    (folder / CSV).write_bytes(grown(folder / CSV)[:-6])


def utf16(folder: Path) -> None:
    (folder / CSV).write_bytes((folder / CSV).read_text(encoding="utf-8").encode("utf-16"))


def latin(folder: Path) -> None:
    (folder / CSV).write_bytes(grown(folder / CSV).replace(b"p99999", "pä9999".encode("latin-1")))


def renamed(folder: Path) -> None:
    (folder / CSV).write_bytes(grown(folder / CSV).replace(b"delay", b"dealy", 1))


def no_parquet(folder: Path) -> None:
    (folder / PARQUET).write_bytes(b"parcel,leaves_at\n1,2\n")


@pytest.mark.parametrize(
    ("spoil", "code", "facts"),
    [
        (nothing, 4, ["'arrivals'", "there is no data file"]),
        (empty, 2, ["all.csv has no content"]),
        (header_only, 2, ["all.csv has no rows"]),
        (cut_parquet, 2, ["all.parquet cannot be read", "truncated"]),
        (cut_gzip, 2, ["all.csv.gz cannot be read", "ends early"]),
        (cut_csv, 2, ["all.csv cannot be read", "2 of 3 cells"]),
        (utf16, 2, ["all.csv is not UTF-8", "UTF-16"]),
        (latin, 2, ["all.csv is not UTF-8", "ISO-8859-1"]),
        (renamed, 2, ["no column 'delay'", "Did you mean 'dealy'"]),
        (no_parquet, 2, ["all.parquet cannot be read", "no Parquet file"]),
    ],
)
def test_a_spoiled_file_is_refused_in_one_sentence(place: Any, *, spoil: Callable[[Path], None], code: int, facts: list[str]) -> None:
    spoil(place.folder)
    place.refuses(code, *facts)


def test_a_file_that_is_still_being_written_is_refused(place: Any) -> None:
    ended = threading.Event()

    def write() -> None:
        with (place.folder / CSV).open("ab") as file:
            for number in itertools.count():
                file.write(b"w%d,2024-02-11T05:00:00.000000+0000,12.5\n" % number)
                file.flush()
                if ended.wait(0.001):
                    return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        place.refuses(7, "all.csv changed while it was read")
    finally:
        ended.set()
        writer.join()


def test_text_among_numbers_is_set_aside_with_its_reason(place: Any) -> None:
    lines = (place.folder / CSV).read_text(encoding="utf-8").splitlines()
    spoiled = [line.rpartition(",")[0] + ",soon" if number > 2500 else line for number, line in enumerate(lines)]
    (place.folder / CSV).write_text("\n".join(spoiled) + "\n", encoding="utf-8")
    shutil.rmtree(place.home)
    done = place.run("backtest")
    assert done.returncode == 0, done.stderr
    shown = place.run("show", "dataset", "arrivals", "--home", str(place.home))
    assert "20" in shown.stdout
    aside = [pl.read_delta(str(path)) for path in (place.home / "tables").glob("*") if "quarantine" in path.name]
    assert [frame.height for frame in aside] == [20]
    assert "delay" in aside[0]["reason"][0]
    assert "soon" in aside[0]["raw"][0]


def test_a_version_of_mostly_broken_rows_is_held(place: Any) -> None:
    path = place.folder / "data/arrivals/more.csv"
    rows = "".join(f"x{number},2024-02-01T00:00:00.000000+0000,soon\n" for number in range(3000))
    path.write_text("parcel,arrived_at,delay\n" + rows, encoding="utf-8")
    done = place.run("backtest")
    assert (done.returncode, "Traceback" in done.stderr) == (7, False), done.stderr
    assert "flyball release arrivals@2" in done.stderr


def test_files_behind_links_are_read(fresh: Callable[..., Any], made: Any) -> None:
    place = fresh()
    for path in place.folder.glob("data/*/*"):
        real = place.folder / f"real-{path.name}-{path.parent.name}"
        path.rename(real)
        path.symlink_to(real)
    done = place.run("backtest")
    assert done.returncode == 0, done.stderr
    assert place.figures() == made.figures()


def test_a_link_to_nothing_is_a_missing_file(place: Any) -> None:
    (place.folder / PARQUET).unlink()
    (place.folder / PARQUET).symlink_to(place.folder / "gone.parquet")
    place.refuses(4, "'parcels'", "there is no data file")
