"""The leases' port: exclusive ownership between processes that may die without a word, judged without comparing clocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Lease:
    """`holder` owns `name`; `token` grows with every owner, so that a store can refuse one that woke up late."""

    name: str
    holder: str
    token: int


class Leases(Protocol):
    """A name has at most one owner who is seen alive.

    An owner shows that it lives by `renew`. It has lost the lease when this observer's own Timer saw no new heartbeat for the
    lease's length; clocks of hosts are never compared, so an observer that has just started waits a whole length before it takes
    over. Thread-safe.
    """

    def acquire(self, name: str, holder: str) -> Lease:
        """Own `name`, with a token higher than every earlier owner's. Does not wait: who wants to, asks again.

        Raises:
            HeldError: another is owner and was seen alive within the lease's length; so is this holder itself.
        """
        ...

    def renew(self, lease: Lease) -> None:
        """Be seen alive; to be called at least twice per length.

        Raises:
            LeaseLostError: another has taken over, or the lease was released.
        """
        ...

    def release(self, lease: Lease) -> None:
        """The name is free at once; nothing happens when the lease was lost before."""
        ...
