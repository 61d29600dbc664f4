"""The registry means the same on SQLite and on PostgreSQL, and with many who write to it at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flyball.registry.registered import VersionRequest
from flyball.registry.report import Verdict
from flyball.testing.registry_home import Person, RegistryHome, open_registry_home
from tests.databases import Databases

WRITERS, EACH = 4, 6


def test_a_version_lives_and_is_verified_on_every_engine(databases: Databases, tmp_path: Path) -> None:
    with open_registry_home(tmp_path, database=databases.open(tmp_path)) as home:
        home.version()
        home.version()
        home.models.rename("churn", "leave")
        home.models.set_alias("leave", "best", number=2)
        home.models.set_version_tag("leave", 1, key="team", value="risk")
        home.models.transition_stage("leave", 1, stage="Staging", archive_existing=True)
        home.models.validate("leave", 1, why="looked at it")
        found = home.models.search_versions(filter="tags.team ILIKE 'R%' AND version_number < 2")
        assert [version.number for version in found.items] == [1]
        first = home.models.search_versions(max_results=1)
        second = home.models.search_versions(max_results=1, token=first.token)
        assert {version.number for page in (first, second) for version in page.items} == {1, 2}
        assert second.token is None
        for number in (1, 2):
            report = home.models.verify("leave", number)
            assert report.verdict is Verdict.VERIFIED, report.to_json()


def test_many_who_register_at_once_get_a_number_each(databases: Databases, tmp_path: Path) -> None:
    with open_registry_home(tmp_path, database=databases.open(tmp_path)) as home:
        home.models.create("churn")
        _, model = home.logged()

        def register(writer: int) -> list[int]:
            with open_registry_home(tmp_path, database=databases.open(tmp_path)) as mine:
                return [numbered(mine, model, writer=writer) for _ in range(EACH)]

        with ThreadPoolExecutor(WRITERS) as pool:
            given = [number for numbers in pool.map(register, range(WRITERS)) for number in numbers]
        assert sorted(given) == list(range(1, WRITERS * EACH + 1))
        assert [version.number for version in home.parts.models.list_versions("churn")] == sorted(given)
        marked = home.tracking.models.get(model).tags["mlflow.modelVersions"]
        assert marked.count("churn") == WRITERS * EACH


def numbered(home: RegistryHome, model: str, *, writer: int) -> int:
    asked = VersionRequest(source=f"models:/{model}", tags={"writer": str(writer)})
    return home.models.create_version("churn", asked, principal=Person()).number
