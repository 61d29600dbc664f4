"""What tests of sources ask of one: a pull, and what the next one is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flyball.app.sources import open_source
from flyball.data.declared.source import Source
from flyball.data.sources.port import Seen, Surroundings


@dataclass(frozen=True)
class Pulled:
    """The rows that came, and what versions hold after them."""

    rows: pl.DataFrame
    seen: Seen


def pull(source: Source, place: Path, *, seen: Seen | None = None, environment: Mapping[str, str] | None = None) -> Pulled:
    """Read the source as an ingest does; no rows where it has no part."""
    before = seen or Seen()
    surroundings = Surroundings(root=place, scratch=place / "scratch", environment=environment or {})
    with open_source(source, surroundings) as opened:
        parts = [part for part in opened.find(before) if part.digest not in before.digests]
        frames = [frame for part in parts for frame in opened.read(part)]
        opened.check_unchanged()
        opened.acknowledge()
    positions = [part.position for part in parts if part.position is not None]
    after = Seen(digests=before.digests | {part.digest for part in parts}, position=positions[-1] if positions else before.position)
    return Pulled(pl.concat(frames) if frames else pl.DataFrame(), after)
