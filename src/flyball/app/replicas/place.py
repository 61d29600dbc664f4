"""The home of a replica on its node: one directory of several there, held by one replica at a time, with a journal that outlives it.

A replica takes the first that is free. The name under which its journal is sent stands in the directory, for positions in a journal mean
nothing in another: who comes after goes on with that journal, and who comes up on another node begins one of another name.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from flyball.app.blobs import BLOBS_URL
from flyball.app.location import ONLINE, PREDICTIONS
from flyball.app.onlinestore import ONLINE_URL
from flyball.app.replicas.order import Order
from flyball.app.shipping import VARIABLE, shipper_of
from flyball.core.errors import FlyballError, HeldError
from flyball.core.ids import RandomIds
from flyball.core.trust import Trust
from flyball.governance.token import FILE as TOKEN
from flyball.storage._localjournal import LocalJournal
from flyball.storage.clockfile import clock_path
from flyball.storage.errors import os_errors
from flyball.storage.homelock import HomeLock

LOCK, SERVER = "replica.lock", "server"
ROOT = Path(".flyball", "replicas")
_JOURNAL = re.compile(rf"{PREDICTIONS.name}(-[0-9]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """A home that is ours until `release`; `server` is the name of the model server in it."""

    home: Path
    server: str
    lock: HomeLock

    @classmethod
    def take(cls, order: Order) -> Place:
        """The first home on this node that nobody has, ready for a model server.

        Raises:
            UnavailableError: nothing can be written there.
        """
        home, lock = _first_free(_folder(order), f"flyball replicas {order.group}")
        try:
            with os_errors(home):
                return cls(home, _lay_out(home, order), lock)
        except BaseException:
            lock.release()
            raise

    def environment(self, order: Order) -> Mapping[str, str]:
        """What the model server's process is told beside its arguments."""
        shared = Path(order.shared) if order.shared and Path(order.shared).is_dir() else None
        models = {} if shared is None else {BLOBS_URL: (shared / "blobs").as_uri()}
        return {**models, **order.environment, VARIABLE: self.server, "FLYBALL_TOKEN": order.token}

    def release(self) -> None:
        """Others may have it; idempotent."""
        self.lock.release()


def ship_left_behind(order: Order) -> None:
    """Homes on this node that no replica has, and that hold what the control plane has not got, send it, as far as that goes.

    Raises:
        UnavailableError: they cannot be read.
    """
    folder = _folder(order)
    with os_errors(folder):
        homes = sorted(path for path in folder.glob("*") if (path / SERVER).is_file())
    for home in homes:
        if left(home):
            with suppress(HeldError), HomeLock.acquire(home / LOCK, f"flyball replicas {order.group}"):
                _ship(home, order)


def left(home: Path) -> int:
    """So many entries of the home's journals are nowhere else.

    Raises:
        UnavailableError: they cannot be read.
    """
    journals = [LocalJournal.read(path) for path in _journals(home)]
    return sum(max(0, journal.last - journal.acknowledged) for journal in journals)


def _ship(home: Path, order: Order) -> None:
    """Send what is left, under the names that its servers have, as far as that goes."""
    setting, trust = {VARIABLE: _server(home)}, Trust.of(order.environment)
    for path in _journals(home):
        worker = int(path.name.removeprefix(PREDICTIONS.name).removeprefix("-") or 0)
        with suppress(FlyballError):  # the control plane is gone just now: another time
            journal = LocalJournal.write(path)
            try:
                shipper = shipper_of(journal, setting, url=order.control_url, token=order.token, worker=worker, trust=trust)
                while shipper is not None and shipper.ship():
                    pass
            finally:
                journal.close()


def _first_free(folder: Path, holder: str) -> tuple[Path, HomeLock]:
    for number in count():
        with suppress(HeldError):
            return folder / str(number), HomeLock.acquire(folder / str(number) / LOCK, holder)
    raise AssertionError  # numbers have no end


def _folder(order: Order) -> Path:
    return (Path(order.root) if order.root else Path.home() / ROOT) / order.group


def _journals(home: Path) -> list[Path]:
    return sorted(path for path in (home / PREDICTIONS).parent.glob(f"{PREDICTIONS.name}*") if _JOURNAL.fullmatch(path.name))


def _lay_out(home: Path, order: Order) -> str:
    _write(home / TOKEN, order.token + "\n")
    if order.shared and ONLINE_URL not in order.environment:
        _link(home / ONLINE, Path(order.shared) / ONLINE)
    if order.shared:
        _link(clock_path(home), clock_path(Path(order.shared)))
    if not (home / SERVER).is_file():
        host = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in socket.gethostname())[:30]
        _write(home / SERVER, f"{order.group}-{RandomIds().create(host.strip('-') or 'node')}\n")
    return _server(home)


def _server(home: Path) -> str:
    return (home / SERVER).read_text(encoding="ascii").strip()


def _write(path: Path, text: str) -> None:
    """`path` holds the text, whole or as it was, and is its user's alone."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _link(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not target.parent.is_dir():  # another disk
        path.unlink(missing_ok=True)
    elif not path.is_symlink() or path.readlink() != target:
        path.unlink(missing_ok=True)
        path.symlink_to(target)
