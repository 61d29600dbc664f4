"""What a server counts adds up."""

from __future__ import annotations

from flyball.serving.counters import BOUNDS, Counters


def test_every_answer_is_in_one_bucket() -> None:
    counters = Counters()
    counters.add_answers(("late", 1, "champion"), [0.0001, BOUNDS[3], 100.0])
    counters.add_answers(("late", 1, "fallback"), [0.0001])
    histogram = counters.seconds["late", 1]
    assert sum(histogram.counts) == 4
    assert (histogram.counts[0], histogram.counts[3], histogram.counts[-1]) == (2, 1, 1)
    assert counters.answered == {("late", 1, "champion"): 3, ("late", 1, "fallback"): 1}
