"""Homes of replicas on a node: each is one replica's at a time, and what it answered is sent by whoever comes next."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from flyball.app.replicas.order import Order
from flyball.app.replicas.place import Place, left, ship_left_behind
from flyball.core.errors import UnavailableError
from flyball.governance.token import OwnerToken
from flyball.storage._localjournal import LocalJournal


@pytest.fixture
def order(tmp_path: Path) -> Order:
    shared = tmp_path / "shared"
    shared.mkdir()
    return Order(group="g", control_url="http://127.0.0.1:1", token="t" * 43, cpus=1, root=str(tmp_path / "nodes"), shared=str(shared))


@pytest.fixture
def places(order: Order) -> Iterator[list[Place]]:
    made = [Place.take(order), Place.take(order)]
    yield made
    for place in made:
        place.release()


def test_each_is_held_once_and_free_again_afterwards(places: list[Place], order: Order) -> None:
    first, second = places
    assert first.home != second.home
    assert first.server != second.server
    first.release()
    again = Place.take(order)
    assert (again.home, again.server) == (first.home, first.server)  # its journal goes on under its name
    again.release()


def test_a_place_has_the_token_for_its_user_alone_and_what_is_shared(places: list[Place], order: Order, tmp_path: Path) -> None:
    found = OwnerToken.find(places[0].home)
    assert found is not None
    assert found.value == order.token
    assert stat.S_IMODE(places[0].home.stat().st_mode) == 0o700
    (tmp_path / "shared" / "online.db").write_text("values")
    assert (places[0].home / "online.db").read_text() == "values"
    environment = places[0].environment(order)
    assert environment["FLYBALL_BLOBS_URL"] == (tmp_path / "shared" / "blobs").as_uri()
    assert environment["FLYBALL_SHIP_LOG"] == places[0].server


def test_settings_win_over_a_disk_and_a_disk_that_is_not_there_is_none(order: Order, tmp_path: Path) -> None:
    told = Order(
        group="g", control_url=order.control_url, token=order.token, cpus=1, root=order.root, shared=str(tmp_path / "nowhere" / "home"),
        environment={"FLYBALL_BLOBS_URL": "s3://bucket/x", "FLYBALL_ONLINE_URL": "redis://there"},
    )  # fmt: skip
    place = Place.take(told)
    assert place.environment(told)["FLYBALL_BLOBS_URL"] == "s3://bucket/x"
    assert not (place.home / "online.db").is_symlink()
    place.release()


def test_what_a_replica_left_is_counted_and_stays_while_nobody_takes_it(places: list[Place], order: Order) -> None:
    for name in ("predictions", "predictions-2"):
        journal = LocalJournal.write(places[0].home / "journal" / name)
        journal.append(b"a", b"b")
        journal.close()
    (places[0].home / "journal" / "predictions-else").mkdir()
    assert (left(places[0].home), left(places[1].home)) == (4, 0)
    ship_left_behind(order)  # it is held: not ours to send
    places[0].release()
    ship_left_behind(order)  # nobody is there who takes it
    assert left(places[0].home) == 4


def test_a_node_where_nothing_can_be_written_says_so(order: Order, tmp_path: Path) -> None:
    (tmp_path / "nodes").write_text("a file")
    with pytest.raises(UnavailableError):
        Place.take(order)
