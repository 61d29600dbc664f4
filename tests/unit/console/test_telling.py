"""What is said of events, versions, windows and processes: pure functions from answers to words and options."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flyball.console.answers import (
    Canary,
    Champion,
    ClockFace,
    Disk,
    Drift,
    Happening,
    Interval,
    Loop,
    ModelFigures,
    OpenWindow,
    Process,
    Status,
    Traffic,
    WindowFigures,
    decoded,
    decoded_list,
    item,
)
from flyball.console.cards import canary_card, champion_card, loop_card
from flyball.console.charts import SHOWN_WINDOWS, Series, drift_options, quality_options
from flyball.console.decisions import promotion, return_to_former
from flyball.console.errors import AnswerError
from flyball.console.head import clock_call, pace_markup
from flyball.console.health import health_strip
from flyball.console.kinds import KINDS, concerns, label_of, look_of, sentence_of
from flyball.console.markup import element, text
from flyball.console.notices import drift_words, quality_words
from flyball.console.palette import DARK, LIGHT
from flyball.console.timeline import chain_markup, entry_markup
from flyball.loop.trace import _SENTENCES
from tests.unit.console.planes import T0, happening

WEEK = timedelta(days=7)
MODEL = ModelFigures(name="late", endpoint="late", metric="roc_auc", champion=Champion(version=7), loop=Loop(trainings=1234))


def window(number: int, value: float | None = 0.7, *, drift: Drift | None = None) -> WindowFigures:
    metrics = {} if value is None else {"roc_auc": Interval(value=value, low=value - 0.02, high=value + 0.02)}
    start = T0 + number * WEEK
    matured = value is not None
    return WindowFigures(start=start, end=start + WEEK, rows=100, resolved=90, metrics={**metrics}, matured=matured, drift=drift)


@pytest.mark.parametrize("kind", sorted(_SENTENCES))
def test_every_event_that_the_loop_records_is_sorted_and_called_by_words(kind: str) -> None:
    look = look_of(kind)
    assert look.kind in KINDS
    assert "." not in look.label
    assert look.tone != "quiet" or not kind.endswith(("failed", "rejected", "rolled-back"))


def test_a_label_says_what_it_is_about_and_the_sentence_does_not_say_it_again() -> None:
    alarm = happening(1, text="drift alert: The wind has turned.", data={"kind": "drift"})
    judged = happening(2, "rollout.judged", text="rollout of version 3: hold, 12 rows", data={"version": 3, "verdict": "hold"})
    plain = happening(3, "process.died", text="roc_auc is odd until 2013-03-22T12:00:00.210254+00:00")
    assert [(label_of(event), sentence_of(event)) for event in (alarm, judged, plain)] == [
        ("Drift alarm", "The wind has turned."), ("Rollout judged: hold", "12 rows"),
        ("Process died", "roc_auc is odd until 22 Mar 2013, 12:00"),
    ]  # fmt: skip


def test_an_event_is_told_where_it_belongs() -> None:
    told = {
        subject: concerns(happening(1, subject=subject), "late", endpoint="late-endpoint")
        for subject in (
            "model/late",
            "model/late/version/3",
            "model/later",
            "endpoint/late-endpoint",
            "endpoint/other",
            "dataset/flights",
            "",
        )
    }
    assert told == {
        "model/late": True, "model/late/version/3": True, "model/later": False, "endpoint/late-endpoint": True, "endpoint/other": False,
        "dataset/flights": True, "": True,
    }  # fmt: skip


def test_answers_are_understood_in_part_and_refused_when_wrong() -> None:
    clock = decoded({"now": "2013-11-26T00:00:00+00:00", "speed": 30000, "later": "ignored"}, ClockFace)
    assert (clock.now, clock.speed) == (T0, 30000.0)
    wrongs: tuple[object, ...] = ({"now": "2013-11-26T00:00:00"}, {"now": 3}, {}, None, [], "text")
    for wrong in wrongs:
        with pytest.raises(AnswerError):
            decoded(wrong, ClockFace)
    with pytest.raises(AnswerError):
        decoded_list({"not": "a list"}, Happening)
    with pytest.raises(AnswerError):
        item({"other": 1}, "token")


def test_a_canary_s_card_counts_its_stages_and_the_time_to_its_judgement() -> None:
    canary = Canary(version=10, share=0.25, stage=1, stages=(0.05, 0.25, 1.0), judge_at=T0 + timedelta(hours=16))
    traffic = (Traffic(version=10, rows=90, errors=10),)
    card = canary_card(ModelFigures(name="late", endpoint="late", canary=canary, traffic=traffic), (), now=T0)
    for words in ("Stage 2 of 3, 25% of the traffic", "in 16 h", 'data-until="2013-11-26T16', "10 (10%)", ">5%<", ">100%<"):
        assert words in card
    assert "being judged now" in canary_card(ModelFigures(name="l", endpoint="l", canary=canary), (), now=T0 + timedelta(days=2))


def test_without_a_canary_the_last_rollouts_are_told_newest_first() -> None:
    ended = [happening(number, "rollout.finished", data={"version": number}) for number in range(1, 8)]
    card = canary_card(MODEL, ended, now=T0)
    assert card.index("Version 7 is champion") < card.index("Version 4 is champion")
    assert "Version 3" not in card


def test_the_champion_s_card_says_why_there_is_none() -> None:
    empty = ModelFigures(name="late", endpoint="late")
    assert "Training the first version." in champion_card(empty, phase="training the first version")
    assert "first training begins" in champion_card(empty, phase="serving")


@pytest.mark.parametrize(
    ("loop", "said"), [(Loop(training=True), "Training a candidate"), (Loop(release=3), "Releasing version 3"), (Loop(), "Watching")]
)
def test_the_loop_s_card_says_what_it_is_about(loop: Loop, said: str) -> None:
    opened = OpenWindow(start=T0 - WEEK / 2, end=T0 + WEEK / 2, rows=1)
    card = loop_card(ModelFigures(name="late", endpoint="late", loop=loop, open_window=opened), now=T0)
    assert said in card
    assert "width:50.0%" in card
    assert "1 row so far" in card


def test_processes_are_told_with_what_ails_them() -> None:
    processes = (
        Process(name="predict", state="running", cpu_percent=250.0, memory_bytes=2e9),
        Process(name="control", state="down", restarts=2),
    )
    strip = health_strip(Status(project="p", clock=ClockFace(now=T0), processes=processes, disk=Disk(home_bytes=1e9, free_bytes=3e9)))
    for words in ("Model server", "250%", "2.00 GB", "down, 2 restarts", "3.00 GB free", "width:25%", "width:100%"):
        assert words in strip


def test_charts_keep_the_same_series_whatever_there_is() -> None:
    none = Series.of(MODEL, (), events=())
    full = Series.of(MODEL, [window(number) for number in range(3)], events=[happening(1, "training.started")])
    for options in (quality_options, drift_options):
        assert len(options(none, LIGHT)["series"]) == len(options(full, DARK)["series"])


def test_charts_show_the_newest_windows_and_the_marks_among_them() -> None:
    windows = [window(number) for number in range(SHOWN_WINDOWS + 5)]
    marks = [happening(1, "training.started", time=T0), happening(2, "rollout.finished", time=windows[-1].start, data={"version": 2})]
    series = Series.of(MODEL, windows, events=marks)
    assert len(series.windows) == SHOWN_WINDOWS
    assert [mark.label for mark in series.marks] == ["v2"]


def test_releases_too_near_to_each_other_share_one_label() -> None:
    windows = [window(number) for number in range(40)]
    marks = [happening(n, "rollout.finished", time=T0 + timedelta(days=n), data={"version": n}) for n in (1, 2, 60)]
    lines = quality_options(Series.of(MODEL, windows, events=marks), LIGHT)["series"][-1]["markLine"]["data"]
    assert [line["label"]["show"] for line in lines] == [True, False, True]


def test_a_single_window_is_drawn_with_its_width() -> None:
    low, interval, expected, *_ = quality_options(Series.of(MODEL, [window(0)], events=()), LIGHT)["series"]
    ends = [T0.timestamp() * 1000, (T0 + WEEK).timestamp() * 1000]
    assert [[x for x, _ in found["data"]] for found in (low, interval, expected)] == [ends, ends, ends]


def test_windows_say_in_words_what_is_not_drawn() -> None:
    waiting = window(1, None, drift=Drift(score=5.0, threshold=3.0, alarmed=True, worst={"name": "temp", "psi": 0.3}))
    series = Series.of(MODEL, [window(0), waiting], events=())
    tip = quality_options(series, LIGHT)["series"][-1]["data"][1]["tip"]
    for words in ("waiting for labels", "5.00 of 3.00, alarm", "temp", "90% with a known outcome"):
        assert words in tip
    assert "0.7000 [0.6800, 0.7200]" in quality_words(series)
    assert "tolerated" not in quality_words(series)
    assert "5.00 of 3.00" in drift_words(series)
    assert "No window has closed yet" in quality_words(Series.of(MODEL, (), events=()))


def test_what_will_happen_is_said_for_each_deed() -> None:
    canary = ModelFigures(name="late", endpoint="late", champion=Champion(version=7), canary=Canary(version=10, share=0.25))
    promoted, returned = promotion(canary), return_to_former(canary)
    assert promoted is not None
    assert returned is not None
    assert "takes 25% of the traffic" in promoted.effect
    assert "Version 7 answers every request" in returned.effect
    assert promotion(MODEL) is None
    former = return_to_former(MODEL)
    assert former is not None
    assert "champion before version 7" in former.effect
    assert return_to_former(ModelFigures(name="l", endpoint="l")) is None


def test_the_clock_is_told_with_its_pace() -> None:
    assert clock_call(ClockFace(now=T0, speed=2.0, paused=True)).endswith(", 2.0, true)")
    assert clock_call(ClockFace(now=T0)).endswith(", null, false)")
    assert pace_markup(ClockFace(now=T0)) == ""
    assert "30,000" in pace_markup(ClockFace(now=T0, speed=30000.0))
    assert "standing still" in pace_markup(ClockFace(now=T0, paused=True))


def test_nothing_from_outside_becomes_markup() -> None:
    evil = "<script>alert(1)</script>\x00"
    event = happening(1, text=evil, actor=evil, data={"kind": evil})
    series = Series.of(ModelFigures(name=evil, endpoint=evil, metric=evil), [window(0, None)], events=())
    model = ModelFigures(name=evil, endpoint=evil, metric=evil, champion=Champion(version=1))
    tip = quality_options(series, LIGHT)["series"][-1]["data"][0]["tip"]
    for markup in (entry_markup(event), chain_markup([event, event]), tip, quality_words(series), champion_card(model, phase=evil)):
        assert "<script" not in markup
    assert element("a", text(evil), title=evil).count("<") == 2
