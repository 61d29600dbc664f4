"""One flipped byte anywhere in what a verification covers fails it; what nobody touched passes, whatever its model has lived through."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from flyball.core.errors import FlyballError
from flyball.core.ids import Digest, RunId
from flyball.data.model import DatasetVersion
from flyball.data.model import VersionState as DatasetState
from flyball.registry import Difference, Estimate, Evidence, Registration, VersionState
from flyball.registry.admission import Admission
from flyball.registry.keyerrors import VersionTamperedError
from flyball.registry.refusals import RegisteredVersionNotFoundError
from flyball.registry.registered import VersionRequest
from flyball.registry.report import Outcome, Report, Verdict
from flyball.registry.signing import SealState
from flyball.releases import Deployment, ReleaseService, canary
from flyball.releases._sqlstore import SqlReleases
from flyball.testing.registry_home import START, Person, RegistryHome, open_registry_home

BYTE = 1  # the bit that is flipped


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A home with version 1 of "churn", of a client, and version 2 of a training; both are evaluated, tagged and named."""
    with open_registry_home(tmp_path) as home:
        home.version(by=Person(may_run_code=True))
        home.parts.datasets.create(dataset())
        run = home.tracking.runs.create("0", name="fit").head.id
        blob = home.parts.blobs.put(b"a model")
        registration = Registration(
            model="churn", digest=blob, run=RunId(run), data_versions={"flights": 1}, training_digest=Digest("1" * 64),
            feature_fingerprint=Digest("2" * 64), code_version="git:abc", environment=Digest("3" * 64),
        )  # fmt: skip
        home.registry.register(registration)
        for number in (1, 2):
            home.models.validate("churn", number, why="looked at it", evidence=evidence())
            home.models.set_version_tag("churn", number, key="team", value="risk")
            home.models.update_version("churn", number, description="text")
            home.models.set_alias("churn", f"alias-{number}", number=number)
            home.models.transition_stage("churn", number, stage="Staging", archive_existing=False)
    return tmp_path


def dataset() -> DatasetVersion:
    return DatasetVersion(
        dataset="flights", number=1, digest=Digest("4" * 64), state=DatasetState.ACCEPTED, rows=1, added=1, quarantined=0, duplicates=0,
        table="flights", table_version=1, first_arrival=0, last_arrival=0, files=(), contract=Digest("5" * 64), profile=None,
        earliest_event_time=START, latest_event_time=START, ingested_at=START, cause=None, event=None,
    )  # fmt: skip


def evidence() -> Evidence:
    figure = Estimate(0.7, 0.6, 0.8, 100)
    return Evidence(
        metric="roc_auc", metrics={"roc_auc": figure}, start=START, end=START + timedelta(days=1), rows=100,
        comparison=Difference("roc_auc", 0.01, 0.0, 0.02, 100), champion=1,
    )  # fmt: skip


def verify(place: Path, number: int) -> Report:
    with open_registry_home(place) as home:
        return home.models.verify("churn", number)


def fails(home: RegistryHome, number: int) -> bool:
    """Whether a command that verifies would end with an error."""
    try:
        return home.models.verify("churn", number).verdict is not Verdict.VERIFIED
    except FlyballError:
        return True


def failed(report: Report) -> set[str]:
    return {check.name for check in report.failures}


@pytest.mark.parametrize("number", [1, 2])
def test_what_nobody_touched_is_verified(place: Path, number: int) -> None:
    report = verify(place, number)
    assert report.verdict is Verdict.VERIFIED, report.to_json()
    absent = {check.name for check in report.checks if check.outcome is Outcome.ABSENT}
    assert absent == {"deployment", *({"data"} if number == 1 else set())}


def test_a_model_that_was_renamed_and_lived_on_is_verified(place: Path) -> None:
    with open_registry_home(place) as home:
        home.clock.advance_to(START + timedelta(days=1))
        home.models.rename("churn", "leave")
        home.models.set_alias("leave", "alias-2", number=1)
        home.models.delete_version_tag("leave", 1, key="team")
        home.models.transition_stage("leave", 2, stage="Staging", archive_existing=True)
        home.clock.advance_to(START + timedelta(days=2))
        home.models.rename("leave", "churn")
        home.registry.move("churn", 2, state=VersionState.RETIRED)
    for number in (1, 2):
        report = verify(place, number)
        assert report.verdict is Verdict.VERIFIED, report.to_json()


