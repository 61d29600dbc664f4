"""What a table costs as its log grows: pushes of a thousand rows at the 10th, 1,000th and 5,000th commit, alone and tended.

    python -m bench.data.tables [--commits 5000] [--rows 1000000] [--peer-commits 1000]

The peer of a push is the library's own append to a table that it holds open, which syncs nothing; of a million rows it is one
Parquet file of the same rows, and the library. Promised: a push at the last commit costs at most twice what it does at the tenth, and a
million rows at most double the Parquet file.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

sys.path.insert(0, str(Path(__file__).parents[2]))  # `make bench` runs it as a file

from flyball.app.tending import Tending
from flyball.core.clock import MonotonicTimer
from flyball.storage._delta import DeltaTables

TIMER = MonotonicTimer()
AROUND, MOST_TIMES = 40, 2.0


def pushed(number: int) -> pl.DataFrame:
    """A push of a thousand rows."""
    return pl.DataFrame({"__arrival": range(1000 * number, 1000 * number + 1000), "value": [0.5] * 1000, "text": ["abc"] * 1000})


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    begin = TIMER.seconds()
    work()
    return TIMER.seconds() - begin


def commits(append: Callable[[int], object], count: int) -> dict[int, float]:
    """Milliseconds of a commit at its number: the median of those around it."""
    taken = [1000 * seconds(lambda number=number: append(number)) for number in range(count)]  # type: ignore[misc]  # bound per round
    marks = [mark for mark in (10, 100, 1000, 5000) if mark <= count]
    return {mark: statistics.median(taken[max(0, mark - AROUND) : mark]) for mark in marks}


def tell(name: str, found: dict[int, float]) -> None:
    """One line."""
    print(f"{name:<46}" + "".join(f"{f'{taken:.1f} ms at {mark:,}':>20}" for mark, taken in found.items()), flush=True)


def pushes(place: Path, count: int, *, peers: int) -> bool:
    """Whether the last push costs no more than twice the tenth."""
    plain = DeltaTables(place / "plain")
    found = commits(lambda n: plain.append_next("t", pushed(n), stream="s", position=n + 1), count)
    tell("pushes, each synced", found)
    tended = DeltaTables(place / "tended")
    tending = Tending(tended, TIMER)

    def push(number: int) -> None:
        tended.append_next("t", pushed(number), stream="s", position=number + 1)
        if number % 30 == 29:  # as the chore of a home that is pushed to once a second
            caring.append(seconds(tending.run))

    caring: list[float] = []
    tell("pushes, tended meanwhile", commits(push, count))
    print(f"{'tending':<46}{statistics.median(caring) * 1000:>14.1f} ms a turn, {max(caring) * 1000:,.0f} ms the longest")
    for name, store in (("plain", plain), ("tended", tended)):
        facts = store.statistics("t")
        taken = seconds(lambda store=store: DeltaTables(store.folder).read("t").filter(pl.col("__arrival") > 1000 * count - 2000).collect())  # type: ignore[misc]  # bound per round
        full = seconds(lambda store=store: DeltaTables(store.folder).read("t").collect())  # type: ignore[misc]  # bound per round
        print(f"{f'{name}: opened, last rows; opened, all':<46}{taken * 1000:>14.0f} ms {full * 1000:>8.0f} ms in {facts.files:,} files")
    tell("the library's pushes, not synced", commits(_library(place / "library"), peers))
    return found[max(found)] <= MOST_TIMES * found[10]


def _library(place: Path) -> Callable[[int], object]:
    write_deltalake(place, pushed(0), mode="append")
    table = DeltaTable(place)

    def append(number: int) -> None:
        table.update_incremental()
        done = CommitProperties(app_transactions=[Transaction("s", number)])
        write_deltalake(table, pushed(number), mode="append", commit_properties=done)

    return append


def million(place: Path, count: int) -> bool:
    """Whether many rows cost at most double their Parquet file."""
    rows = pl.DataFrame({f"c{number}": pl.int_range(count, eager=True) * (number + 1) for number in range(8)})
    rows = rows.with_columns(text=pl.format("row {}", pl.col("c0")), half=pl.col("c1") / 2)
    store = DeltaTables(place / "many")
    ours, bare, theirs = [], [], []
    for turn in range(3):
        bare.append(seconds(lambda turn=turn: rows.write_parquet(place / f"{turn}.parquet")))  # type: ignore[misc]  # bound per round
        ours.append(seconds(lambda turn=turn: store.append("t", rows, job=f"j{turn}")))  # type: ignore[misc]  # bound per round
        theirs.append(seconds(lambda: write_deltalake(place / "theirs", rows, mode="append")))
    peers = f"plain Parquet {min(bare):.2f} s, the library {min(theirs):.2f} s"
    print(f"{f'{count:,} rows of 10 columns appended':<46}{min(ours):>14.2f} s; {peers}")
    return min(ours) <= MOST_TIMES * min(bare)


def main() -> None:
    """Print what it costs; fail where a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commits", type=int, default=5000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--peer-commits", type=int, default=1000)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        fine = [million(Path(place), wanted.rows), pushes(Path(place), wanted.commits, peers=wanted.peer_commits)]
    if not all(fine):
        sys.exit("a promise is broken")


if __name__ == "__main__":
    main()
