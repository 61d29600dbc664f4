"""Messages of a stream become rows of a dataset: kept first, acknowledged then; each stored once, whoever dies in between."""

from __future__ import annotations

from dataclasses import dataclass

from flyball.core.clock import Clock
from flyball.data.declared.streams import RedisStreamSource
from flyball.data.live import LiveRows
from flyball.data.messagerows import sort_out
from flyball.data.model import Dataset
from flyball.data.sources.messages import MessageSource

AT_ONCE = 500


@dataclass(frozen=True)
class Consumer:
    """Reads one dataset's stream into its journal, one step after another; for one thread at a time."""

    dataset: Dataset
    source: RedisStreamSource
    messages: MessageSource
    live: LiveRows
    clock: Clock

    def step(self, *, wait_seconds: float) -> int:
        """Take what is there, for at most `wait_seconds`; how many messages it was.

        Raises:
            UnavailableError: stream or journal cannot be reached; nothing is lost, the next step goes on.
            InvalidError: there is no stream, or a contract that was given cannot be used.
        """
        found = self.messages.read(AT_ONCE, wait_seconds=wait_seconds)
        kept = self.live.find_offsets(self.dataset, self.source.name) or frozenset()
        again = [message.offset for message in found if message.offset in kept]
        # Before anything new is kept: only of the last batch we remember what is in it.
        self.messages.acknowledge(again)
        fresh = [message for message in found if message.offset not in kept]
        if fresh:
            self.live.accept_messages(self.dataset, sort_out(fresh, field=self.source.field), stream=self.source.name, at=self.clock.now())
            self.messages.acknowledge([message.offset for message in fresh])
        return len(found)
