"""Registered models as clients of MLflow know them: names, tags, aliases, stages, versions that never change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from flyball.core.errors import FlyballError
from flyball.core.ids import Digest, RunId
from flyball.lineage import ancestors
from flyball.registry import Registration, VersionState
from flyball.registry.models import Models
from flyball.registry.refusals import (
    AliasNameError,
    AliasNotFoundError,
    ArchiveStageError,
    DeployedVersionError,
    LatestVersionNotFoundError,
    ManagedAliasError,
    ManagedModelError,
    ModelExistsError,
    ModelNotFoundError,
    RegisteredVersionNotFoundError,
    ReservedTagError,
    StageError,
)
from flyball.registry.registered import Stage, VersionRequest
from flyball.registry.signing import SealState
from flyball.testing.registry_home import FILES, Person, RegistryHome, open_registry_home
from flyball.tracking.artifact import Root, RootKind
from flyball.tracking.artifacterrors import ArtifactNotFoundError, ArtifactPathError
from tests.databases import Databases


@pytest.fixture
def home(databases: Databases, tmp_path: Path) -> Iterator[RegistryHome]:
    with open_registry_home(tmp_path, database=databases.open(tmp_path)) as home:
        yield home


@pytest.fixture
def models(home: RegistryHome) -> Models:
    return home.models


class TestModels:
    def test_a_model_is_what_was_created(self, home: RegistryHome, models: Models) -> None:
        made = models.create("churn", description="who leaves", tags={"team": "risk"})
        assert models.get("churn") == made
        assert (made.name, made.description, made.tags, made.aliases, made.latest) == ("churn", "who leaves", {"team": "risk"}, {}, ())
        assert made.created_ms == made.updated_ms == int(home.clock.now().timestamp() * 1000)

    def test_a_name_is_given_once(self, models: Models) -> None:
        models.create("churn")
        with pytest.raises(ModelExistsError, match=r"^Registered Model \(name=churn\) already exists\.$"):
            models.create("churn")

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("", "Missing value for required parameter 'name'."),
            ("  ", "Missing value for required parameter 'name'."),
            ("a/b", "Invalid model name 'a/b'. Names cannot contain '/' or ':'."),
            ("a:b", "Invalid model name 'a:b'. Names cannot contain '/' or ':'."),
            ("..", "must not resolve to other names"),
            ("x" * 257, "'name' exceeds the maximum length of 256 characters"),
            ("a\0b", "may only contain"),
            ("a\ud800", "may only contain"),
        ],
        ids=["empty", "blank", "slash", "colon", "dots", "long", "nul", "surrogate"],
    )
    def test_what_is_no_name_is_refused(self, models: Models, name: str, message: str) -> None:
        with pytest.raises(FlyballError) as caught:
            models.create(name)
        assert message in str(caught.value)

    def test_a_missing_model_is_named(self, models: Models) -> None:
        for ask in (models.get, models.delete, lambda name: models.update(name, "x"), lambda name: models.rename(name, "new")):
            with pytest.raises(ModelNotFoundError, match=r"^Registered Model with name=churn not found$"):
                ask("churn")

    def test_a_description_is_replaced(self, home: RegistryHome, models: Models) -> None:
        models.create("churn", description="a")
        home.clock.advance_to(home.clock.now() + timedelta(seconds=2))
        changed = models.update("churn", "b")
        assert (changed.description, changed.updated_ms - changed.created_ms) == ("b", 2000)

    def test_tags_are_set_replaced_and_deleted(self, models: Models) -> None:
        models.create("churn", tags={"a": "1"})
        models.set_tag("churn", "a", value="2")
        models.set_tag("churn", "b", value="")
        assert models.get("churn").tags == {"a": "2", "b": ""}
        models.delete_tag("churn", "a")
        models.delete_tag("churn", "never there")
        assert models.get("churn").tags == {"b": ""}

    def test_a_renamed_model_keeps_versions_tags_and_aliases(self, home: RegistryHome, models: Models) -> None:
        home.version()
        models.set_alias("churn", "best", number=1)
        models.set_version_tag("churn", 1, key="a", value="b")
        models.rename("churn", "leave")
        found = models.get_by_alias("leave", "best")
        assert (found.name, found.number, found.own_tags, found.aliases) == ("leave", 1, {"a": "b"}, ("best",))
        with pytest.raises(ModelNotFoundError):
            models.get("churn")

    def test_a_name_that_is_taken_is_not_renamed_to(self, models: Models) -> None:
        models.create("churn")
        models.create("leave")
        with pytest.raises(ModelExistsError, match="leave"):
            models.rename("churn", "leave")
        assert models.get("churn").name == "churn"

    def test_no_name_and_number_ever_mean_two_versions(self, home: RegistryHome, models: Models) -> None:
        home.version("a")
        home.version("b")
        models.delete("b")
        with pytest.raises(ModelExistsError):
            models.rename("a", "b")
        assert home.version("b").number == 2
        models.delete("b")
        models.rename("a", "c")
        models.rename("c", "a")
        assert home.version("a").number == 2


class TestAliases:
    def test_an_alias_names_one_version_and_moves(self, home: RegistryHome, models: Models) -> None:
        home.version()
        home.version()
        models.set_alias("churn", "champion", number=1)
        models.set_alias("churn", "champion", number=2)
        assert models.get_by_alias("churn", "champion").number == 2
        assert models.get("churn").aliases == {"champion": 2}
        assert models.get_version("churn", 1).aliases == ()
        models.delete_alias("churn", "champion")
        models.delete_alias("churn", "champion")
        with pytest.raises(AliasNotFoundError, match=r"^Registered model alias champion not found\.$"):
            models.get_by_alias("churn", "champion")

    def test_an_alias_needs_its_version(self, home: RegistryHome, models: Models) -> None:
        home.version()
        with pytest.raises(RegisteredVersionNotFoundError, match=r"^Model Version \(name=churn, version=2\) not found$"):
            models.set_alias("churn", "best", number=2)

    @pytest.mark.parametrize(
        ("alias", "message"),
        [
            ("", "Registered model alias name cannot be empty."),
            ("a b", "Invalid alias name: 'a b'. Names may only contain alphanumerics, underscores (_), and dashes (-)."),
            ("a\n", "Invalid alias name"),
            ("Latest", "'latest' alias name (case insensitive) is reserved."),
            ("v12", "Version alias name 'v12' is reserved."),
            ("V1", "Version alias name 'V1' is reserved."),
            ("x" * 256, "exceeds the maximum length of 255 characters"),
        ],
        ids=["empty", "space", "newline", "latest", "v12", "V1", "long"],
    )
    def test_what_is_no_alias_is_refused(self, home: RegistryHome, models: Models, alias: str, message: str) -> None:
        home.version()
        with pytest.raises((AliasNameError, FlyballError)) as caught:
            models.set_alias("churn", alias, number=1)
        assert message in str(caught.value)

    def test_latest_is_the_highest_version(self, home: RegistryHome, models: Models) -> None:
        models.create("churn")
        with pytest.raises(LatestVersionNotFoundError, match=r"^Latest version not found for model churn\.$"):
            models.get_by_alias("churn", "latest")
        home.version()
        home.version()
        models.transition_stage("churn", 2, stage="archived", archive_existing=False)
        assert models.get_by_alias("churn", "latest").number == 2

    def test_of_a_released_model_the_releases_move_their_aliases_alone(self, home: RegistryHome, models: Models) -> None:
        home.version()
        home.version()
        models.set_alias("churn", "shadow", number=2)
        home.registry.project("churn", managed_by="production/door", champion=1, challenger=2)
        assert models.get("churn").aliases == {"champion": 1, "challenger": 2}
        for alias in ("champion", "challenger", "shadow"):
            with pytest.raises(ManagedAliasError, match=r"flyball promote door --version 2"):
                models.set_alias("churn", alias, number=2)
            with pytest.raises(ManagedAliasError, match=r"flyball promote door"):
                models.delete_alias("churn", alias)
        for alias in ("Champion", "CHALLENGER"):  # would be read for what it is not
            with pytest.raises(ManagedAliasError):
                models.set_alias("churn", alias, number=2)
        models.set_alias("churn", "mine", number=2)
        home.registry.project("churn", managed_by="production/door", champion=2, challenger=None)
        assert models.get("churn").aliases == {"champion": 2, "mine": 2}

    def test_a_released_model_is_neither_renamed_nor_deleted_and_keeps_what_answers(self, home: RegistryHome, models: Models) -> None:
        home.version()
        home.version()
        home.registry.project("churn", managed_by="production/door", champion=1, challenger=None)
        with pytest.raises(ManagedModelError):
            models.rename("churn", "leave")
        with pytest.raises(ManagedModelError):
            models.delete("churn")
        with pytest.raises(DeployedVersionError, match="is the champion at endpoint 'door'"):
            models.delete_version("churn", 1)
        models.delete_version("churn", 2)


class TestVersions:
    def test_a_version_is_what_its_logged_model_was(self, home: RegistryHome, models: Models) -> None:
        models.create("churn")
        run, model = home.logged()
        asked = VersionRequest(source=f"models:/{model}", run=run, model=model, description="first", tags={"a": "b"}, run_link="https://x")
        made = models.create_version("churn", asked, principal=Person("bob"))
        assert models.get_version("churn", 1) == made
        assert (made.number, made.source, made.run, made.model, made.user) == (1, f"models:/{model}", run, model, "bob")
        assert (made.description, made.own_tags, made.stage, made.status) == ("first", {"a": "b"}, Stage.NONE, "READY")
        assert made.tags["flyball.state"] == "candidate"
        assert made.made.code_version == "git:abc123"
        assert made.made.environment
        assert {file.path for file in models.list_files("churn", 1)} == set(FILES)
        assert models.check("churn", 1) is SealState.SIGNED
        assert home.tracking.models.get(model).tags["mlflow.modelVersions"] == '[{"name": "churn", "version": 1}]'
        assert [edge.parent for edge in home.parts.lineage.list_parents("model/churn@1")] == [f"logged-model/{model}", f"run/{run}"]

    def test_later_artifacts_do_not_change_it(self, home: RegistryHome, models: Models) -> None:
        models.create("churn")
        run = home.run_with()
        made = models.create_version("churn", VersionRequest(source=f"runs:/{run}/model"), principal=Person())
        before = models.list_files("churn", 1)
        home.artifacts.put(Root(RootKind.RUN, "0", run), "model/MLmodel", chunks=[b"other"], principal=Person())
        home.artifacts.delete(Root(RootKind.RUN, "0", run), "model/data")
        assert models.list_files("churn", 1) == before
        path = made.location.removeprefix("mlflow-artifacts:/")
        assert models.download_uri("churn", 1) == made.location
        assert b"".join(home.artifacts.open(models.files.get(f"{path}/MLmodel"))) == FILES["MLmodel"]
        assert [(entry.path, entry.is_dir) for entry in models.files.list(path)] == [
            ("MLmodel", False), ("data", True), ("requirements.txt", False),
        ]  # fmt: skip
        assert [entry.path for entry in models.files.list(f"{path}/data")] == ["data/weights.bin"]

    def test_numbers_are_never_given_twice(self, home: RegistryHome, models: Models) -> None:
        assert [home.version().number for _ in range(3)] == [1, 2, 3]
        models.delete_version("churn", 3)
        assert home.version().number == 4
        models.delete("churn")
        assert home.version().number == 5
        with pytest.raises(RegisteredVersionNotFoundError):
            models.get_version("churn", 3)

    def test_a_deleted_version_takes_its_aliases_with_it(self, home: RegistryHome, models: Models) -> None:
        home.version()
        models.set_alias("churn", "best", number=1)
        models.delete_version("churn", 1)
        assert models.get("churn").aliases == {}
        assert list(home.parts.models.list_blobs()) == []

    def test_stages_move_and_archive(self, home: RegistryHome, models: Models) -> None:
        for _ in range(3):
            home.version()
        for number in (1, 2):
            models.transition_stage("churn", number, stage="production", archive_existing=False)
        models.transition_stage("churn", 3, stage="Production", archive_existing=True)
        assert [models.get_version("churn", number).stage.value for number in (1, 2, 3)] == ["Archived", "Archived", "Production"]
        assert [version.number for version in models.latest_versions("churn")] == [2, 3]
        assert [version.number for version in models.latest_versions("churn", ["production", "None"])] == [3]
        with pytest.raises(StageError, match="Value must be one of None, Staging, Production, Archived"):
            models.transition_stage("churn", 1, stage="prod", archive_existing=False)
        with pytest.raises(ArchiveStageError, match="'archived' is not an Active stage"):
            models.transition_stage("churn", 1, stage="archived", archive_existing=True)

    def test_what_flyball_says_of_a_version_nobody_else_says(self, home: RegistryHome, models: Models) -> None:
        home.version()
        with pytest.raises(ReservedTagError):
            models.set_version_tag("churn", 1, key="flyball.state", value="validated")
        models.set_version_tag("churn", 1, key="a", value="1")
        models.delete_version_tag("churn", 1, key="a")
        assert models.get_version("churn", 1).own_tags == {}

    def test_whoever_may_not_run_code_gives_no_version_that_may(self, home: RegistryHome) -> None:
        assert not home.version(by=Person(may_run_code=False)).origin.may_run_code
        assert home.version(by=Person(may_run_code=True)).origin.may_run_code

    def test_a_version_of_the_loop_is_one_of_them(self, home: RegistryHome, models: Models) -> None:
        home.version()
        registration = Registration(
            model="churn", digest=Digest("d" * 64), run=RunId("run-1"), data_versions={"flights": 3}, training_digest=Digest("1" * 64),
            feature_fingerprint=Digest("2" * 64), code_version="git:abc", environment=Digest("3" * 64),
        )  # fmt: skip
        assert home.registry.register(registration).number == 2
        found = models.get_version("churn", 2)
        assert (found.source, found.run, found.tags["flyball.data"]) == ("runs:/run-1/model", "run-1", "flights@3")
        assert [version.number for version in home.registry.list("churn")] == [1, 2]
        edges = ancestors(home.parts.lineage, "model/churn@2")
        assert [(edge.child, edge.parent, edge.kind) for edge in edges] == [
            ("model/churn@2", "run/run-1", "made-by"), ("run/run-1", "dataset/flights@3", "trained-on"),
        ]  # fmt: skip

    def test_the_model_of_a_training_is_downloaded_whole(self, home: RegistryHome, models: Models) -> None:
        blob = home.parts.blobs.put(b"a model")
        registration = Registration(
            model="churn", digest=blob, run=RunId("run-1"), training_digest=Digest("1" * 64), feature_fingerprint=Digest("2" * 64),
            code_version="git:abc", environment=Digest("3" * 64),
        )  # fmt: skip
        home.registry.register(registration)
        path = models.download_uri("churn", 1).removeprefix("mlflow-artifacts:/")
        (entry,) = models.files.list(path)
        file = models.files.get(f"{path}/{entry.path}")
        assert (entry.path, entry.size, file.size) == ("model.bin", 7, 7)
        assert b"".join(home.artifacts.open(file)) == b"a model"

    @pytest.mark.parametrize("rest", ["", "/2/artifacts", "/1/artifact", "/1/artifacts/nothing", "/1/artifacts/../../x", "/x/artifacts"])
    def test_no_other_path_is_a_versions(self, home: RegistryHome, models: Models, rest: str) -> None:
        made = home.version()
        with pytest.raises((ArtifactNotFoundError, ArtifactPathError)):
            models.files.get(f"versions/{made.model_id}{rest}")

    def test_a_version_of_a_client_can_be_validated(self, home: RegistryHome, models: Models) -> None:
        home.version()
        assert models.by("ann").validate("churn", 1, why="looked at it").state is VersionState.VALIDATED
        assert home.registry.get("churn", 1).state is VersionState.VALIDATED

    def test_every_change_is_an_event_with_who_did_it(self, home: RegistryHome, models: Models) -> None:
        ann = models.by("ann")
        ann.create("churn")
        _, model = home.logged()
        ann.create_version("churn", VersionRequest(source=f"models:/{model}"), principal=Person())
        ann.set_tag("churn", "a", value="1")
        ann.delete_tag("churn", "a")
        ann.set_alias("churn", "best", number=1)
        ann.delete_alias("churn", "best")
        ann.update("churn", "text")
        ann.update_version("churn", 1, description="text")
        ann.set_version_tag("churn", 1, key="a", value="1")
        ann.delete_version_tag("churn", 1, key="a")
        ann.transition_stage("churn", 1, stage="Staging", archive_existing=False)
        ann.rename("churn", "leave")
        ann.delete_version("leave", 1)
        ann.delete("leave")
        events = [event for event in home.parts.log.list() if event.subject.startswith("model/")]
        assert [event.type for event in events] == [
            "model.created", "version.registered", "model.tag-set", "model.tag-deleted", "alias.set", "alias.deleted", "model.updated",
            "version.updated", "version.tag-set", "version.tag-deleted", "version.stage-set", "model.renamed", "version.deleted",
            "model.deleted",
        ]  # fmt: skip
        assert {event.actor for event in events} == {"ann"}
