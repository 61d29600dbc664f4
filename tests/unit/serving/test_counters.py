"""What a server counts adds up."""

from __future__ import annotations

import pytest

from flyball.serving.counters import BOUNDS, SIZES, Counters, Histogram


def test_every_answer_is_in_one_bucket() -> None:
    counters = Counters()
    counters.add_answers(("late", 1, "champion"), [0.0001, BOUNDS[3], 100.0])
    counters.add_answers(("late", 1, "fallback"), [0.0001])
    histogram = counters.seconds["late", 1, "champion"]
    assert sum(histogram.counts) == 3
    assert (histogram.counts[0], histogram.counts[3], histogram.counts[-1]) == (1, 1, 1)
    assert counters.answered == {("late", 1, "champion"): 3, ("late", 1, "fallback"): 1}


def test_requests_that_are_asked_together_are_one_batch_and_waited_each_for_itself() -> None:
    counters = Counters()
    counters.add_batch(("late", 1, "champion"), [0.0001, 0.004], rows=5)
    counters.add_batch(("late", 2, "canary"), [0.1], rows=1)
    assert sum(counters.waits["late", 1, "champion"].counts) == 2
    batches = counters.batches["late", 1, "champion"]
    assert (batches.total, batches.counts[SIZES.index(8)]) == (5, 1)
    count, seconds = counters.waited
    assert (count, round(seconds, 6)) == (3, 0.1041)


def test_many_values_count_as_few_do() -> None:
    values = [0.0001 * (number % 7) for number in range(1000)]
    many, few = Histogram(), Histogram()
    many.add(values)
    for value in values:
        few.add([value])
    assert many.counts == few.counts
    assert many.total == pytest.approx(few.total)
