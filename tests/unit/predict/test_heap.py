"""A server does not look through what stays."""

from __future__ import annotations

import gc

from flyball.predict import heap


def test_what_is_there_is_not_looked_through_again() -> None:
    before = gc.get_threshold()
    try:
        heap.settle()
        assert gc.get_threshold() == (heap.YOUNG, heap.OLDER, heap.OLDEST)
        assert gc.get_freeze_count() > 1000
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
