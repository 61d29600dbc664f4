"""What doors ask of whoever takes predictions that were made elsewhere."""

from __future__ import annotations

from typing import Protocol

from flyball.app.deed import Json
from flyball.data.bodies import Body


class PredictionInbox(Protocol):
    """Predictions that were made elsewhere. Thread-safe."""

    def take(self, body: Body) -> Json:
        """{"accepted", "duplicates", "refused": [{"record", "reason"}], "refused_records"}, once nothing can lose the accepted ones.

        Raises:
            InvalidError: the body is none of records, or no record of it can be taken.
            UnavailableError: they cannot be kept.
        """
        ...

    def get_position(self, server: str) -> Json:
        """{"position"}: up to where the journal of that model server is here."""
        ...

    def take_journal(self, server: str, content: bytes) -> Json:
        """{"position"} after the entries that the body holds were added; those that are here already count once.

        Raises:
            InvalidError: no such name can be, or the body is none of entries.
        """
        ...
