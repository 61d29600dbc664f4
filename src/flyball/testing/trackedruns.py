"""The laws of runs, as clients log them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from flyball.testing.trackingservices import NOON_MS, TrackingSuite, point
from flyball.tracking.errors import (
    LoggedModelNotFoundError,
    ParamValueChangedError,
    RunDeletedError,
    RunNameError,
    RunNotFoundError,
    RunTagNotFoundError,
    TooLongError,
)
from flyball.tracking.experiment import Lifecycle
from flyball.tracking.model import RunStatus
from flyball.tracking.trackedrun import DatasetInput, Metric, ModelInput, ModelOutput, RunHead, TrackedRun
from flyball.tracking.tracking import Tracking

_IRIS = DatasetInput(
    name="iris", digest="d1", source_type="local", source="{}", schema="[]", profile="{}", tags={"mlflow.data.context": "train"}
)


def _run(tracking: Tracking, name: str = "r") -> str:
    return tracking.runs.create("0", name=name).head.id


class TrackedRunSuite(TrackingSuite):
    """A batch is logged whole or not at all; params never change; a deleted run refuses what is logged."""

    def test_what_was_created_is_got_as_it_was(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking, self.open(tmp_path) as other:
            made = tracking.runs.create("0", name="first", user="ann", start_ms=5, tags={"mlflow.source.name": "a.py"})
            run = made.head.id
            uri = f"mlflow-artifacts:/0/{run}/artifacts"
            assert made == TrackedRun(
                head=RunHead(id=run, experiment="0", name="first", user="ann", start_ms=5, artifact_uri=uri),
                tags={"mlflow.runName": "first", "mlflow.source.name": "a.py"},
            )
            assert other.runs.get(run) == made
            assert len(run) == 32 and int(run, 16) >= 0  # noqa: PT018  one fact

    def test_a_run_without_a_name_gets_one(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            made = tracking.runs.create("0")
            assert made.tags["mlflow.runName"] == made.head.name
            assert len(made.head.name.split("-")) == 3
            assert made.head.start_ms == NOON_MS
            assert tracking.runs.create("0", tags={"mlflow.runName": "tagged"}).head.name == "tagged"
            with pytest.raises(RunNameError, match="with different values"):
                tracking.runs.create("0", name="a", tags={"mlflow.runName": "b"})

    def test_the_name_and_its_tag_are_one(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            run = _run(tracking)
            assert tracking.runs.update(run, name="second").name == "second"
            assert tracking.runs.get(run).tags["mlflow.runName"] == "second"
            tracking.runs.set_tag(run, "mlflow.runName", value="third")
            assert tracking.runs.get(run).head.name == "third"
            tracking.runs.log_batch(run, tags={"mlflow.runName": "fourth"})
            assert tracking.runs.get(run).head.name == tracking.runs.get(run).tags["mlflow.runName"] == "fourth"

    def test_a_run_ends_and_may_begin_again(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            run = _run(tracking)
            ended = tracking.runs.update(run, status=RunStatus.FINISHED, end_ms=NOON_MS)
            assert (ended.status, ended.end_ms) == (RunStatus.FINISHED, NOON_MS)
            tracking.runs.log_metric(run, point("late", 1.0))
            assert tracking.runs.update(run, status=RunStatus.RUNNING).status is RunStatus.RUNNING
            assert tracking.runs.update(run).end_ms == NOON_MS

    def test_params_never_change_and_the_same_value_is_fine(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            run = _run(tracking)
            tracking.runs.log_param(run, "depth", value="3")
            tracking.runs.log_param(run, "depth", value="3")
            with pytest.raises(ParamValueChangedError, match=f"already logged with value='3' for run ID='{run}'"):
                tracking.runs.log_param(run, "depth", value="4")
            tracking.runs.log_batch(run, params={"depth": "3", "long": "é" * 6000, "empty": ""})
            assert tracking.runs.get(run).params == {"depth": "3", "empty": "", "long": "é" * 6000}

    def test_a_batch_is_logged_whole_or_not_at_all(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            run = _run(tracking)
            tracking.runs.log_param(run, "a", value="1")
            with pytest.raises(ParamValueChangedError):
                tracking.runs.log_batch(run, metrics=[point("loss", 1)], params={"b": "1", "a": "2"}, tags={"t": "1"})
            with pytest.raises(LoggedModelNotFoundError):
                tracking.runs.log_batch(run, metrics=[Metric(key="auc", value=1, time_ms=0, model="m-none")], params={"b": "1"})
            found = tracking.runs.get(run)
            assert (found.metrics, found.params, list(found.tags)) == ((), {"a": "1"}, ["mlflow.runName"])
            tracking.runs.log_batch(run, metrics=[point("loss", 1)], params={"b": "1"}, tags={"t": "1"})
            found = tracking.runs.get(run)
            assert (found.metrics, found.params, found.tags["t"]) == ((point("loss", 1),), {"a": "1", "b": "1"}, "1")

    def test_the_latest_metric_is_that_of_the_highest_step_time_and_value(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            run = _run(tracking)
            for value, step, time_ms in ((1.0, 1, 5), (9.0, 0, 9), (2.0, 1, 5), (1.5, 1, 5), (7.0, 1, 4)):
                tracking.runs.log_metric(run, point("loss", value, step=step, time_ms=time_ms))
            assert tracking.runs.get(run).metrics == (point("loss", 2.0, step=1, time_ms=5),)
            batch = [point("auc", value, step=-1) for value in (3.0, 5.0, 4.0)]
            tracking.runs.log_batch(run, metrics=[*batch, *batch])
            assert tracking.runs.get(run).metrics[0] == point("auc", 5.0, step=-1)

    def test_nan_and_infinities_are_values(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            run = _run(tracking)
            tracking.runs.log_batch(run, metrics=[point("a", math.inf), point("b", -math.inf), point("c", math.nan), point("d", -0.0)])
            values = [metric.value for metric in tracking.runs.get(run).metrics]
            assert values[:2] == [math.inf, -math.inf]
            assert math.isnan(values[2])
            tracking.runs.log_metric(run, point("c", 0.5))
            assert tracking.runs.get(run).metrics[2].value == 0.5

    def test_tags_are_set_replaced_and_deleted(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            run = _run(tracking)
            tracking.runs.set_tag(run, "a", value="x" * 8000)
            tracking.runs.log_batch(run, tags={"a": "1", "b/c d": "2"})
            assert tracking.runs.get(run).tags == {"a": "1", "b/c d": "2", "mlflow.runName": "r"}
            tracking.runs.delete_tag(run, "a")
            for key in ("a", "never"):
                with pytest.raises(RunTagNotFoundError, match=f"No tag with name: {key} in run with id {run}"):
                    tracking.runs.delete_tag(run, key)

    def test_a_deleted_run_refuses_what_is_logged(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            run = _run(tracking)
            tracking.runs.delete(run)
            tracking.runs.delete(run)
            assert tracking.runs.get(run).head.lifecycle is Lifecycle.DELETED
            for act in (
                lambda: tracking.runs.log_metric(run, point("a", 1)),
                lambda: tracking.runs.log_param(run, "a", value="1"),
                lambda: tracking.runs.set_tag(run, "a", value="1"),
                lambda: tracking.runs.delete_tag(run, "mlflow.runName"),
                lambda: tracking.runs.update(run, name="x"),
                lambda: tracking.runs.log_inputs(run, datasets=[_IRIS]),
                lambda: tracking.runs.log_outputs(run),
            ):
                with pytest.raises(RunDeletedError, match=f"The run {run} must be in the 'active' state. Current state is deleted."):
                    act()
            tracking.runs.restore(run)
            tracking.runs.restore(run)
            tracking.runs.log_metric(run, point("a", 1))
            assert tracking.runs.get(run).metrics == (point("a", 1),)

    def test_an_unknown_run_is_said_to_be(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            for act in (
                lambda: tracking.runs.get("none"),
                lambda: tracking.runs.update("none"),
                lambda: tracking.runs.delete("none"),
                lambda: tracking.runs.restore("none"),
                lambda: tracking.runs.log_metric("none", point("a", 1)),
                lambda: tracking.runs.log_batch("none", params={"a": "1"}),
                lambda: tracking.runs.log_batch("none"),
                lambda: tracking.metrics.history("none", "a"),
            ):
                with pytest.raises(RunNotFoundError, match="Run with id=none not found"):
                    act()

    def test_inputs_and_outputs_are_kept_once(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            run, other = _run(tracking), _run(tracking, "other")
            read, made = tracking.models.create("0").id, tracking.models.create("0", source_run=run).id
            again = DatasetInput(name="iris", digest="d1", source_type="s3", source="s3://other")
            plain = DatasetInput(name="iris", digest="d2", source_type="local", source="")
            tracking.runs.log_inputs(run, datasets=[_IRIS, again, plain], models=[ModelInput(model=read)])
            tracking.runs.log_inputs(run, datasets=[again], models=[ModelInput(model=read)])
            tracking.runs.log_outputs(run, [ModelOutput(model=made, step=3)])
            found = tracking.runs.get(run)
            assert found.dataset_inputs == (_IRIS, plain)
            assert (found.model_inputs, found.model_outputs) == ((ModelInput(model=read),), (ModelOutput(model=made, step=3),))
            tracking.runs.log_inputs(other, datasets=[again])
            assert tracking.runs.get(other).dataset_inputs[0].source == _IRIS.source
            with pytest.raises(LoggedModelNotFoundError):
                tracking.runs.log_inputs(run, models=[ModelInput(model="m-none")])
            with pytest.raises(TooLongError, match="'digest' exceeds"):
                tracking.runs.log_inputs(run, datasets=[DatasetInput(name="x", digest="d" * 37, source_type="", source="")])
