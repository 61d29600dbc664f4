"""The catalogue of a home: what a query, a notebook and a server's client see is what versions say, and no row more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import polars as pl
import pytest

import flyball as fb
from flyball.app.home import Home
from flyball.app.loading import Loaded
from flyball.app.querying import Catalogue, Question, open_catalogue
from flyball.app.queryprocess import querying_of
from flyball.cli.notebook import NotFromServerError
from flyball.core.clock import VirtualClock
from flyball.core.errors import UnknownNameError
from flyball.data.errors import VersionHeldError
from flyball.data.model import Dataset, VersionState
from flyball.data.querying.errors import QueryError, UnknownTableError
from flyball.pipelines import InlineExecutor
from flyball.testing.controlplane import StillPlane
from flyball.testing.doors import open_door

START = datetime(2025, 3, 1, tzinfo=UTC)
VISITS = Dataset("visits", fb.files("data"), key="id", event_time="at", known_after="1h")
Ask = Callable[..., list[tuple[object, ...]]]


def write(place: Path, name: str, *lines: str) -> None:
    (place / "data").mkdir(exist_ok=True)
    (place / "data" / name).write_text("\n".join(["id,at,minutes", *lines, ""]))


def ingest(home: Home, place: Path) -> None:
    home.data.ingest(VISITS, root=place, history=timedelta(days=400), cause=None)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose dataset has 200 rows, one of them corrected later, one set aside, and a version that is held."""
    place = tmp_path_factory.mktemp("place")
    clock = VirtualClock(START)
    with Home.open(place / ".flyball", clock=clock, executor=InlineExecutor()) as home:
        write(place, "a.csv", *(f"v{n},2025-03-01T{n // 60 % 24:02}:{n % 60:02}Z,{n % 9}" for n in range(200)))
        ingest(home, place)
        more = [f"w{n},2025-03-05T02:00Z,1" for n in range(9)]
        write(place, "b.csv", "v0,2025-03-05T00:00Z,99", "v200,2025-03-05T01:00Z,5", *more, "x,no,1")
        ingest(home, place)
        write(place, "c.csv", *(f"c{n},2025-03-06T00:00Z,many" for n in range(20)), "c20,2025-03-06T00:00Z,1")
        ingest(home, place)
        assert [found.state for found in home.data.list("visits")] == [VersionState.ACCEPTED, VersionState.ACCEPTED, VersionState.HELD]
    return place


@pytest.fixture(scope="module")
def catalogue(place: Path) -> Iterator[Catalogue]:
    with open_catalogue(place / ".flyball", querying_of(place / ".flyball")) as found:
        yield found


@pytest.fixture
def ask(catalogue: Catalogue) -> Ask:
    def asked(sql: str, as_of: datetime | None = None) -> list[tuple[object, ...]]:
        return pl.concat(catalogue.stream(Question(sql=sql, as_of=as_of))).rows()

    return asked


def test_a_name_means_what_is_known_now(ask: Ask) -> None:
    assert ask("select count(*), count(distinct id) from visits") == [(210, 210)]
    assert ask("select minutes from visits where id = 'v0'") == [(99,)]
    assert ask("select count(*) from visits where id like 'c%'") == [(0,)]


def test_a_query_can_be_asked_as_of_a_known_time(ask: Ask) -> None:
    before = datetime(2025, 3, 4, tzinfo=UTC)
    assert ask("select count(*) from visits", before) == [(200,)]
    assert ask("select minutes from visits where id = 'v0'", before) == [(0,)]


def test_a_version_stays_what_it_was(ask: Ask) -> None:
    assert ask('select count(*) from "visits@1"') == [(200,)]
    assert ask("select minutes from \"visits@1\" where id = 'v0'") == [(0,)]
    with pytest.raises(UnknownTableError, match="visits@3"):
        ask('select * from "visits@3"')


def test_the_history_has_every_row_with_its_times(ask: Ask) -> None:
    assert ask("select count(*) from history.visits") == [(211,)]
    rows = ask("select minutes, known_until from history.visits where id = 'v0' order by known_time")
    assert rows == [(0, datetime(2025, 3, 5, 1, tzinfo=UTC)), (99, None)]


