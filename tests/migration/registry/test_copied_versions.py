"""Homes from before registered models: their versions, evidence and deployments are there afterwards, and their old tables too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from flyball.core.canonical import canonical
from flyball.core.ids import Digest, EventId, RunId
from flyball.registry import Estimate, Evidence, ModelVersion, VersionState
from flyball.registry._sqlmodels import SqlModels
from flyball.registry._sqlstore import SqlRegistry
from flyball.registry.registered import VersionFile
from flyball.storage import schema_version
from flyball.storage.database import Database

NOON = datetime(2013, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
MICROSECONDS = 1362139200123456
EVIDENCE = Evidence(metric="auc", metrics={"auc": Estimate(0.7, 0.6, 0.8, 9)}, start=NOON, end=NOON, rows=9)


def version(model: str, number: int, *, state: VersionState) -> ModelVersion:
    return ModelVersion(
        model=model, number=number, digest=Digest(str(number) * 64), run=RunId(f"run-{number}"), state=state, data_versions={"flights": 3},
        training_digest=Digest("t"), feature_fingerprint=Digest("f"), code_version="git:abc", environment=Digest("e"),
        created=NOON + timedelta(seconds=number), cause=EventId("evt-why"),
    )  # fmt: skip


VERSIONS = [
    version("early", 7, state=VersionState.CANDIDATE),
    version("late", 1, state=VersionState.RETIRED),
    version("late", 2, state=VersionState.VALIDATED),
    version("late", 3, state=VersionState.VALIDATED),
]


def old_home(path: Path) -> None:
    database = Database.open(path)
    with database.write() as connection:
        schema_version.downgrade(connection, "0009_tracking")
        for made in VERSIONS:
            connection.execute(
                sa.text("INSERT INTO model_versions VALUES (:m, :n, :d, :r, :s, :v, 't', 'f', 'git:abc', 'e', :c, 'evt-why')"),
                {
                    "m": made.model, "n": made.number, "d": made.digest, "r": made.run, "s": made.state.value, "v": '{"flights":3}',
                    "c": MICROSECONDS + made.number * 1_000_000,
                },
            )  # fmt: skip
        evidence = {"e": canonical(EVIDENCE.to_json())}
        connection.execute(sa.text("INSERT INTO version_evidence VALUES ('late', 2, :e)"), evidence)
        deployed = canonical({
            "environment": "production", "endpoint": "door", "model": "late", "champion": 2, "canary": 3, "share": 0.1, "revision": 4,
        })  # fmt: skip
        connection.execute(sa.text("INSERT INTO deployments VALUES ('production', 'door', 4, :d)"), {"d": deployed})
    database.close()


def test_versions_evidence_and_deployments_are_taken_over(tmp_path: Path) -> None:
    old_home(tmp_path / "home.db")
    database = Database.open(tmp_path / "home.db")
    registry, models = SqlRegistry(database), SqlModels(database)
    assert registry.list() == VERSIONS
    assert (registry.find_evidence("late", 2), registry.find_evidence("late", 1)) == (EVIDENCE, None)
    assert (registry.next_number("early"), registry.next_number("late"), registry.next_number("new")) == (8, 4, 1)
    found = models.find("late")
    assert found is not None
    assert (found.managed_by, dict(found.aliases)) == ("production/door", {"champion": 2, "challenger": 3})
    assert (found.created_ms, found.updated_ms) == (MICROSECONDS // 1000 + 1000, MICROSECONDS // 1000 + 3000)
    version = models.find_version("late", 2)
    assert version is not None
    assert (version.source, version.seal, version.origin.may_run_code) == ("runs:/run-2/model", None, True)
    assert models.list_files("late", 2) == [VersionFile(path="model.bin", digest=Digest("2" * 64), uploader="system", may_run_code=True)]
    with database.read() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM model_versions")).scalar_one() == len(VERSIONS)
    database.close()
