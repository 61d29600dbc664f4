"""A version is made of what this server keeps, and of nothing else: the corpus of sources that are refused, in words that say why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flyball.core.errors import InvalidError
from flyball.registry.refusals import SourceError
from flyball.registry.registered import VersionRequest
from flyball.testing.registry_home import FILES, Person, RegistryHome, open_registry_home

ELSEWHERE = {
    "absolute": "/etc/passwd",
    "relative": "model",
    "dots": "../../etc/passwd",
    "file": "file:///etc/passwd",
    "file-host": "file://localhost/etc/passwd",
    "file-short": "file:/etc/passwd",
    "s3": "s3://bucket/model",
    "gs": "gs://bucket/model",
    "wasbs": "wasbs://c@account.blob.core.windows.net/model",
    "hdfs": "hdfs://node:9000/model",
    "http": "http://127.0.0.1/model",
    "https": "https://example.invalid/api/2.0/mlflow-artifacts/artifacts/0/r/artifacts",
    "ftp": "ftp://example.invalid/model",
    "dbfs": "dbfs:/model",
    "unc": r"\\host\share\model",
    "drive": r"C:\models\m",
    "data": "data:text/plain,hello",
    "host": "mlflow-artifacts://example.invalid:5000/0/{run}/artifacts/model",
    "empty-host": "mlflow-artifacts:///0/{run}/artifacts/model",
    "upper-scheme": "FILE:///etc/passwd",
    "space-scheme": " file:///etc/passwd",
    "models-host": "models://example.invalid/{model}",
    "runs-host": "runs://example.invalid/{run}/model",
    "nothing": "",
    "long": "x" * 4096,
}
STEPS = {
    "dots": "..",
    "inner-dots": "model/../../../secret",
    "encoded": "%2e%2e/secret",
    "encoded-slash": "..%2f..%2fsecret",
    "double": "%252e%252e/secret",
    "backslash": r"..\..\secret",
    "nul": "model\0",
    "hash": "model#x",
    "question": "model?x=1",
    "empty-name": "model//secret",
    "dot": "./model",
    "unicode-dots": "\u2024\u2024/secret",
    "wide-dots": "\uff0e\uff0e/secret",
    "wide-slash": "..\uff0fsecret",
    "newline": "model\nx",
    "long": "x" * 4096,
}
ROOTS = {"runs": "runs:/{run}/", "models": "models:/{model}/a/", "artifacts": "mlflow-artifacts:/0/{run}/artifacts/"}
UNNAMED = "The run_id request parameter must identify the resource that contains the source."


@pytest.fixture
def home(tmp_path: Path) -> Iterator[RegistryHome]:
    with open_registry_home(tmp_path) as home:
        home.models.create("churn")
        yield home


def refused(home: RegistryHome, **asked: str | None) -> str:
    with pytest.raises(InvalidError) as caught:
        home.models.create_version("churn", VersionRequest(**asked), principal=Person())  # type: ignore[arg-type]  # `source` is among them
    assert isinstance(caught.value, SourceError)
    assert home.models.get("churn").latest == ()
    return str(caught.value)


@pytest.mark.parametrize("source", list(ELSEWHERE.values()), ids=list(ELSEWHERE))
def test_what_lies_elsewhere_is_refused_and_never_looked_at(home: RegistryHome, source: str) -> None:
    run, model = home.logged()
    text = refused(home, source=source.format(run=run, model=model), run=run)
    assert text.startswith("Invalid model version source: '")
    assert len(text) < 1000


@pytest.mark.parametrize(
    "root", ["runs:/{run}/", "models:/{model}/a/", "mlflow-artifacts:/0/{run}/artifacts/"], ids=["runs", "models", "artifacts"]
)
@pytest.mark.parametrize("step", list(STEPS.values()), ids=list(STEPS))
def test_what_steps_out_of_its_root_is_refused(home: RegistryHome, root: str, step: str) -> None:
    run, model = home.logged()
    text = refused(home, source=root.format(run=run, model=model) + step)
    assert text.startswith("Invalid model version source: '")
    assert text.isprintable()


class TestWhose:
    def test_the_named_run_is_the_one_that_the_source_lies_in(self, home: RegistryHome) -> None:
        run, other = home.run_with(), home.run_with()
        for source in (f"runs:/{run}/model", f"mlflow-artifacts:/0/{run}/artifacts/model"):
            assert "The run_id request parameter must identify the resource that contains the source." in refused(
                home, source=source, run=other
            )
            made = home.models.create_version("churn", VersionRequest(source=source, run=run), principal=Person())
            assert (made.run, made.model) == (run, None)
            home.models.delete_version("churn", made.number)

    def test_a_run_that_is_not_there_is_none(self, home: RegistryHome) -> None:
        run, model = home.logged()
        nobody = "0" * 32
        assert "run_id request parameter" in refused(home, source=f"runs:/{nobody}/model", run=nobody)
        assert "run_id request parameter" in refused(home, source=f"mlflow-artifacts:/7/{run}/artifacts/model", run=run)
        assert "run_id request parameter" in refused(home, source=f"models:/{model}", run=nobody)
        assert "model_id request parameter" in refused(home, source="models:/m-" + nobody)

    def test_the_named_model_is_the_one_that_the_source_is(self, home: RegistryHome) -> None:
        run, model = home.logged()
        _, other = home.logged()
        assert "model_id request parameter" in refused(home, source=f"models:/{model}", model=other)
        assert "model_id request parameter" in refused(home, source=f"runs:/{run}/model", model=model)
        made = home.models.create_version(
            "churn", VersionRequest(source=f"mlflow-artifacts:/0/models/{model}/artifacts"), principal=Person()
        )
        assert (made.run, made.model) == (run, model)

    def test_a_model_that_was_logged_beside_the_run_is_found_by_its_name(self, home: RegistryHome) -> None:
        run, model = home.logged(name="forest")
        made = home.models.create_version("churn", VersionRequest(source=f"runs:/{run}/forest", run=run), principal=Person())
        assert (made.model, len(home.models.list_files("churn", 1))) == (model, len(FILES))

    def test_a_source_with_nothing_in_it_makes_a_version_without_files(self, home: RegistryHome) -> None:
        run = home.run_with()
        made = home.models.create_version(
            "churn", VersionRequest(source=f"runs:/{run}/nothing", run=run), principal=Person(may_run_code=True)
        )
        assert home.models.list_files("churn", 1) == []
        assert not made.origin.may_run_code


class TestCopies:
    @pytest.mark.parametrize("source", ["models:/first/1", "models:/first@best", "models:/first/latest", "models:/first/Staging"])
    def test_a_version_is_copied_with_its_files_run_and_logged_model(self, home: RegistryHome, source: str) -> None:
        first = home.version("first", by=Person(may_run_code=True))
        home.models.set_alias("first", "best", number=1)
        home.models.transition_stage("first", 1, stage="Staging", archive_existing=False)
        made = home.models.create_version("churn", VersionRequest(source=source), principal=Person("bob"))
        assert (made.source, made.run, made.model, made.made.digest) == ("models:/first/1", first.run, first.model, first.made.digest)
        assert home.models.list_files("churn", 1) == home.models.list_files("first", 1)
        assert (made.user, made.origin.may_run_code) == ("bob", True)

    def test_a_copy_of_another_run_or_of_nothing_is_refused(self, home: RegistryHome) -> None:
        home.version("first")
        run, _ = home.logged()
        assert "must match the referenced model version" in refused(home, source="models:/first/1", run=run)
        for source in ("models:/first/2", "models:/first@best", "models:/first/Production", "models:/nobody/1"):
            assert "There is no version" in refused(home, source=source)
