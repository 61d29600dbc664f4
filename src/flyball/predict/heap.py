"""The collector of cycles, set for a server: what is loaded is never looked through again, and what comes and goes rarely."""

from __future__ import annotations

import gc

YOUNG, OLDER, OLDEST = 20_000, 20, 100
"""So many objects more than before are looked through, and so many times before those that survived are: with some dozens of requests
inside Python's own 700 are passed in each turn of the loop, and all that is looked through then is still in use."""


def settle() -> None:
    """What is here now stays until the process ends, or is let go of by itself."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, OLDER, OLDEST)
