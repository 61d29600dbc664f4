"""The laws of `RunStore`."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flyball.core.ids import Digest, EventId, RunId
from flyball.testing.suite import Suite
from flyball.tracking.errors import RunExistsError, RunNotFoundError
from flyball.tracking.model import MetricPoint, Run, RunStatus
from flyball.tracking.store import RunStore

_NOON = datetime(2013, 3, 1, 12, 0, 0, 1, tzinfo=UTC)


def _run(name: str = "run-1", experiment: str = "late") -> Run:
    return Run(
        id=RunId(name), experiment=experiment, name="é", parameters={"trials": 8, "deep": {"a": [None, 0.1]}},
        artifacts={"model": Digest("d" * 64)}, tags={"seed": "0", "code": "git:abc"}, started=_NOON, summary={"rows": 3},
        cause=EventId("evt-why"),
    )  # fmt: skip


def _point(name: str, value: float, *, step: int = 0) -> MetricPoint:
    return MetricPoint(name, value, step, _NOON)


class RunStoreSuite(Suite):
    """A run comes back equal to what was set last."""

    @abstractmethod
    def open(self, place: Path) -> AbstractContextManager[RunStore]:
        """A handle on the store at `place`, as another process would have it."""

    def test_what_was_created_is_got_as_it_was(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store, self.open(tmp_path) as other:
            store.create(_run())
            assert other.get(RunId("run-1")) == other.find(RunId("run-1")) == _run()

    def test_an_id_is_given_once(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.create(_run())
            with pytest.raises(RunExistsError):
                store.create(_run(experiment="other"))
            assert store.get(RunId("run-1")) == _run()

    def test_an_unknown_run_is_said_to_be(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            assert store.find(RunId("none")) is None
            for act in (
                lambda: store.get(RunId("none")), lambda: store.set(_run("none")), lambda: store.add_metrics(RunId("none"), []),
            ):  # fmt: skip
                with pytest.raises(RunNotFoundError):
                    act()

    def test_the_last_set_counts(self, tmp_path: Path) -> None:
        ended = replace(_run(), status=RunStatus.FAILED, ended=_NOON + timedelta(hours=1), reason="one class")
        with self.open(tmp_path) as store:
            store.create(_run())
            store.set(ended)
            assert store.get(ended.id) == ended

    def test_a_metric_is_its_point_of_the_highest_step(self, tmp_path: Path) -> None:
        points = [
            _point("auc", 0.8, step=1),
            _point("auc", 0.7, step=2),
            _point("auc", 0.5),
            _point("loss", 1e-300),
            _point("auc", 0.71, step=2),
        ]
        with self.open(tmp_path) as store:
            store.create(_run())
            store.add_metrics(RunId("run-1"), points)
            assert store.get(RunId("run-1")).metrics == {"auc": 0.71, "loss": 1e-300}
            assert [point.value for point in store.list_metrics(RunId("run-1"))] == [0.5, 0.8, 0.7, 0.71, 1e-300]

    def test_setting_a_run_leaves_its_metrics(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.create(_run())
            store.add_metrics(RunId("run-1"), [_point("auc", 0.7)])
            store.set(_run())
            assert store.get(RunId("run-1")).metrics == {"auc": 0.7}

    def test_runs_are_listed_by_experiment_and_tags_in_order(self, tmp_path: Path) -> None:
        later = replace(_run("run-0"), started=_NOON + timedelta(days=1), tags={"seed": "1"})
        with self.open(tmp_path) as store:
            for run in (later, _run("run-2"), _run("run-1"), _run("run-3", "other")):
                store.create(run)
            assert [run.id for run in store.list("late")] == ["run-1", "run-2", "run-0"]
            assert [run.id for run in store.list("late", {"seed": "1"})] == ["run-0"]
            assert [run.id for run in store.list()] == ["run-1", "run-2", "run-3", "run-0"]
