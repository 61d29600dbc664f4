"""Figures of several processes are one: counters and histograms add up, gauges do as they say, labels stay apart."""

from __future__ import annotations

from flyball.core.exposition import Family, counter, gauge, lasting, merged, render


def counted(one: int, other: int) -> list[Family]:
    """What a process says."""
    seconds = Family("seconds", "Seconds.", "histogram")
    seconds.add_histogram((0.1, 1.0), [one, other, 1], total=0.5, labels={"endpoint": "a"})
    return [
        counter("rows_total", "Rows.", values=[(("a",), one), (("b",), other)], labels=("endpoint",)),
        gauge("revision", "Revision.", value=one, merge="min"), gauge("age", "Age.", value=one, merge="max"),
        gauge("open", "Open.", value=one), seconds,
    ]  # fmt: skip


def test_processes_are_added_up() -> None:
    text = render(merged([counted(1, 2), counted(3, 4)]))
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines == [
        'rows_total{endpoint="a"} 4', 'rows_total{endpoint="b"} 6', "revision 1", "age 3", "open 4",
        'seconds_bucket{endpoint="a",le="0.1"} 4', 'seconds_bucket{endpoint="a",le="1.0"} 10', 'seconds_bucket{endpoint="a",le="+Inf"} 12',
        'seconds_sum{endpoint="a"} 1', 'seconds_count{endpoint="a"} 12',
    ]  # fmt: skip


def test_what_only_one_process_counted_is_there() -> None:
    ours, theirs = [counter("a_total", "A.", values=[((), 1)])], [counter("b_total", "B.", values=[((), 2)])]
    assert render(merged([ours, theirs])).splitlines()[2::3] == ["a_total 1", "b_total 2"]


def test_of_a_process_that_ended_the_counts_last_and_the_state_does_not() -> None:
    assert [family.name for family in lasting(counted(1, 2))] == ["rows_total", "seconds"]


def test_adding_up_changes_nothing_that_was_given() -> None:
    first = counted(1, 2)
    merged([first, counted(3, 4)])
    assert render(first) == render(counted(1, 2))


def test_a_label_cannot_break_out_of_its_quotes() -> None:
    assert 'endpoint="a\\"b\\\\c\\nd"' in render([counter("rows_total", "Rows.", values=[(('a"b\\c\nd',), 1)], labels=("endpoint",))])
