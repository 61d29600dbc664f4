"""Streams of messages in a live home: each read by a thread of its own into its dataset's journal, from which chores apply it.

A stream that cannot be reached is told by an event of its dataset and tried again, ever less often; it keeps no other from work, and
loses nothing: what is not in the journal stays in the stream.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flyball.app.home import Home
from flyball.app.liverows import open_live
from flyball.core.clock import Clock
from flyball.core.errors import FlyballError
from flyball.data.declared.streams import RedisStreamSource
from flyball.data.live import LiveRows
from flyball.data.model import Dataset
from flyball.data.sources.messages import MessageSource
from flyball.data.streaming import Consumer
from flyball.loop.definition import Declared
from flyball.storage.recorder import Recorder

WAIT_SECONDS = 1.0
LONGEST_SECONDS = 30.0
"""A stream that is away is asked again after so long at the latest."""

_LOG = logging.getLogger(__name__)


def open_messages(source: RedisStreamSource, environment: Mapping[str, str]) -> MessageSource:
    """The stream, not connected yet.

    Raises:
        StreamUrlError: the environment says nowhere to connect to.
        MissingExtraError: the library for it is not installed.
    """
    from flyball.data.sources._redis import RedisStream

    return RedisStream(source, environment)


@dataclass
class _Stream:
    """One thread at a time reads it; `why` is why it could not be read last."""

    dataset: Dataset
    source: RedisStreamSource
    lock: threading.Lock = field(default_factory=threading.Lock)
    consumer: Consumer | None = None
    why: str = ""


class Streams:
    """All streams of a project's datasets. Thread-safe."""

    def __init__(
        self, declared: Mapping[str, Declared], live: LiveRows, *, environment: Mapping[str, str], clock: Clock, recorder: Recorder
    ) -> None:
        self._live, self._environment, self._clock, self._recorder = live, environment, clock, recorder
        self._streams = {
            name: _Stream(found.dataset, found.dataset.source)
            for name, found in declared.items()
            if isinstance(found.dataset.source, RedisStreamSource)
        }

    @property
    def names(self) -> list[str]:
        """The datasets that streams bring rows to."""
        return list(self._streams)

    def run(self, stop: threading.Event, *, name: str) -> None:
        """Read the dataset's stream until `stop`."""
        pause = 0.0
        while not stop.wait(pause):
            try:
                self._step(name, wait_seconds=WAIT_SECONDS)
            except FlyballError as error:
                self._tell(name, str(error))
                pause = min(max(2 * pause, 1.0), LONGEST_SECONDS)
            except Exception as error:  # noqa: BLE001  the rim of a thread: a defect in one stream must not end the home
                _LOG.exception("While reading the stream of %s", name)
                self._tell(name, repr(error))
                pause = LONGEST_SECONDS
            else:
                pause = 0.0
                self._recovered(name)

    def drain(self, name: str) -> int:
        """Take all messages that are there now; how many they were.

        Raises:
            FlyballError: the stream cannot be read; what was taken is kept.
        """
        total = 0
        while name in self._streams and (taken := self._step(name, wait_seconds=0.0)):
            total += taken
        return total

    def close(self) -> None:
        """Let go of all connections; idempotent."""
        for stream in self._streams.values():
            with stream.lock:
                if stream.consumer is not None:
                    stream.consumer.messages.close()
                stream.consumer = None

    def _step(self, name: str, *, wait_seconds: float) -> int:
        stream = self._streams[name]
        with stream.lock:
            if stream.consumer is None:
                messages = open_messages(stream.source, self._environment)
                stream.consumer = Consumer(stream.dataset, stream.source, messages, self._live, self._clock)
            return stream.consumer.step(wait_seconds=wait_seconds)

    def _tell(self, name: str, why: str) -> None:
        stream = self._streams[name]
        if why == stream.why:
            return
        stream.why = why
        _LOG.warning("The stream of dataset %s was not read: %s", name, why)
        self._record("dataset.pull.failed", name, why=why)

    def _recovered(self, name: str) -> None:
        stream = self._streams[name]
        if stream.why:
            why, stream.why = stream.why, ""
            self._record("dataset.pull.recovered", name, why=why)

    def _record(self, kind: str, name: str, *, why: str) -> None:
        try:
            self._recorder.record(kind, f"dataset/{name}", data={"why": why})
        except FlyballError:
            _LOG.exception("What came of a stream cannot be recorded")


def drain_here(home: Home, declared: Declared, *, root: Path, environment: Mapping[str, str]) -> None:
    """Take all messages that the dataset's stream has now, and make versions of them, in a home that no server runs.

    Raises:
        HeldError: another process takes the dataset's rows.
        FlyballError: the stream or the home cannot be read; what was taken is kept.
    """
    live, name = open_live(home, root=root, environment=environment), declared.dataset.name
    recorder = home.stores.journal.recorder
    streams = Streams({name: declared}, live, environment=environment, clock=home.stores.clock, recorder=recorder)
    try:
        streams.drain(name)
        live.apply(declared.dataset)
    finally:
        streams.close()
        live.close()
