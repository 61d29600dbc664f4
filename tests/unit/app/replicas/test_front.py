"""One address for several places: lines go where the fewest are, byte for byte, and somewhere else where nobody answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from flyball.app.replicas.front import Address, Front
from tests.live import wait_for


class Echo:
    """A place that says its name first and then what it was told; a line ends when its caller has said all."""

    def __init__(self, name: bytes) -> None:
        self.name, self.lines = name, 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.place: Address = ("127.0.0.1", self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                line, _ = self._listener.accept()
                self.lines += 1
                threading.Thread(target=self._answer, args=(line,), daemon=True).start()

    def _answer(self, line: socket.socket) -> None:
        with suppress(OSError), closing(line):
            line.sendall(self.name)
            while data := line.recv(1 << 16):
                line.sendall(data)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def echoes() -> Iterator[list[Echo]]:
    made = [Echo(b"a"), Echo(b"b")]
    yield made
    for one in made:
        with suppress(OSError):
            one.close()


@pytest.fixture
def front() -> Iterator[Front]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    found = Front(listener)
    found.start()
    yield found
    found.stop()


def called(front: Front) -> socket.socket:
    return socket.create_connection(("127.0.0.1", front.port), 60)


def whole(line: socket.socket) -> bytes:
    parts = []
    while data := line.recv(1 << 16):
        parts.append(data)
    return b"".join(parts)


def test_lines_go_where_the_fewest_are(front: Front, echoes: list[Echo]) -> None:
    front.set([echo.place for echo in echoes])
    lines = [called(front) for _ in range(6)]
    assert sorted(line.recv(1) for line in lines) == [b"a"] * 3 + [b"b"] * 3
    for line in lines:
        line.close()
    wait_for(lambda: not front.open, 60, told="no open lines")


def test_what_passes_is_the_same_however_much_it_is(front: Front, echoes: list[Echo]) -> None:
    front.set([echoes[0].place])
    sent = bytes(range(256)) * 40_000
    with closing(called(front)) as line:

        def send() -> None:
            line.sendall(sent)
            line.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        assert whole(line) == b"a" + sent
        sender.join()


def test_what_is_said_before_there_is_anybody_is_not_lost(front: Front, echoes: list[Echo]) -> None:
    front.set([echoes[0].place])
    for number in range(50):
        with closing(called(front)) as line:
            line.sendall(b"%d" % number)
            line.shutdown(socket.SHUT_WR)
            assert whole(line) == b"a%d" % number


def test_where_nobody_takes_lines_others_do(front: Front, echoes: list[Echo]) -> None:
    front.set([echo.place for echo in echoes])
    echoes[0].close()
    for _ in range(4):
        with closing(called(front)) as line:
            assert line.recv(1) == b"b"


def test_a_place_that_is_no_more_named_keeps_its_lines_and_gets_no_others(front: Front, echoes: list[Echo]) -> None:
    front.set([echoes[0].place])
    with closing(called(front)) as old:
        assert old.recv(1) == b"a"
        front.set([echoes[1].place])
        with closing(called(front)) as new:
            assert new.recv(1) == b"b"
        old.sendall(b"still")
        assert old.recv(5) == b"still"
    assert echoes[0].lines == 1


def test_where_there_is_nobody_callers_are_told_when_to_ask_again(front: Front, echoes: list[Echo]) -> None:
    echoes[0].close()
    for places in ([], [echoes[0].place]):
        front.set(places)
        with closing(called(front)) as line:
            head, _, body = whole(line).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 1" in head
        assert b'"code":"no-replica"' in body


def test_to_stop_twice_or_before_the_start_harms_nobody() -> None:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    found = Front(listener)
    found.stop()
    found.stop()