def test_a_version_that_was_released_is_verified_and_its_projected_aliases_with_it(place: Path) -> None:
    with open_registry_home(place) as home:
        here = Deployment("production", "door", "churn")
        releases = ReleaseService(
            SqlReleases(home.database), home.registry, transactions=home.database, recorder=home.recorder, clock=home.clock, place=here
        )
        for number in (1, 2):
            home.clock.advance_to(START + timedelta(days=number))
            releases.start(number, canary([0.1, 1.0], hold="1d"))
        for number, alias in ((1, "champion"), (2, "challenger")):
            report = home.models.verify("churn", number)
            assert report.verdict is Verdict.VERIFIED, report.to_json()
            assert alias in home.models.get_version("churn", number).aliases
        change(place, "UPDATE registered_aliases SET number = 2 WHERE alias = 'champion'")
        assert failed(home.models.verify("churn", 1)) == failed(home.models.verify("churn", 2)) == {"standing"}


# -- every file


def flip(path: Path, place: int) -> None:
    data = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(data[:place] + bytes([data[place] ^ BYTE]) + data[place + 1 :])


@pytest.mark.parametrize("number", [1, 2])
def test_a_flipped_byte_of_any_content_fails(place: Path, number: int) -> None:
    with open_registry_home(place) as home:
        digests = [file.digest for file in home.models.list_files("churn", number)]
    assert digests
    for digest in digests:
        (blob,) = place.glob(f"blobs/**/*{digest[4:]}*")
        whole = blob.read_bytes()
        for position in {0, len(whole) // 2, len(whole) - 1}:
            flip(blob, position)
            assert failed(verify(place, number)) == {"contents"}
            blob.write_bytes(whole)
        blob.unlink()
        assert failed(verify(place, number)) == {"contents"}
        blob.write_bytes(whole)
    assert verify(place, number).verdict is Verdict.VERIFIED


def test_a_flipped_byte_of_the_public_key_fails(place: Path) -> None:
    (public,) = place.glob("keys/*.public")
    for position in range(64):
        whole = public.read_bytes()
        flip(public, position)
        assert "signature" in failed(verify(place, 1))
        public.write_bytes(whole)


def test_without_its_key_a_version_is_foreign(place: Path) -> None:
    for key in place.glob("keys/*"):
        key.unlink()
    report = verify(place, 1)
    assert (report.verdict, "signature" in failed(report)) == (Verdict.FAILED, True)
    with open_registry_home(place) as home:
        assert home.models.check("churn", 1) is SealState.FOREIGN
        with pytest.raises(VersionTamperedError, match="flyball verify models:/churn/1"):
            home.models.download_uri("churn", 1)


# -- every column


COVERED = ("registered_versions", "registered_files", "registered_evidence", "registered_version_tags", "registered_aliases")
NOT_FLIPPED = {"model", "number"}  # they would make it a part of another version: below


@dataclass(frozen=True)
class Cell:
    """One value of one row in the database, as its bytes are."""

    place: Path
    table: str
    column: str
    row: int

    def get(self) -> object:
        with closing(sqlite3.connect(self.place / "flyball.db")) as raw:
            return raw.execute(f"SELECT {self.column} FROM {self.table} WHERE rowid = ?", (self.row,)).fetchone()[0]  # noqa: S608  our tables

    def set(self, value: object) -> None:
        with closing(sqlite3.connect(self.place / "flyball.db")) as raw, raw:
            raw.execute(f"UPDATE {self.table} SET {self.column} = ? WHERE rowid = ?", (value, self.row))  # noqa: S608  our tables


def cells(place: Path, number: int) -> list[Cell]:
    """Every value that belongs to the version."""
    with closing(sqlite3.connect(place / "flyball.db")) as raw:
        found = []
        for table in COVERED:
            names = [row[1] for row in raw.execute(f"PRAGMA table_info({table})")]
            for (row,) in raw.execute(f"SELECT rowid FROM {table} WHERE number = ?", (number,)):  # noqa: S608  our tables
                found += [Cell(place, table, name, row) for name in names if name not in NOT_FLIPPED]
        return found


def changed(cell: Cell) -> list[object]:
    """The cell's value with one bit of one byte flipped, at several places; another value where there are no bytes."""
    value = cell.get()
    if isinstance(value, int):
        return [value ^ BYTE if cell.column != "ordinal" else value + 10]
    if not value:
        return [1 if cell.column == "size_bytes" else "x"]
    text = str(value)
    places = sorted({0, len(text) // 3, len(text) // 2, len(text) - 1})
    return [text[:place] + chr(ord(text[place]) ^ BYTE) + text[place + 1 :] for place in places]


@pytest.mark.parametrize("number", [1, 2])
def test_a_flipped_byte_of_any_column_fails(place: Path, number: int) -> None:
    passed = []
    with open_registry_home(place) as home:
        for cell in cells(place, number):
            whole = cell.get()
            for value in changed(cell):
                cell.set(value)
                if not fails(home, number):
                    passed.append((cell, value))
            cell.set(whole)
    assert passed == []
    assert verify(place, number).verdict is Verdict.VERIFIED


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM registered_files WHERE number = {number}",
        "DELETE FROM registered_version_tags WHERE number = {number}",
        "DELETE FROM registered_aliases WHERE number = {number}",
        "UPDATE registered_files SET number = 7 WHERE number = {number}",
        "UPDATE registered_versions SET number = 7 WHERE number = {number}",
        "UPDATE registered_versions SET statement = statement || ' ' WHERE number = {number}",
        "UPDATE registered_evidence SET statement = NULL, signature = NULL, signing_key = NULL WHERE number = {number}",
        "UPDATE registered_versions SET may_run_code = NOT may_run_code WHERE number = {number}",
        "UPDATE registered_models SET id = 7",
        "UPDATE events SET data = replace(data, 'digest', 'digesu') WHERE type = 'version.registered'",
        "DELETE FROM events WHERE type = 'version.validated'",
        "UPDATE events SET time = time + 1 WHERE type = 'version.registered'",
        "UPDATE events SET cause = 'evt-none' WHERE type = 'version.validated'",
        "UPDATE tracked_runs SET id = 'x' || number",
    ],
)  # fmt: skip
@pytest.mark.parametrize("number", [1, 2])
def test_whatever_is_changed_in_the_database_fails(place: Path, number: int, statement: str) -> None:
    change(place, statement.format(number=number))
    with open_registry_home(place) as home:
        assert fails(home, number)


@pytest.mark.parametrize("column", ["digest", "number", "dataset"])
def test_another_dataset_version_fails(place: Path, column: str) -> None:
    Cell(place, "dataset_versions", column, 1).set(7 if column == "number" else "5" * 60)
    assert failed(verify(place, 2)) & {"data", "statement"}


def change(place: Path, statement: str) -> None:
    with closing(sqlite3.connect(place / "flyball.db")) as raw, raw:
        assert raw.execute(statement).rowcount > 0


# -- at load


def test_what_is_not_what_was_signed_is_not_given_away(place: Path) -> None:
    change(place, "UPDATE registered_files SET digest = replace(digest, substr(digest, 1, 8), '00000000') WHERE number = 1 AND ordinal = 1")
    with open_registry_home(place) as home:
        assert home.models.check("churn", 1) is SealState.BROKEN
        assert home.models.check("churn", 2) is SealState.SIGNED
        admission = Admission(home.parts.models, home.parts.log, home.parts.sealer)
        assert admission.admit_named("churn", 2) is SealState.SIGNED
        with pytest.raises(VersionTamperedError, match="it is not what was signed when it was made"):
            admission.admit_named("churn", 1)
        with pytest.raises(RegisteredVersionNotFoundError):
            admission.admit_named("churn", 3)
        with pytest.raises(VersionTamperedError, match="is neither loaded nor given away"):
            home.models.download_uri("churn", 1)


def test_without_a_key_a_version_is_unsigned_and_says_so(tmp_path: Path) -> None:
    with open_registry_home(tmp_path, signed=False) as home:
        home.version()
    report = verify_unsigned(tmp_path)
    assert (report.verdict, report.failures) == (Verdict.UNSIGNED, ())
    with open_registry_home(tmp_path) as home:
        assert home.models.check("churn", 1) is SealState.UNSIGNED
        assert home.models.get_version("churn", 1).tags["flyball.signed-by"] == "nobody"
        assert home.models.download_uri("churn", 1)


def verify_unsigned(place: Path) -> Report:
    with open_registry_home(place) as home:
        return home.models.verify("churn", 1)


def test_a_copy_is_a_version_of_its_own(place: Path) -> None:
    with open_registry_home(place) as home:
        home.models.create("copy")
        home.models.create_version("copy", VersionRequest(source="models:/churn@alias-1"), principal=Person())
        assert home.models.verify("copy", 1).verdict is Verdict.VERIFIED
