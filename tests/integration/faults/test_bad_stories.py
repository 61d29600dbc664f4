"""What the loop lives through and tells in its report: labels, windows and trainings that fail, through the command."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

SEARCH = 'train=fb.search(metric="roc_auc", trials=1),'


def events(place: Any, kind: str) -> list[dict[str, Any]]:
    policy = json.loads(place.result.read_text(encoding="utf-8"))["policies"][0]
    return [event for window in policy["windows"] for event in window["events"] if event["type"] == kind]


def trained_by(place: Any, body: str, *, more: str = "") -> None:
    place.edit("late = fb.Model(", f"def fit(rows):\n{body}\n\n\nlate = fb.Model(")
    place.edit(SEARCH, f'train=fit, metric="roc_auc",{more}')


@pytest.mark.parametrize(
    ("body", "more", "words"),
    [
        ("    raise RuntimeError('no luck today')", "", "no luck today"),
        ("    return None", "", "returned nothing"),
        ("    while True:\n        pass", ' train_timeout="2s",', "longer than 2 s"),
    ],
    ids=["raises", "nothing", "never ends"],
)
def test_a_training_that_fails_is_told_and_the_home_says_why(place: Any, *, body: str, more: str, words: str) -> None:
    trained_by(place, body, more=more)
    done = place.run("backtest")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    failed = events(place, "training.failed")
    assert failed
    assert not events(place, "version.registered")
    why = place.run("why", failed[0]["id"], "--home", str(place.home), "--backtest", "parcels/declared")
    assert words in why.stdout, why.stdout + why.stderr


UNTIDY = """    import os, subprocess, sys, threading, time
    print("to stdout " * 1000)
    print("to stderr", file=sys.stderr)
    os.chdir("/")
    os.environ["POLARS_MAX_THREADS"] = "7"
    threading.Thread(target=time.sleep, args=(300,), daemon=False).start()
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    if os.fork() == 0:
        time.sleep(300)
        os._exit(0)
    from sklearn.linear_model import LogisticRegression

    class Mine:
        def __init__(self, fitted):
            self.fitted = fitted

        def predict_proba(self, frame):
            return self.fitted.predict_proba(frame.select("parcels.weight").fill_null(0).to_numpy())

    return Mine(LogisticRegression().fit(rows.features.select("parcels.weight").fill_null(0).to_numpy(), rows.label))"""


def test_a_training_that_prints_forks_moves_and_leaves_threads_harms_nobody(place: Any, living: Callable[[str], list[int]]) -> None:
    trained_by(place, UNTIDY)
    done = place.run("backtest")
    assert done.returncode == 0, done.stderr
    assert "to std" not in done.stdout + done.stderr
    assert events(place, "rollout.finished")
    assert not events(place, "training.failed")
    assert not living(str(place.folder))


def test_labels_that_never_come_and_one_class_and_no_rows_are_told(place: Any) -> None:
    arrivals, parcels = place.folder / "data/arrivals/all.csv", place.folder / "data/parcels/all.parquet"
    whole = pl.read_csv(arrivals)

    whole.head(5).write_csv(arrivals)
    assert run_in_new_home(place, "a").returncode == 0
    assert "labelled rows" in events(place, "training.failed")[0]["summary"]

    whole.with_columns(delay=pl.lit(0.5)).write_csv(arrivals)
    assert run_in_new_home(place, "b").returncode == 0
    assert "nothing to tell apart" in events(place, "training.failed")[0]["summary"]

    whole.write_csv(arrivals)
    pl.read_parquet(parcels).filter(~pl.col("leaves_at").dt.ordinal_day().is_between(20, 36)).write_parquet(parcels)
    assert run_in_new_home(place, "c").returncode == 0
    assert events(place, "rollout.finished")


def run_in_new_home(place: Any, name: str) -> Any:
    command = place.command("backtest")
    command[command.index("--home") + 1] = str(place.folder / name)
    return place.run(*command[3:])


def test_a_project_that_is_no_more_than_its_history_says_so(place: Any) -> None:
    place.edit('history="14d"', 'history="400d"')
    done = place.run("backtest")
    assert (done.returncode, "Traceback" in done.stderr) == (7, False)
    assert "Shorten `history`" in done.stderr
