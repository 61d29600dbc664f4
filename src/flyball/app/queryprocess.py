"""The process that answers a home's queries: started before the libraries are loaded that find the rows, so that both load at once."""

from __future__ import annotations

import os
from pathlib import Path

from flyball.app.location import TABLES_URL
from flyball.core.clock import MonotonicTimer
from flyball.data.querying.running import Querying

SCRATCH = ".queries"  # what is in it is gone with whoever asked


def querying_of(home: Path) -> Querying:
    """What runs the queries over the tables of the home at `home`; nothing is started yet."""
    from flyball.storage.blobsurl import parse_blobs_url

    named = os.environ.get(TABLES_URL)
    place = home / "tables" if not named else parse_blobs_url(named)
    return Querying(home / SCRATCH, [place] if isinstance(place, Path) else [], timer=MonotonicTimer())
