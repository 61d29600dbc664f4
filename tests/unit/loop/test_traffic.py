"""What a frame says of its rows at a time, and who answers them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from flyball.core.duration import microseconds
from flyball.kernels import route
from flyball.loop.past import ModelFrame, Rows
from flyball.loop.traffic import ReplayedTraffic, Routes

START = datetime(2024, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
Frame = Callable[..., ModelFrame]


def hour(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def test_a_stretch_has_its_start_and_not_its_end(frame: Frame) -> None:
    found = frame([0, 1, 1, 2, 5], [])
    assert found.between(microseconds(hour(1)), microseconds(hour(2))).tolist() == [1, 2]
    assert found.between(microseconds(hour(1) + TICK), microseconds(hour(2) + TICK)).tolist() == [3]
    assert found.between(microseconds(hour(3)), microseconds(hour(1))).tolist() == []
    assert found.opening == microseconds(hour(1))  # the event of the row that was predicted first


def test_a_label_is_known_from_its_known_time_on_and_until_the_next_replaces_it(frame: Frame) -> None:
    found = frame([0, 1], [(0, 1.0, 4.0, 9.0), (0, 0.0, 9.0, None)])
    rows = np.array([0, 1])

    def label(at: datetime) -> list[float]:
        return [float(value) for value in found.truth(rows, microseconds(at)).labels]

    assert np.isnan(label(hour(4) - TICK)[0])
    assert label(hour(4))[0] == 1.0
    assert label(hour(9) - TICK)[0] == 1.0
    assert label(hour(9))[0] == 0.0
    assert np.isnan(label(hour(9))[1])
    assert [values.tolist() for values in map(found.known_labels, (hour(4) - TICK, hour(4), hour(9)))] == [[], [1.0], [0.0]]


def test_a_row_is_resolved_when_labelled_or_when_its_timeout_has_passed(frame: Frame) -> None:
    found = frame([0, 0], [(0, 1.0, 4.0, 6.0)])
    rows = np.array([0, 1])
    out = 1 + 48  # the event is an hour after the prediction, the timeout two days

    def resolved(at: datetime) -> list[bool]:
        return [bool(value) for value in found.truth(rows, microseconds(at)).resolved]

    assert resolved(hour(4) - TICK) == [False, False]
    assert resolved(hour(4)) == [True, False]
    assert resolved(hour(6)) == [False, False]  # a correction took the label back
    assert resolved(hour(out) - TICK) == [False, False]
    assert resolved(hour(out)) == [True, True]


def test_routes_answer_from_their_moment_on_and_nobody_before(frame: Frame) -> None:
    found, routes = frame([0, 1, 2, 3], []), Routes("late")
    rows = np.arange(4)
    assert routes.assign(found, rows).tolist() == [0, 0, 0, 0]
    routes.set(hour(1), [(1, 1.0)])
    routes.set(hour(3), [(2, 1.0)])
    assert routes.assign(found, rows).tolist() == [0, 1, 1, 2]
    routes.set(hour(3), [(3, 1.0)])
    assert routes.assign(found, rows[2:]).tolist() == [1, 3]


def test_a_canary_takes_its_share_by_the_hash_of_the_key_and_keeps_its_rows_as_it_grows(frame: Frame) -> None:
    n = 4000
    found = frame([0.0] * n, [])

    def canaries(share: float) -> set[int]:
        routes = Routes("late")
        routes.set(START, [(2, share), (1, 1.0 - share)])
        versions = routes.assign(found, np.arange(n))
        expected = np.array([2, 1])[route([f"p{row}" for row in range(n)], "late", shares=[share, 1.0 - share])]
        assert versions.tolist() == expected.tolist()
        return set(np.flatnonzero(versions == 2).tolist())

    few, more = canaries(0.05), canaries(0.25)
    assert few < more
    assert len(few) == pytest.approx(0.05 * n, abs=4 * (0.05 * 0.95 * n) ** 0.5)
    assert len(more) == pytest.approx(0.25 * n, abs=4 * (0.25 * 0.75 * n) ** 0.5)


class Numbers:
    """A scorer by which version v says v + row / 100."""

    def score(self, version: int, rows: Rows) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return version + np.asarray(rows, dtype=np.float64) / 100


def test_a_row_is_scored_by_the_version_that_answered_it(frame: Frame) -> None:
    routes = Routes("late")
    traffic = ReplayedTraffic(frame([0, 1, 2, 3, 4], []), routes=routes, scorer=Numbers())
    routes.set(hour(1), [(1, 1.0)])
    routes.set(hour(3), [(2, 1.0)])
    stretch = traffic.stretch(hour(0), hour(4))
    assert len(stretch) == 4
    assert stretch.versions.tolist() == [0, 1, 1, 2]
    assert np.isnan(stretch.scores()[0])
    assert stretch.scores()[1:].tolist() == [1.01, 1.02, 2.03]
    assert stretch.features().to_series().to_list() == [0.0, 1.0, 2.0, 3.0]
