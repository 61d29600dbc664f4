"""Journals of model servers on other hosts: every entry is here once, whatever is sent how often and whoever dies."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from flyball.app.remotejournals import JournalBodyError, RemoteJournals, ServerNameError, Shipped
from flyball.app.shipping import VARIABLE, Shipper, shipper_of
from flyball.serving.following import ControlPlaneError
from flyball.serving.record import HOLE
from flyball.storage._localjournal import LocalJournal
from tests.live import wait_for


def payloads(home: Path, server: str = "east") -> list[bytes]:
    return [entry.payload for entry in LocalJournal.read(home / "journal" / "servers" / server).read_after(0)]


def body(first: int, *found: bytes) -> bytes:
    return msgspec.msgpack.encode(Shipped(first, list(found)))


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[RemoteJournals]:
    found = RemoteJournals(tmp_path)
    yield found
    found.close()


def test_entries_are_taken_once_at_their_own_positions(remote: RemoteJournals, tmp_path: Path) -> None:
    assert remote.get_position("east") == 0
    assert remote.take("east", body(1, b"a", b"b")) == 2
    assert remote.take("east", body(1, b"a", b"b")) == 2
    assert remote.take("east", body(2, b"b", b"c")) == 3
    assert remote.take("west", body(1, b"x")) == 1
    assert payloads(tmp_path) == [b"a", b"b", b"c"]
    remote.close()
    assert RemoteJournals(tmp_path).get_position("east") == 3


def test_positions_that_never_came_are_kept_free(remote: RemoteJournals, tmp_path: Path) -> None:
    assert remote.take("east", body(4, b"d")) == 4
    assert payloads(tmp_path) == [HOLE, HOLE, HOLE, b"d"]


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", ".hidden", "x" * 101, "a\n"])
def test_a_name_never_leaves_its_directory(remote: RemoteJournals, tmp_path: Path, name: str) -> None:
    with pytest.raises(ServerNameError):
        remote.get_position(name)
    with pytest.raises(ServerNameError):
        remote.take(name, body(1, b"a"))
    assert not (tmp_path / "journal").exists()


@pytest.mark.parametrize("content", [b"", b"rubbish", msgspec.msgpack.encode({"first": 1}), body(0, b"a"), body(10**12, b"a")])
def test_a_body_that_is_none_changes_nothing(remote: RemoteJournals, content: bytes) -> None:
    remote.take("east", body(1, b"a"))
    with pytest.raises(JournalBodyError):
        remote.take("east", content)
    assert remote.get_position("east") == 1


class Home(ThreadingHTTPServer):
    """A control plane that takes journals; it forgets to answer, or to work, as often as it is told."""

    daemon_threads = True

    def __init__(self, journals: RemoteJournals) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.journals, self.silent, self.broken = journals, 0, 0
        self.tokens: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Home

    def do_GET(self) -> None:
        self._say(self.server.journals.get_position(self._name()))

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.broken:
            self.server.broken -= 1
            self.send_error(503)
            return
        position = self.server.journals.take(self._name(), content)
        if self.server.silent:  # it was kept, and nobody hears of it
            self.server.silent -= 1
            self.close_connection = True
            return
        self._say(position)

    def _name(self) -> str:
        self.server.tokens.add(self.headers.get("Authorization", ""))
        return self.path.rpartition("/")[2]

    def _say(self, position: int) -> None:
        data = json.dumps({"position": position}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def home(remote: RemoteJournals) -> Iterator[Home]:
    found = Home(remote)
    thread = threading.Thread(target=found.serve_forever)
    thread.start()
    yield found
    found.shutdown()
    thread.join()
    found.server_close()


def test_what_arrived_without_an_answer_is_sent_again_and_counts_once(home: Home, tmp_path: Path) -> None:
    journal = LocalJournal.write(tmp_path / "elsewhere")
    shipper = Shipper(journal, home.url, token="secret", server="east")  # noqa: S106  of a test
    expected = [b"%d" % number for number in range(1000)]
    for start in range(0, 1000, 100):
        journal.append(*expected[start : start + 100])
        home.silent, home.broken = start // 100 % 2, start // 100 % 3 == 2
        for _ in range(4):
            try:
                while shipper.ship():
                    pass
            except ControlPlaneError:
                continue
            break
    assert payloads(tmp_path)[: len(expected)] == expected
    assert (journal.acknowledged, home.journals.get_position("east")) == (1000, 1000)
    assert home.tokens == {"Bearer secret"}
    journal.close()


def test_a_server_that_starts_again_goes_on_where_the_control_plane_is(home: Home, tmp_path: Path) -> None:
    journal = LocalJournal.write(tmp_path / "elsewhere")
    journal.append(b"a", b"b", b"c")
    name = f"east-2.{journal.origin()}"
    home.journals.take(name, body(1, b"a", b"b"))  # it arrived before the server was killed
    shipper = shipper_of(journal, {VARIABLE: "east"}, url=home.url, token=None, worker=2)
    assert shipper is not None
    shipper.start()
    wait_for(lambda: journal.acknowledged == 3, 60, told="what is journalled arrives")
    shipper.stop()
    assert payloads(tmp_path, name) == [b"a", b"b", b"c"]
    journal.append(b"d")  # what is there when a server ends is sent as well, if that is quick

    def sent() -> bool:
        shipper.stop()
        return journal.acknowledged == 4

    wait_for(sent, 60, told="what was journalled last arrives")
    journal.close()


def test_a_server_that_begins_anew_under_its_name_loses_nothing(home: Home, tmp_path: Path) -> None:
    for disk in ("first", "second"):  # the first one is gone with its host
        journal = LocalJournal.write(tmp_path / disk)
        journal.append(*(f"{disk} {number}".encode() for number in range(3)))
        shipper = shipper_of(journal, {VARIABLE: "east"}, url=home.url, token=None, worker=0)
        assert shipper is not None
        shipper.start()
        wait_for(lambda: journal.acknowledged == 3, 60, told="what is journalled arrives")  # noqa: B023 - in this turn
        shipper.stop()
        journal.close()
    found = [payloads(tmp_path, path.name) for path in (tmp_path / "journal" / "servers").iterdir()]
    assert sorted(found) == [[b"first 0", b"first 1", b"first 2"], [b"second 0", b"second 1", b"second 2"]]


def test_a_journal_keeps_its_word_for_as_long_as_it_is_there(tmp_path: Path) -> None:
    words = []
    for _ in range(2):
        journal = LocalJournal.write(tmp_path / "one")
        words.append(journal.origin())
        journal.close()
    other = LocalJournal.write(tmp_path / "other")
    assert words[0] == words[1] != other.origin()
    other.close()


def test_nobody_sends_who_was_not_told_to(tmp_path: Path) -> None:
    journal = LocalJournal.write(tmp_path)
    assert shipper_of(journal, {}, url="http://127.0.0.1:1", token=None, worker=0) is None
    assert shipper_of(journal, {VARIABLE: "east"}, url=None, token=None, worker=0) is None
    journal.close()
