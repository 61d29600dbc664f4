"""A model server on another host sends its journal to the control plane, which has no disk in common with it."""

from __future__ import annotations

import http.client
import logging
import threading
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import quote, urlsplit

import msgspec

from flyball.app.remotejournals import Shipped
from flyball.core.errors import FlyballError
from flyball.core.trust import SYSTEM, Trust
from flyball.serving.following import ControlPlaneError
from flyball.storage._localjournal import LocalJournal
from flyball.storage.journal import Journal

VARIABLE = "FLYBALL_SHIP_LOG"
"""The setting: under which name a server's journal is sent; empty where the control plane reads it from the disk."""
PAUSE_SECONDS, LONGEST_SECONDS, ANSWER_SECONDS = 1.0, 30.0, 60.0
LAST_SECONDS = 3.0
"""So long the control plane is waited for once the server is to end: what does not arrive waits in the journal."""
MOST_ENTRIES, MOST_BYTES = 512, 8 << 20
_LOG = logging.getLogger(__name__)


def shipper_of(
    journal: Journal, environment: Mapping[str, str], *, url: str | None, token: str | None, worker: int, trust: Trust = SYSTEM
) -> Shipper | None:
    """Who sends the journal as the setting says, to `url` or where FLYBALL_URL is; None where nobody has to.

    Beside the name that the server has goes a word of the journal's own: a server that begins anew, on another disk, begins to count anew,
    and what it counts would be taken for what is here already.
    """
    name = environment.get(VARIABLE, "")
    place = url or environment.get("FLYBALL_URL")
    if not name or not place or not isinstance(journal, LocalJournal):
        return None
    server = f"{name}-{worker}.{journal.origin()}" if worker else f"{name}.{journal.origin()}"
    return Shipper(journal, place, token=environment.get("FLYBALL_TOKEN") or token, server=server, trust=trust)


class Shipper:
    """Sends what was journalled and acknowledges it when it is kept elsewhere, in a thread of its own until `stop`.

    What is sent is on the disk first, so that no power cut takes it back and gives its positions to other entries.
    """

    def __init__(self, journal: Journal, url: str, *, token: str | None, server: str, trust: Trust = SYSTEM) -> None:
        self._journal, self._url, self._trust = journal, url, trust
        self._path = f"/api/v1/predictions/journals/{quote(server, safe='')}"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._patience = ANSWER_SECONDS

    def start(self) -> None:
        """Begin to send."""
        self._thread = threading.Thread(target=self._run, name="shipper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Send what is there, if that goes, and no more; idempotent."""
        self._stop.set()
        self._patience = LAST_SECONDS
        if self._thread is not None:
            self._thread.join(LAST_SECONDS)
            if self._thread.is_alive():
                return
        with suppress(FlyballError):
            while self.ship():
                pass

    def _run(self) -> None:
        pause = PAUSE_SECONDS
        known = False
        while not self._stop.is_set():
            try:
                if not known:
                    self._acknowledge(self._ask("GET"))
                    known = True
                while self.ship() and not self._stop.is_set():
                    pass
                pause = PAUSE_SECONDS
            except FlyballError as error:
                _LOG.warning("the journal is not sent just now: %s", error)
                pause = min(2 * pause, LONGEST_SECONDS)
            except Exception:  # noqa: BLE001 - a thread's rim
                _LOG.exception("the journal is not sent just now")
                pause = LONGEST_SECONDS
            self._stop.wait(pause)

    def ship(self) -> int:
        """Send the next entries; how many they were.

        Raises:
            ControlPlaneError: they did not arrive, as far as one knows; they are sent again.
            UnavailableError: the journal cannot be read.
        """
        entries = self._journal.read_after(self._journal.acknowledged, MOST_ENTRIES)
        size, payloads = 0, list[bytes]()
        for entry in entries:
            size += len(entry.payload)
            if payloads and (size > MOST_BYTES or entry.position != entries[0].position + len(payloads)):
                break
            payloads.append(entry.payload)
        if not payloads:
            return 0
        self._journal.sync()
        self._acknowledge(self._ask("POST", msgspec.msgpack.encode(Shipped(entries[0].position, payloads))))
        return len(payloads)

    def _acknowledge(self, position: int) -> None:
        self._journal.acknowledge(min(position, self._journal.last))

    def _ask(self, method: str, body: bytes | None = None) -> int:
        connection = self._trust.connect(self._url, self._patience)
        try:
            headers = self._headers if body is None else {**self._headers, "Content-Type": "application/msgpack"}
            connection.request(method, f"{urlsplit(self._url).path.rstrip('/')}{self._path}", body, headers)
            answer = connection.getresponse()
            data = answer.read(1 << 16)
            if answer.status != http.client.OK:
                raise ControlPlaneError(self._url, f"it answered {answer.status}: {data[:500].decode(errors='replace')}")
            return int(msgspec.json.decode(data)["position"])
        except (OSError, http.client.HTTPException, msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, ControlPlaneError):
                raise
            raise ControlPlaneError(self._url, str(error) or type(error).__name__) from error
        finally:
            connection.close()
