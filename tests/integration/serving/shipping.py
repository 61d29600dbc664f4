"""Journals or ships predictions until it is killed: ``shipping.py write|ship HOME SEED``; prints each id once it is journalled."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path
from time import sleep

from flyball.core.rand import SeededRandom
from flyball.serving.log import PredictionLog
from flyball.serving.record import Answered, encode
from flyball.storage._delta import DeltaTables
from flyball.storage._localjournal import LocalJournal
from flyball.storage._sqlstore import SqlPositions
from flyball.storage.database import Database


def journals(home: Path) -> list[Path]:
    """Where the two writers journal."""
    return [home / "predictions", home / "predictions-1"]


def open_log(home: Path, positions: SqlPositions) -> PredictionLog:
    """The log of both."""
    read = {path.name: LocalJournal.read(path) for path in journals(home)}
    return PredictionLog(lambda: read, DeltaTables(home / "tables"), positions=positions)


def record(name: str, *, rows: int, endpoint: str) -> Answered:
    """Rows named after the process that wrote them."""
    ids = [f"{name}-{row}" for row in range(rows)]
    return Answered(
        endpoint=endpoint, model="m", version=1, route="champion", time=0, features_digest="d", ids=ids, keys=ids, request={},
        features={"f.x": [1.5] * rows}, value_times={}, scores=[0.5] * rows, seconds=[0.001] * rows, feature_types=["Float64"],
    )  # fmt: skip


def say(text: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def write(home: Path, seed: str) -> None:
    """Append records of one to three rows, to two endpoints in turn."""
    journal, draws = LocalJournal.write(journals(home)[int(seed) % 2], segment_bytes=1 << 14), SeededRandom(int(seed))
    for number in count():
        found = record(f"{seed}-{number:05}", rows=1 + int(3 * draws.uniform(f"{number}")), endpoint=f"e{number % 2}")
        journal.append(encode(found))
        say("\n".join(found.ids))
        sleep(0.0005)


def ship(home: Path) -> None:
    """Ship what there is, again and again."""
    positions = SqlPositions(Database.open(home / "home.db"))
    log = open_log(home, positions)
    say("ready")
    while True:
        log.ship()


if __name__ == "__main__":
    task, place, number = sys.argv[1:]
    if task == "write":
        write(Path(place), number)
    else:
        ship(Path(place))
