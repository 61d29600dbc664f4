"""`check` against real files: each thing that can be wrong is named, with the near name, and nothing is stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flyball.app.sources import open_source
from flyball.data.sources.port import Surroundings
from flyball.loop.check import check_project
from flyball.loop.errors import CheckError
from flyball.loop.projectfile import load_project


def around(root: Path) -> Surroundings:
    return Surroundings(root=root, scratch=root / "scratch")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, write_project: Callable[[Path], Path]) -> Path:
    return write_project(tmp_path_factory.mktemp("check") / "parcels")


def test_a_right_project_lists_its_features_and_leaves_no_trace(project: Path) -> None:
    before = sorted(project.parent.rglob("*.*"))
    (found,) = check_project(load_project(project), around(project.parent), sources=open_source)
    assert found.features.names == ("parcels.depot", "parcels.weight", "load.queue", "lateness.late", "lateness.came")
    assert [path for path in sorted(project.parent.rglob("*.*")) if path.suffix != ".pyc"] == before


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('parcels["depot", "weight"]', 'parcels["depot", "wieght"]', ["'wieght'", "Did you mean 'weight'"]),
        ('rows.select("queue")', 'rows.select("queu")', ["load", "Did you mean 'queue'"]),
        ('rows.select("queue")', 'rows.select(pl.col("queue").mean())', ["load", "row"]),
        ('rows.select("queue")', 'rows.group_by("depot").agg(pl.col("queue").mean())', ["group_by"]),
        ('pl.col("delay") > 10, timeout', 'pl.col("dealy") > 10, timeout', ["label", "Did you mean 'delay'"]),
        ('lead="1h"', 'lead="7h"', ["predicts 7h before", "known only 6h before", "Shorten `lead`"]),
        ('fb.max_slice_gap("depot", 0.4)', 'fb.max_slice_gap("depo", 0.4)', ["max_slice_gap", "Did you mean 'depot'"]),
        ('fb.at_least("roc_auc", 0.5)', 'fb.at_least("roc_acu", 0.5)', ["Did you mean 'roc_auc'"]),
        ('metric="roc_auc", trials=2', 'metric="auc", trials=2', ["'auc'"]),
        ('fb.drift(false_alarms="1 per 90d"), ', "", ["on_drift never comes without fb.drift()"]),
        ("fb.performance(), ", "", ["on_performance_drop never comes without fb.performance()"]),
        ('fb.files("data/depots")', 'fb.files("data/depot")', ["data/depot,", "Did you mean 'depots'"]),
        ('event_time="leaves_at"', 'event_time="leves_at"', ["Did you mean 'leaves_at'"]),
        ('entity="depot", ttl="12h"', 'entity="station", ttl="12h"', ["'station'"]),
        ('lead="1h"', 'lead="1h", log=fb.prediction_log(mask=["parcel"])', ["'parcel' is of the key", "cannot be hidden"]),
        ('lead="1h"', 'lead="1h", log=fb.prediction_log(hash=["weight"])', ["'weight' is a feature", "cannot be hidden"]),
        ('lead="1h"', 'lead="1h", log=fb.prediction_log(mask=["wieght"])', ["Did you mean 'weight'"]),
    ],
)
def test_what_is_wrong_is_named(project: Path, *, old: str, new: str, words: list[str]) -> None:
    text = project.read_text(encoding="utf-8")
    assert old in text
    wrong = project.with_name("wrong.py")
    wrong.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(CheckError) as caught:
        check_project(load_project(wrong), around(wrong.parent), sources=open_source)
    for word in words:
        assert word in str(caught.value)


def test_every_problem_is_named_at_once(project: Path) -> None:
    text = project.read_text(encoding="utf-8").replace('lead="1h"', 'lead="7h"').replace('"depot", "weight"', '"depot", "wieght"')
    wrong = project.with_name("wrong.py")
    wrong.write_text(text, encoding="utf-8")
    with pytest.raises(CheckError, match="2 problems") as caught:
        check_project(load_project(wrong), around(wrong.parent), sources=open_source)
    assert len(caught.value.problems) == 2


def test_features_that_need_each_other_are_named_as_a_circle(project: Path) -> None:
    circle = """
@fb.on_demand
def one(two_value: pl.Expr) -> dict[str, pl.Expr]:
    return {"one_value": two_value}


@fb.on_demand
def two(one_value: pl.Expr) -> dict[str, pl.Expr]:
    return {"two_value": one_value}


late = fb.Model("""
    text = (
        project.read_text(encoding="utf-8")
        .replace("late = fb.Model(", circle.lstrip())
        .replace("load, lateness]", "load, lateness, one, two]")
    )
    wrong = project.with_name("wrong.py")
    wrong.write_text(text, encoding="utf-8")
    with pytest.raises(CheckError, match=r"one.*two|two.*one"):
        check_project(load_project(wrong), around(wrong.parent), sources=open_source)
