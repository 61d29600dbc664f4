"""Prometheus' text format: cumulative buckets, escaped labels, a head for each figure."""

from __future__ import annotations

from flyball.predict.metrics import render
from flyball.serving.counters import BOUNDS, Counters


def test_buckets_are_cumulative_and_end_with_all() -> None:
    counters = Counters()
    counters.add_answers(("late", 1, "champion"), [0.0001, 0.003, 100.0])
    lines = [line for line in render(counters, revision=1).splitlines() if line.startswith("flyball_prediction_seconds_")]
    counts = [int(line.rsplit(" ", 1)[1]) for line in lines if "_bucket" in line]
    assert len(counts) == len(BOUNDS) + 1
    assert counts == sorted(counts)
    assert counts[-1] == 3
    assert 'flyball_prediction_seconds_count{endpoint="late",version="1",route="champion"} 3' in lines


def test_a_label_cannot_break_out_of_its_quotes() -> None:
    counters = Counters()
    counters.add_answers(('a"b\\c\nd', 1, "champion"), [0.1])
    assert 'endpoint="a\\"b\\\\c\\nd"' in render(counters, revision=1)


def test_each_figure_has_its_head_once() -> None:
    heads = [line for line in render(Counters(), revision=1).splitlines() if line.startswith("# TYPE")]
    assert len(heads) == len(set(heads)) > 5
