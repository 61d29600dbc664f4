"""The join law at its corners, each a small story."""

from __future__ import annotations

import numpy as np
import pytest

from flyball.kernels import MAX, IntegerRangeError, ShapeError, Timeline, known_until, look_up, winner_timeline
from flyball.kernels.arrays import Ints


def ask(rows: list[tuple[int, int, int, int]], times: list[int], *, ttl: int | None = None) -> list[int]:
    """Who answers for entity 0 at `times`, over rows of (key, event, known, entity) in order of arrival."""
    key, event, known, entity = np.array(rows, np.int64).T
    arrival = np.arange(len(rows))
    until = known_until(key, known, arrival=arrival)
    line = winner_timeline(entity, event, known=known, until=until, arrival=arrival)
    return [int(row) for row in look_up(line, event, entity=np.zeros(len(times), np.int64), time=np.array(times), ttl=ttl)]


def test_nothing_answers_before_it_is_known_and_before_it_happens() -> None:
    assert ask([(1, 10, 15, 0), (2, 40, 30, 0)], [14, 15, 39, 40]) == [-1, 0, 0, 1]


def test_a_late_row_of_an_older_event_does_not_win() -> None:
    assert ask([(1, 20, 20, 0), (2, 10, 30, 0)], [25, 35]) == [0, 0]


def test_a_correction_that_moves_the_event_back_gives_way_to_the_row_before() -> None:
    assert ask([(1, 10, 10, 0), (2, 20, 20, 0), (2, 5, 30, 0)], [25, 30]) == [1, 0]


def test_a_correction_that_moves_the_event_forward_waits_for_it() -> None:
    assert ask([(1, 10, 10, 0), (1, 50, 20, 0)], [15, 20, 49, 50]) == [0, -1, -1, 1]


def test_a_correction_that_moves_to_another_entity_leaves_the_first() -> None:
    assert ask([(1, 10, 10, 0), (1, 10, 20, 1)], [15, 20]) == [0, -1]


def test_equal_events_go_to_the_later_known_then_to_the_later_arrival() -> None:
    assert ask([(1, 10, 12, 0), (2, 10, 11, 0), (3, 10, 12, 0)], [11, 12]) == [1, 2]


def test_of_two_versions_known_at_once_the_later_arrival_stands() -> None:
    assert ask([(1, 30, 40, 0), (1, 20, 40, 0)], [40]) == [1]


def test_a_row_of_exactly_the_age_of_the_ttl_answers_and_older_ones_do_not() -> None:
    assert ask([(1, 10, 10, 0)], [13, 14], ttl=3) == [0, -1]


def test_unknown_entities_on_either_side_have_no_row() -> None:
    line = winner_timeline(np.array([-1, 2]), np.array([1, 1]), known=np.array([1, 1]), until=np.array([MAX, MAX]), arrival=np.arange(2))
    asked = np.array([-1, 0, 1, 2, 3, 10**12])
    assert look_up(line, np.array([1, 1]), entity=asked, time=np.full(6, 5)).tolist() == [-1, -1, -1, 1, -1, -1]


def test_a_table_without_rows_answers_nobody() -> None:
    none: Ints = np.zeros(0, np.int64)
    line = winner_timeline(none, none, known=none, until=none, arrival=none)
    assert look_up(line, none, entity=np.array([0, -1]), time=np.array([5, 5]), ttl=1).tolist() == [-1, -1]


def test_times_of_the_year_9999_and_of_1900_are_times_like_any_other() -> None:
    assert ask([(1, -2_208_988_800_000_000, 0, 0), (2, 253_370_764_800_000_000, 0, 0)], [0, 253_370_764_800_000_000]) == [0, 1]


def test_the_fast_path_and_the_tree_agree() -> None:
    """One entity with a correction sends that entity through the tree; the others must not change by it."""
    rng = np.random.default_rng(5)
    n = 5_000
    entity, event = rng.integers(0, 20, n), np.sort(rng.integers(0, 10_000, n))
    key, known = np.arange(n), event + 7
    plain = winner_timeline(entity, event, known=known, until=known_until(key, known, arrival=key), arrival=key)
    victim = int(np.flatnonzero(entity == 3)[4])
    key = np.append(key, victim)
    event, known = np.append(event, event[victim] - 90), np.append(known, known[victim] + 5_000)
    entity, arrival = np.append(entity, 3), np.arange(n + 1)
    tangled = winner_timeline(entity, event, known=known, until=known_until(key, known, arrival=arrival), arrival=arrival)
    for column in ("entity", "since", "row"):
        assert getattr(plain, column)[plain.entity != 3].tolist() == getattr(tangled, column)[tangled.entity != 3].tolist()
    time = rng.integers(0, 11_000, 500)
    before = time[time < known[-1]]
    answers = [look_up(line, event, entity=np.full(len(before), 3), time=before).tolist() for line in (plain, tangled)]
    assert answers[0] == answers[1]


def test_columns_of_different_lengths_types_and_dimensions_are_refused() -> None:
    two, three = np.arange(2), np.arange(3)
    with pytest.raises(ShapeError, match="'known' does not fit: 2 values are needed, not 3"):
        known_until(two, three, arrival=two)
    with pytest.raises(ShapeError, match="integers are needed, not float64"):
        known_until(two * 1.0, two, arrival=two)
    with pytest.raises(ShapeError, match="int64 microseconds since 1970, not datetime64"):
        known_until(two, two.astype("datetime64[us]"), arrival=two)
    with pytest.raises(ShapeError, match="one dimension"):
        known_until(two[None], two, arrival=two)


def test_codes_that_are_not_dense_are_refused_rather_than_wrapped() -> None:
    line = Timeline(np.array([2**62]), np.array([1]), np.array([0]))
    with pytest.raises(IntegerRangeError):
        look_up(line, np.array([1]), entity=np.array([0]), time=np.array([1]))


def test_entities_and_times_too_many_for_one_integer_are_ranked_instead() -> None:
    rng = np.random.default_rng(6)
    n = 400
    entity, event = rng.integers(0, 40, n), rng.integers(0, 50, n)
    known, key = event + rng.integers(0, 9, n), rng.integers(0, 300, n)
    asked, time = rng.integers(-1, 60, n), rng.integers(0, 60, n)
    answers = []
    for stretch in (1, 10**16):
        until = known_until(key, known * stretch, arrival=np.arange(n))
        line = winner_timeline(entity, event * stretch, known=known * stretch, until=until, arrival=np.arange(n))
        assert (line.scale.times is None) == (stretch == 1)
        answers.append(look_up(line, event * stretch, entity=asked, time=time * stretch).tolist())
    assert answers[0] == answers[1]
    assert set(answers[0]) > {-1}
