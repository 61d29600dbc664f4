"""Live rows meet what stands: each repeats a row, corrects one, or is new. Pure functions over frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
import polars as pl

from flyball.data.checking import AT_ROW, QUARANTINE, Judged, warnings_of
from flyball.data.contract import Contract
from flyball.data.jsonrows import Parsed, decode_rows, parse_rows
from flyball.data.keyindex import CONTENT, KEY, KeyIndex
from flyball.data.model import KNOWN_TIME, TIME, Dataset


@dataclass(frozen=True)
class Arrived:
    """A push as it lies in the journal: its position, when it came, and its rows as JSON."""

    position: int
    at: datetime
    rows: bytes


@dataclass(frozen=True)
class Settled:
    """The pushes' rows, parted, and the columns that the contract does not know."""

    judged: Judged
    unexpected: tuple[str, ...]


def settle(dataset: Dataset, contract: Contract, *, arrived: Sequence[Arrived], index: KeyIndex) -> Settled:
    """Rows pushed = accepted + quarantined + duplicates.

    A row is known at its declared time, but not before it came, and not before the row of its key that it corrects. A row equal to
    the last one of its key is a duplicate; where rows carry their own known time, so is one equal to any of its key.
    """
    goods: list[pl.DataFrame] = []
    asides: list[tuple[str, int, str, str]] = []
    unexpected: set[str] = set()
    rows = 0
    for push in arrived:
        texts = msgspec.json.decode(push.rows, type=list[msgspec.Raw])
        parsed = parse_rows(dataset, contract, rows=decode_rows(push.rows))
        goods.append(_known_from(parsed, push.at))
        asides += _aside(parsed, push.position, texts=texts)
        unexpected.update(parsed.unexpected)
        rows += len(texts)
    accepted = _accept(dataset, pl.concat(goods), index=index)
    quarantined = pl.DataFrame(asides, schema=QUARANTINE, orient="row")
    judged = Judged(accepted, quarantined, rows - accepted.height - quarantined.height, tuple(warnings_of(contract, accepted)))
    return Settled(judged, tuple(sorted(unexpected)))


def _known_from(parsed: Parsed, at: datetime) -> pl.DataFrame:
    return parsed.good.drop(AT_ROW).with_columns(pl.max_horizontal(KNOWN_TIME, pl.lit(at, dtype=TIME)).alias(KNOWN_TIME))


def _aside(parsed: Parsed, position: int, *, texts: Sequence[msgspec.Raw]) -> Iterable[tuple[str, int, str, str]]:
    return [(f"live:{position}", row, reason, bytes(texts[row - 1]).decode()) for row, reason in parsed.broken]


def _accept(dataset: Dataset, rows: pl.DataFrame, *, index: KeyIndex) -> pl.DataFrame:
    hashed = index.hashed(rows)
    last: dict[int, tuple[int, datetime]] = {}
    stated: set[tuple[int, int]] = set()
    for key, content, known in index.find(hashed).iter_rows():
        last[key] = (content, known)
        stated.add((key, content))
    kept: list[int] = []
    knowns: list[datetime] = []
    for number, (key, content, known) in enumerate(hashed.select(KEY, CONTENT, KNOWN_TIME).iter_rows()):
        standing = last.get(key)
        if standing is not None and (standing[0] == content or (dataset.known_time is not None and (key, content) in stated)):
            continue
        last[key] = (content, known if standing is None else max(known, standing[1]))
        kept.append(number)
        knowns.append(last[key][1])
        stated.add((key, content))
    return rows[kept].with_columns(pl.Series(KNOWN_TIME, knowns, dtype=TIME))
