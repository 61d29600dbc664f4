"""A source is opened over a scratch directory of its own, which is empty before and gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from shutil import rmtree

from flyball.data.declared.source import Source
from flyball.data.sources.port import Opener, OpenSource, Surroundings


@contextmanager
def opened(source: Source, around: Surroundings, *, sources: Opener) -> Iterator[tuple[OpenSource, Path]]:
    """The open source, and the directory `around.scratch`, which nobody else uses meanwhile; what was killed there is cleared.

    Raises:
        FlyballError: the source cannot be opened.
    """
    rmtree(around.scratch, ignore_errors=True)
    try:
        with sources(source, replace(around, scratch=around.scratch / "source")) as found:
            yield found, around.scratch
    finally:
        rmtree(around.scratch, ignore_errors=True)
