"""The laws of experiments."""

from __future__ import annotations

from pathlib import Path

import pytest

from flyball.testing.trackingservices import NOON_MS, TrackingSuite
from flyball.tracking.errors import (
    ExperimentDeletedError,
    ExperimentExistsError,
    ExperimentIdError,
    ExperimentNameError,
    ExperimentNameNotFoundError,
    ExperimentNotFoundError,
    ExperimentTagNotFoundError,
    FieldError,
    RenameDeletedError,
    TooLongError,
)
from flyball.tracking.experiment import DEFAULT_ID, DEFAULT_NAME, Experiment, Lifecycle


class ExperimentSuite(TrackingSuite):
    """A name is one experiment's; what is deleted keeps its name and does not change."""

    def test_the_first_experiment_is_there(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            first = tracking.experiments.get(DEFAULT_ID)
            assert (first.name, first.artifact_location, first.lifecycle) == (DEFAULT_NAME, "mlflow-artifacts:/0", Lifecycle.ACTIVE)
            assert tracking.experiments.get_named(DEFAULT_NAME) == first

    def test_what_was_created_is_got_as_it_was(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking, self.open(tmp_path) as other:
            made = tracking.experiments.create("é/risk", tags={"team": "risk"})
            assert made == Experiment(
                id=made.id, name="é/risk", artifact_location=f"mlflow-artifacts:/{made.id}", created_ms=NOON_MS, updated_ms=NOON_MS,
                tags={"team": "risk"},
            )  # fmt: skip
            assert other.experiments.get(made.id) == other.experiments.find_named("é/risk") == made
            assert tracking.experiments.create("elsewhere", artifact_location="s3://b/x").artifact_location == "s3://b/x"

    def test_a_name_is_given_once_also_when_it_is_deleted(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            made, second = tracking.experiments.create("risk"), tracking.experiments.create("other")
            with pytest.raises(ExperimentExistsError, match=r"Experiment\(name=risk\) already exists"):
                tracking.experiments.create("risk")
            tracking.experiments.delete(made.id)
            with pytest.raises(ExperimentExistsError, match="deleted state"):
                tracking.experiments.create("risk")
            with pytest.raises(ExperimentExistsError):
                tracking.experiments.rename(second.id, "risk")
            assert tracking.experiments.get_named("risk").lifecycle is Lifecycle.DELETED

    def test_an_experiment_is_renamed_unless_it_is_deleted(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            made = tracking.experiments.create("risk")
            tracking.experiments.rename(made.id, "risks")
            tracking.experiments.rename(made.id, "risks")
            assert tracking.experiments.get(made.id).name == "risks"
            assert tracking.experiments.find_named("risk") is None
            tracking.experiments.delete(made.id)
            with pytest.raises(RenameDeletedError, match="Cannot rename a non-active experiment"):
                tracking.experiments.rename(made.id, "risk")

    def test_deleting_takes_the_runs_along_and_restoring_brings_them_back(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            made = tracking.experiments.create("risk").id
            run = tracking.runs.create(made).head.id
            tracking.experiments.delete(made)
            assert tracking.runs.get(run).head.lifecycle is Lifecycle.DELETED
            for act in (
                lambda: tracking.runs.create(made),
                lambda: tracking.models.create(made),
                lambda: tracking.experiments.set_tag(made, "a", value="b"),
                lambda: tracking.experiments.delete_tag(made, "a"),
            ):
                with pytest.raises(ExperimentDeletedError, match=f"The experiment {made} must be in the 'active' state"):
                    act()
            with pytest.raises(ExperimentNotFoundError, match=f"No Experiment with id={made} exists"):
                tracking.experiments.delete(made)
            tracking.experiments.restore(made)
            assert tracking.experiments.get(made).lifecycle is tracking.runs.get(run).head.lifecycle is Lifecycle.ACTIVE
            with pytest.raises(ExperimentNotFoundError):
                tracking.experiments.restore(made)

    def test_tags_are_set_replaced_and_deleted(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            made = tracking.experiments.create("risk", tags={"b": "1"}).id
            tracking.experiments.set_tag(made, "a", value="x" * 20_000)
            tracking.experiments.set_tag(made, "b", value="2")
            assert tracking.experiments.get(made).tags == {"a": "x" * 20_000, "b": "2"}
            tracking.experiments.delete_tag(made, "a")
            assert tracking.experiments.get(made).tags == {"b": "2"}
            with pytest.raises(ExperimentTagNotFoundError, match=f"No tag with name: a in experiment with id {made}"):
                tracking.experiments.delete_tag(made, "a")

    def test_an_unknown_experiment_is_said_to_be(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            for act in (
                lambda: tracking.experiments.get("99"),
                lambda: tracking.experiments.delete("99"),
                lambda: tracking.experiments.rename("99", "x"),
                lambda: tracking.runs.create("99"),
            ):
                with pytest.raises(ExperimentNotFoundError, match="No Experiment with id=99 exists"):
                    act()
            with pytest.raises(ExperimentNameNotFoundError, match="Could not find experiment with name 'none'"):
                tracking.experiments.get_named("none")
            for wrong in ("", "-1", "abc", "1e3", "9" * 30, "²"):
                with pytest.raises(ExperimentIdError):
                    tracking.experiments.get(wrong)

    def test_what_is_beyond_a_limit_is_refused(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            with pytest.raises(ExperimentNameError, match="Invalid experiment name: ''"):
                tracking.experiments.create("")
            with pytest.raises(TooLongError, match="'name' exceeds the maximum length of 500 characters"):
                tracking.experiments.create("x" * 501)
            for name in ("a\0b", "\ud800"):
                with pytest.raises(FieldError):
                    tracking.experiments.create(name)
            with pytest.raises(FieldError, match="Names may only contain"):
                tracking.experiments.set_tag("0", "a;b", value="c")
            with pytest.raises(TooLongError):
                tracking.experiments.set_tag("0", "a", value="x" * 20_001)