def test_rows_that_were_set_aside_are_a_table(ask: Ask) -> None:
    assert ask("select count(*) from quarantine.visits where reason like '%no time%'") == [(1,)]


def test_what_there_is_is_listed(ask: Ask) -> None:
    assert ("visits",) in ask("show tables")


def test_unknown_names_are_told_with_the_near_one(ask: Ask) -> None:
    with pytest.raises(UnknownTableError, match="Did you mean 'visits'"):
        ask("select * from visit")


def test_rows_are_loaded_with_where_they_are_from(place: Path) -> None:
    found = fb.load("visits", home=place / ".flyball")
    assert isinstance(found, Loaded)
    assert isinstance(found, pl.DataFrame)
    assert (found.height, found.columns) == (210, ["id", "at", "minutes"])
    assert str(found.origin).startswith("visits@2, ingested")
    assert "<b>visits@2" in found._repr_html_()
    assert found.filter(pl.col("id") == "v0")["minutes"].to_list() == [99]


def test_rows_are_loaded_as_they_were_known(place: Path) -> None:
    found = fb.load("visits", as_of="2025-03-04T00:00Z", columns=["id", "minutes"], system=True, home=place / ".flyball")
    assert found.columns == ["id", "minutes", "__event_time", "__known_time", "__known_until", "__arrival"]
    assert (found.height, found["minutes"][0]) == (200, 0)
    assert fb.load("visits", version=1, home=place / ".flyball").height == 200


def test_what_cannot_be_loaded_is_told(place: Path) -> None:
    home = place / ".flyball"
    with pytest.raises(UnknownNameError, match="Did you mean 'visits'"):
        fb.load("visit", home=home)
    with pytest.raises(UnknownNameError, match="visits@9"):
        fb.load("visits", version=9, home=home)
    with pytest.raises(VersionHeldError):
        fb.load("visits", version=3, home=home)
    with pytest.raises(UnknownNameError, match="minutes"):
        fb.load("visits", columns=["minute"], home=home)
    with pytest.raises(ValueError, match="is not a time"):
        fb.load("visits", as_of="yesterday", home=home)


@pytest.fixture
def url(catalogue: Catalogue) -> Iterator[str]:
    with open_door(StillPlane(catalogue), token=None) as found:
        yield found


def test_a_server_answers_the_first_rows(url: str) -> None:
    asked = {"sql": "select id, minutes from visits order by id", "limit": 2}
    found = httpx.post(f"{url}/api/v1/query", json=asked, timeout=60).json()
    assert found == {
        "columns": [{"name": "id", "type": "String"}, {"name": "minutes", "type": "Int64"}],
        "rows": [["v0", 99], ["v1", 1]],
        "more": True,
    }


def test_a_server_says_what_is_wrong_with_a_query(url: str) -> None:
    for body, code in (
        ({"sql": "drop table visits"}, "query-kind"),
        ({"sql": "select * from visit"}, "unknown-name"),
        ({"sql": "select 1", "as_of": "soon"}, "time-text"),
        ({"sql": "select 1", "limit": 0}, "body"),
        ({"sql": "select * from read_csv('/etc/passwd')"}, "query-file"),
    ):
        answered = httpx.post(f"{url}/api/v1/query", json=body, timeout=60)
        assert (answered.status_code, answered.json()["error"]["code"]) == (422, code) or code == "body"
        assert answered.status_code == 422


def test_rows_are_loaded_from_a_server(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLYBALL_URL", url)
    found = fb.load("visits", as_of="2025-03-04T00:00Z", columns=["id", "minutes"])
    assert (found.height, sorted(found.columns)) == (200, ["id", "minutes"])
    with pytest.raises(NotFromServerError):
        fb.load("visits", system=True)


def test_a_query_that_fails_leaves_the_old_file(catalogue: Catalogue, tmp_path: Path) -> None:
    assert catalogue.write_parquet(Question(sql="select * from visits"), path=tmp_path / "a.parquet") == 210
    with pytest.raises(QueryError):
        catalogue.write_parquet(Question(sql="select nope from visits"), path=tmp_path / "a.parquet")
    assert pl.read_parquet(tmp_path / "a.parquet").height == 210
