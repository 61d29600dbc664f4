"""Journals of model servers on other hosts, as they are here: each entry once, at the position that it has there."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import msgspec

from flyball.app.location import SERVERS
from flyball.core.errors import InvalidError
from flyball.serving.record import HOLE
from flyball.storage._localjournal import LocalJournal

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
MOST_HOLES = 50_000_000
_HOLES_AT_ONCE = 100_000


class ServerNameError(InvalidError):
    """No name of a model server."""

    code = "server-name"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name[:100]!r} is no name of a server: 1 to 100 letters, digits, '.', '-' and '_', the first a letter or digit.")


class JournalBodyError(InvalidError):
    """A body that holds no entries of a journal."""

    code = "journal-body"

    def __init__(self, why: str) -> None:
        super().__init__(f"The body holds no entries of a journal: {why}. Send what `flyball.app.shipping` sends.")


class Shipped(msgspec.Struct, frozen=True, array_like=True):
    """Entries that follow each other; `first` is the position of the first one there."""

    first: int
    payloads: list[bytes]


_DECODER = msgspec.msgpack.Decoder(Shipped)


class RemoteJournals:
    """The position of an entry here is the one that it has there, so that what is sent again is known by that. Thread-safe."""

    def __init__(self, home: Path) -> None:
        self._folder = home / SERVERS
        self._lock = threading.Lock()
        self._open: dict[str, LocalJournal] = {}

    def get_position(self, server: str) -> int:
        """Up to where that server's journal is here; 0 at first.

        Raises:
            ServerNameError: no server can be called so.
        """
        with self._lock:
            path = self._path(server)
            return self._journal(server).last if path.is_dir() else 0

    def take(self, server: str, content: bytes) -> int:
        """The position up to which it is here, on the disk, after these entries.

        Raises:
            ServerNameError: no server can be called so.
            JournalBodyError: they are no entries, or begin far behind what is here.
            UnavailableError: they cannot be kept; none of them was.
        """
        try:
            found = _DECODER.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise JournalBodyError(str(error)) from error
        with self._lock:
            self._path(server)
            if found.first < 1:
                raise JournalBodyError(f"they begin at {found.first}")
            journal = self._journal(server)
            gap = found.first - journal.last - 1
            if gap > MOST_HOLES:
                raise JournalBodyError(f"they begin at {found.first:,}, and {journal.last:,} is the last that is here")
            for start in range(0, max(0, gap), _HOLES_AT_ONCE):  # acknowledged there before it began to send, or lost there
                journal.append(*[HOLE] * min(_HOLES_AT_ONCE, gap - start))
            new = found.payloads[max(0, -gap) :]
            return journal.append(*new) if new else journal.last

    def _path(self, server: str) -> Path:
        if not _NAME.fullmatch(server):
            raise ServerNameError(server)
        return self._folder / server

    def _journal(self, server: str) -> LocalJournal:
        if server not in self._open:
            self._open[server] = LocalJournal.write(self._path(server), fsync="each")
        return self._open[server]

    def close(self) -> None:
        """Let go of all; idempotent."""
        with self._lock:
            for journal in self._open.values():
                journal.close()
            self._open.clear()
