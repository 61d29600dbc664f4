"""What is cheap and what is dear, measured on a million runs (ADR 0041): where the search for runs changes its way."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Numbers of runs; they decide how long a search takes and never what it finds.

    `few` rows of a source are sorted without a further thought, and with fewer than `sparse` the indexes are asked first. A walk may probe
    `short` runs for each one that is wanted before the indexes are asked, and `long` after they could not tell. Of an intersection `sorted`
    runs are sorted; a walk over more of them may pass over `passed_over` others for each one. A source of `read` rows is not read, because
    it excludes little; once `enough` runs are left, no further one is. Sources are compared up to `counted` rows, and `ahead` more runs
    than are wanted are looked at, because some do not pass. Where many experiments are merged, a walk costs more, and the numbers of
    `MERGED` stand.
    """

    few: int = 1_000
    sparse: int = 10_000
    short: int = 12
    long: int = 200
    sorted: int = 1_000
    passed_over: int = 8
    read: int = 150_000
    enough: int = 1_500
    counted: int = 200_000
    ahead: int = 25


COSTS = Costs()
MERGED = Costs(few=4_000, short=4, sorted=30_000, passed_over=1)
