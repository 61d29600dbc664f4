"""The laws of logged models."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from flyball.testing.trackingservices import NOON_MS, TrackingSuite
from flyball.tracking.errors import (
    LoggedModelNameError,
    LoggedModelNotFoundError,
    LoggedModelTagNotFoundError,
    ParamValueChangedError,
    RunNotFoundError,
)
from flyball.tracking.loggedmodel import LoggedModel, LoggedModelStatus
from flyball.tracking.trackedrun import Metric


class LoggedModelSuite(TrackingSuite):
    """A logged model is pending until it is finalized; a deleted one is not found."""

    def test_what_was_created_is_got_as_it_was(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking, self.open(tmp_path) as other:
            run = tracking.runs.create("0").head.id
            made = tracking.models.create(
                "0", name="iris", model_type="classifier", source_run=run, params={"b": "2", "a": "1"}, tags={"mlflow.user": "ann"}
            )
            assert made == LoggedModel(
                id=made.id, experiment="0", name="iris", model_type="classifier", source_run=run, created_ms=NOON_MS, updated_ms=NOON_MS,
                artifact_uri=f"mlflow-artifacts:/0/models/{made.id}/artifacts", creator="ann", params={"a": "1", "b": "2"},
                tags={"mlflow.user": "ann"},
            )  # fmt: skip
            assert other.models.get(made.id) == made
            assert made.id.startswith("m-")
            assert len(made.id) == 34
            assert len(tracking.models.create("0").name.split("-")) == 3
            with pytest.raises(RunNotFoundError):
                tracking.models.create("0", source_run="none")

    def test_a_model_is_finalized(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            model = tracking.models.create("0").id
            assert tracking.models.finalize(model, LoggedModelStatus.READY).status is LoggedModelStatus.READY
            assert tracking.models.get(model).status is LoggedModelStatus.READY

    def test_a_deleted_model_is_not_found(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            model = tracking.models.create("0").id
            tracking.models.delete(model)
            tracking.models.delete(model)
            for act in (
                lambda: tracking.models.get(model),
                lambda: tracking.models.finalize(model, LoggedModelStatus.READY),
                lambda: tracking.models.set_tags(model, {"a": "1"}),
                lambda: tracking.models.delete_tag(model, "a"),
                lambda: tracking.models.log_params(model, {"a": "1"}),
                lambda: tracking.models.delete("m-none"),
            ):
                with pytest.raises(LoggedModelNotFoundError, match=r"Logged model with ID 'm-.*' not found\."):
                    act()

    def test_tags_change_and_params_do_not(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            model = tracking.models.create("0", params={"a": "1"}, tags={"t": "1"}).id
            assert tracking.models.set_tags(model, {"t": "2", "u": "3"}).tags == {"t": "2", "u": "3"}
            tracking.models.delete_tag(model, "t")
            with pytest.raises(LoggedModelTagNotFoundError, match="No tag with key 't' found"):
                tracking.models.delete_tag(model, "t")
            tracking.models.log_params(model, {"a": "1", "b": "2"})
            with pytest.raises(ParamValueChangedError):
                tracking.models.log_params(model, {"c": "1", "b": "3"})
            assert tracking.models.get(model).params == {"a": "1", "b": "2"}

    def test_metrics_that_name_a_model_are_its_own(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            run, model = tracking.runs.create("0").head.id, tracking.models.create("0").id
            logged = Metric(key="auc", value=0.7, time_ms=3, step=1, model=model, dataset_name="iris", dataset_digest="d1")
            tracking.runs.log_metric(run, logged)
            tracking.runs.log_batch(run, metrics=[logged, Metric(key="loss", value=math.inf, time_ms=3, model=model)])
            found = tracking.models.get(model).metrics
            assert [(metric.key, metric.value, metric.run, metric.dataset_name) for metric in found] == [
                ("auc", 0.7, run, "iris"),
                ("loss", math.inf, run, None),
            ]
            assert [metric.key for metric in tracking.runs.get(run).metrics] == ["auc", "loss"]

    def test_names_that_no_uri_can_carry_are_refused(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            for name in ("", "a/b", "a:b", "a.b", "a%b", 'a"b', "a'b"):
                with pytest.raises(LoggedModelNameError, match="cannot contain the following characters"):
                    tracking.models.create("0", name=name)
