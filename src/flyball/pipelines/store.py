"""The port of the step cache, which is the checkpoint of every pipeline."""

from __future__ import annotations

from typing import Protocol

from flyball.core.ids import Digest
from flyball.pipelines.model import Manifest


class StepCache(Protocol):
    """Under a key there is one manifest, the first that was committed, for ever.

    A commit is seen whole by all processes or by none. Thread- and process-safe; joins the write transaction that is open in its
    thread.
    """

    def find(self, key: Digest) -> Manifest | None:
        """The manifest, equal to the one committed, or None."""
        ...

    def commit(self, key: Digest, manifest: Manifest) -> Manifest:
        """Keep `manifest` unless there is one already; returns the one that is kept. Idempotent."""
        ...
