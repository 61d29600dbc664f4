"""Earnings that are kept as answers and labels come equal those of one reading of everything, at every moment and after every restart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from flyball.data import Dataset, files, label
from flyball.data.history import known_until
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, TIME
from flyball.loop.earning import Earning
from flyball.loop.livetraffic import KEY_SEPARATOR, LoggedStretch
from flyball.loop.model import Model
from flyball.serving.outcome import THRESHOLD
from flyball.serving.volume import FALLBACK, LIVE
from flyball.training import search

START = datetime(2013, 6, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SINCE = START + 10 * MINUTE
TRIPS = Dataset("trips", files("trips"), key=["line", "day"], event_time="leaves_at")
ENDS = Dataset("ends", files("ends"), key=["line", "day"], event_time="arrived_at")
MODEL = Model(
    "late", rows=TRIPS, label=label(ENDS, pl.col("delay") > 15), features=[TRIPS["line"]], train=search(trials=1), history="1d"
)  # fmt: skip
ANSWER: dict[str, type[pl.DataType] | pl.DataType] = {
    "stream": pl.String, "position": pl.Int64, "time": TIME, "key": pl.String, "version": pl.Int64, "route": pl.String, "score": pl.Float64,
}  # fmt: skip
LABELS: dict[str, type[pl.DataType] | pl.DataType] = {
    "line": pl.String, "day": pl.Int64, "delay": pl.Float64, EVENT_TIME: TIME, KNOWN_TIME: TIME, KNOWN_UNTIL: TIME, ARRIVAL: pl.Int64,
}  # fmt: skip

keys = st.tuples(st.sampled_from("AB"), st.integers(1, 2))
RECORDS = st.fixed_dictionaries({
    "stream": st.sampled_from(["predictions", "server/far"]), "key": keys, "version": st.integers(1, 2),
    "score": st.sampled_from([0.2, 0.5, 0.9, 0.1, None]), "rows": st.integers(1, 2), "parts": st.sampled_from([2, 2, 2, 2, 1, 3]),
    "route": st.sampled_from(["champion", "challenger", "canary", FALLBACK, "shadow", "batch"]), "ago": st.sampled_from([1, 5, 0, -5, 15]),
})  # fmt: skip
TOLD = st.fixed_dictionaries({
    "key": keys, "delay": st.sampled_from([0.0, 30.0, 20.0, None, float("nan")]), "known": st.sampled_from([-15, 0, 3, 8]),
    "behind": st.sampled_from([0, 0, 3]),
})  # fmt: skip


class Earnings(RuleBasedStateMachine):
    """Answers come by two journals, labels come late, are corrected, taken back and known beforehand; processes end."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START + 20 * MINUTE
        self.answers: list[dict[str, Any]] = []
        self.labels: list[dict[str, Any]] = []
        self.arrival = 0
        self.begin()

    def begin(self) -> None:
        self.eager = Earning(MODEL, self, labels=self.history, since=SINCE)
        self.lazy = Earning(MODEL, self, labels=self.history, since=SINCE)

    # -- the log, as earnings ask it

    def drain(self) -> int:
        return 0

    def select(self, endpoint: str, wanted: pl.Expr, *, columns: Sequence[str]) -> pl.DataFrame:
        assert endpoint == "late"
        return pl.DataFrame(self.answers, schema=ANSWER).filter(wanted).select(columns)

    def history(self) -> pl.DataFrame:
        return known_until(pl.DataFrame(self.labels, schema=LABELS), ["line", "day"])

    # -- what happens

    @rule(given=RECORDS)
    def answer(self, given: dict[str, Any]) -> None:
        """A record of one or two rows is read from a journal; a clock elsewhere may be ahead, and a key have too many parts or too few."""
        position = 1 + max((found["position"] for found in self.answers if found["stream"] == given["stream"]), default=0)
        key = KEY_SEPARATOR.join([given["key"][0], str(given["key"][1]), "more"][: given["parts"]])
        row = {name: given[name] for name in ("stream", "version", "route", "score")}
        self.answers += [{**row, "position": position, "time": self.now - given["ago"] * MINUTE, "key": key}] * given["rows"]

    @rule(given=TOLD)
    def tell(self, given: dict[str, Any]) -> None:
        """A label, or a correction of one; by a decision, one may come that arrived before others."""
        self.arrival += 2
        row = {"line": given["key"][0], "day": given["key"][1], "delay": given["delay"], EVENT_TIME: START}
        known = {KNOWN_TIME: self.now + given["known"] * MINUTE, KNOWN_UNTIL: None, ARRIVAL: self.arrival - given["behind"]}
        self.labels.append({**row, **known})

    @rule(place=st.integers(0, 5))
    def erase(self, place: int) -> None:
        """A row of labels is erased."""
        if place < len(self.labels):
            del self.labels[place]

    @rule(passed=st.integers(0, 15))
    def wait(self, passed: int) -> None:
        self.now += passed * MINUTE

    @rule()
    def restart(self) -> None:
        self.begin()

    @rule()
    def look(self) -> None:
        """Several things may have happened since the last look."""
        assert counted(self.lazy, self.now) == self.whole()

    @invariant()
    def always_the_same(self) -> None:
        assert counted(self.eager, self.now) == self.whole()

    def whole(self) -> dict[int, tuple[int, int]]:
        """All of it, read at once."""
        rows = pl.DataFrame(self.answers, schema=ANSWER).filter(
            pl.col("time").is_between(SINCE, self.now, closed="left"), LIVE, pl.col("score").is_not_null()
        )
        labels = LoggedStretch(MODEL, rows, self.history, ()).truth(self.now).labels
        known = ~np.isnan(labels) & (rows["route"] != FALLBACK).to_numpy()
        right = (rows["score"].to_numpy() >= THRESHOLD) == (labels >= THRESHOLD)
        versions = rows["version"].to_numpy()
        each = {int(version): known & (versions == version) for version in np.unique(versions)}
        return {version: (int(right[mine].sum()), int(mine.sum())) for version, mine in each.items() if mine.any()}


def counted(earning: Earning, now: datetime) -> dict[int, tuple[int, int]]:
    return {version: counts for version, counts in earning.look(now).items() if counts[1]}


TestEarnings = Earnings.TestCase
TestEarnings.settings = settings(max_examples=10, stateful_step_count=40)
