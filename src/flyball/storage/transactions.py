"""What services know of a database: that a block of writes happens as a whole or not at all."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol


class Transactions(Protocol):
    """State and its event are one transaction: both stores join the block that is open in their thread.

    The block's writes become visible together when it ends, and not at all when it raises or the process dies. Blocks
    nest: an inner one that raises takes back its own writes only. Thread-safe; one block at a time in a process, the
    others wait.
    """

    def write(self) -> AbstractContextManager[object]: ...
