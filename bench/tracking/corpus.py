"""Many runs, made by one rule and written in bulk: what the benchmark of searches looks through.

Of the runs 40 % stand in one experiment, 40 % in experiments of 4,000 and 20 % in experiments of 200, as in a company's tracking server.
Each run has 10 params, 5 metrics and 3 tags. Some values depend on a run's age (`data_version`, `release`), as they do in life: such a
group lies in one stretch of time, which is what makes a walk from the newest run to it long.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sqlalchemy import Index
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex

from flyball.storage.database import Database
from flyball.tracking._sql import latest_metrics, run_params, run_tags, tracked_runs

PARAMS = ("batch_size", "data_version", "depth", "dropout", "epochs", "lr", "model", "note", "optimizer", "seed")
METRICS = ("accuracy", "auc", "epoch", "loss", "seconds")
TAGS = ("mlflow.runName", "release", "team")
BIG, FIRST_MS, APART_MS = 1, 1_700_000_000_000, 1_000
CHUNK = 20_000
_WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "glade", "heron", "inlet", "jetty")
_TABLES = (tracked_runs, run_params, run_tags, latest_metrics)


def build(place: Path, runs: int) -> Path:
    """The database of so many runs under `place`, made unless it is there."""
    path = place / f"runs-{runs}.db"
    if path.exists():
        return path
    making = path.with_suffix(".making")
    making.unlink(missing_ok=True)
    Database.open(making).close()
    connection = sqlite3.connect(making, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-400000")
    indexes = [index for table in _TABLES for index in sorted(table.indexes, key=lambda each: str(each.name))]
    connection.execute("BEGIN")
    for index in indexes:  # made at the end, in one sort each
        connection.execute(f"DROP INDEX {index.name}")
    _fill(connection, runs)
    for index in indexes:
        connection.execute(_ddl(index))
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    making.rename(path)
    return path


def experiments(runs: int) -> np.ndarray:
    """The experiment of each run, by its number less one."""
    turn, number = np.arange(runs) % 10, np.arange(runs)
    middles, smalls = max(2, runs // 10_000), max(20, runs // 1_000)
    middle, small = 2 + number // 10 % middles, 2 + middles + number // 10 % smalls
    return np.where(turn < 4, BIG, np.where(turn < 8, middle, small)).astype(np.int64)


def _ddl(index: Index) -> str:
    return str(CreateIndex(index).compile(dialect=sqlite.dialect()))


def _fill(connection: sqlite3.Connection, runs: int) -> None:
    keys = _names(connection)
    homes = experiments(runs)
    made = [(int(each), f"experiment-{each}", "mlflow-artifacts:/x", "active", 0, 0) for each in np.unique(homes)]
    connection.executemany(
        "INSERT INTO experiments (id, name, artifact_location, lifecycle, created_ms, updated_ms) VALUES (?,?,?,?,?,?)", made
    )
    for first in range(0, runs, CHUNK):
        numbers = np.arange(first + 1, min(first + CHUNK, runs) + 1)
        _fill_chunk(connection, numbers, homes=homes[numbers - 1], keys=keys, runs=runs)


def _names(connection: sqlite3.Connection) -> dict[tuple[str, str], int]:
    wanted = [("param", name) for name in PARAMS] + [("metric", name) for name in METRICS] + [("tag", name) for name in TAGS]
    connection.executemany("INSERT OR IGNORE INTO names (kind, name) VALUES (?, ?)", wanted)
    return {(kind, name): number for number, kind, name in connection.execute("SELECT id, kind, name FROM names")}


def _fill_chunk(
    connection: sqlite3.Connection, numbers: np.ndarray, *, homes: np.ndarray, keys: dict[tuple[str, str], int], runs: int
) -> None:
    chance = np.random.default_rng(int(numbers[0]))
    texts, figures = _texts(chance, numbers, runs=runs), _figures(chance, numbers, runs=runs)
    rows = list(zip(numbers.tolist(), homes.tolist(), strict=True))
    heads = (
        (
            number,
            f"{number * 0x9E3779B97F4A7C15 % 2**128:032x}",
            home,
            name,
            "u",
            status,
            "active",
            start,
            start + 60_000,
            f"mlflow-artifacts:/{home}/{number}",
        )
        for (number, home), name, status, start in zip(
            rows, texts["mlflow.runName"], _statuses(numbers), _starts(chance, numbers), strict=True
        )
    )
    columns = 'number, id, experiment, name, "user", status, lifecycle, start_ms, end_ms, artifact_uri, points'
    connection.executemany(f"INSERT INTO tracked_runs ({columns}) VALUES (?,?,?,?,?,?,?,?,?,?,5)", heads)  # noqa: S608  our own words
    for table, kind, chosen in (("run_params", "param", PARAMS), ("run_tags", "tag", TAGS)):
        connection.executemany(
            f"INSERT INTO {table} (run, key, experiment, value, head) VALUES (?,?,?,?,?)",  # noqa: S608  our own words
            _keyed(rows, {keys[kind, name]: texts[name] for name in chosen}),
        )
    columns = "run, key, experiment, is_nan, value, step, time_ms"
    connection.executemany(
        f"INSERT INTO latest_metrics ({columns}) VALUES (?,?,?,?,?,?,?)",  # noqa: S608  our own words
        _measured(rows, {keys["metric", name]: figures[name] for name in METRICS}),
    )


def _keyed(rows: list[tuple[int, int]], values: dict[int, list[str]]) -> Iterator[tuple[int, int, int, str, str]]:
    ordered = sorted(values.items())
    for place, (number, home) in enumerate(rows):
        for key, column in ordered:
            yield number, key, home, column[place], column[place][:64]


def _measured(rows: list[tuple[int, int]], values: dict[int, list[float]]) -> Iterator[tuple[int, int, int, int, float, int, int]]:
    ordered = sorted(values.items())
    for place, (number, home) in enumerate(rows):
        for key, column in ordered:
            value = column[place]
            nan = math.isnan(value)
            yield number, key, home, int(nan), 0.0 if nan else value, 10, FIRST_MS


def _starts(chance: np.random.Generator, numbers: np.ndarray) -> list[int]:
    """Nearly in the order of numbers, as runs of many clients are."""
    starts: list[int] = (FIRST_MS + numbers * APART_MS + chance.integers(-20_000, 20_000, len(numbers))).tolist()
    return starts


def _statuses(numbers: np.ndarray) -> list[str]:
    return ["failed" if number % 50 == 0 else "running" if number % 1000 == 7 else "finished" for number in numbers.tolist()]


def _texts(chance: np.random.Generator, numbers: np.ndarray, *, runs: int) -> dict[str, list[str]]:
    def picked(*values: str) -> list[str]:
        return [values[place] for place in chance.integers(0, len(values), len(numbers))]

    ages = (numbers * 40 // (runs + 1)).tolist()
    words = chance.integers(0, len(_WORDS), (len(numbers), 4)).tolist()
    notes = [
        f"trial {number} of {_WORDS[a]} and {_WORDS[b]}, with {_WORDS[c]} and usual {_WORDS[d]} settings, by us"
        for number, (a, b, c, d) in zip(numbers.tolist(), words, strict=True)
    ]
    names = [f"{_WORDS[a]}-{_WORDS[b]}-{number % 1000}" for number, (a, b, _, _) in zip(numbers.tolist(), words, strict=True)]
    return {
        "batch_size": picked("16", "32", "64", "128"),
        "data_version": [f"v{age}" for age in ages],
        "depth": [str(depth) for depth in chance.integers(1, 21, len(numbers))],
        "dropout": picked("0.0", "0.1", "0.2", "0.5"),
        "epochs": picked("10", "20", "50"),
        "lr": [f"{rate:.6g}" for rate in 10 ** chance.uniform(-5, 0, len(numbers))],
        "model": picked("xgboost", "lightgbm", "linear", "mlp", "forest"),
        "note": notes,
        "optimizer": picked("adam", "sgd", "adamw"),
        "seed": [str(seed) for seed in chance.integers(0, 1_000_000, len(numbers))],
        "mlflow.runName": names,
        "release": [f"r{age // 4}" for age in ages],
        "team": picked("risk", "growth", "search", "ads", "ops", "core", "data", "labs"),
    }  # fmt: skip


def _figures(chance: np.random.Generator, numbers: np.ndarray, *, runs: int) -> dict[str, list[float]]:
    better = 0.1 * numbers / runs  # models get better with time
    losses = chance.lognormal(-1, 0.7, len(numbers))
    losses[chance.random(len(numbers)) < 0.01] = np.nan
    return {
        "accuracy": np.clip(chance.normal(0.75, 0.08, len(numbers)) + better, 0, 1).tolist(),
        "auc": np.clip(chance.normal(0.8, 0.06, len(numbers)), 0, 1).tolist(),
        "epoch": chance.integers(1, 51, len(numbers)).astype(float).tolist(),
        "loss": losses.tolist(),
        "seconds": chance.lognormal(4, 1, len(numbers)).tolist(),
    }
