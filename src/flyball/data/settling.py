"""Live rows meet what stands: each repeats a row, corrects one, or is new. Pure functions over frames."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from flyball.data.bodies import MAX_ROWS, Body, Form
from flyball.data.checking import Judged, warnings_of
from flyball.data.contracts.judging import QUARANTINE
from flyball.data.keyindex import CONTENT, KEY, KeyIndex
from flyball.data.model import KNOWN_TIME, PUSHED, TIME, Dataset
from flyball.data.rowjournal import Pushed
from flyball.data.rowreader import BrokenRow, RowReader, without_times

_NUMBER = "__number"
_Aside = tuple[str, int, str, str]


@dataclass(frozen=True)
class Settled:
    """The pushes' rows, parted, and the columns that the contract does not know."""

    judged: Judged
    unexpected: tuple[str, ...]


def pack(good: pl.DataFrame) -> bytes:
    """The cells of good rows as they lie in the journal."""
    place = io.BytesIO()
    without_times(good).write_ipc_stream(place)
    return place.getvalue()


def settle(dataset: Dataset, reader: RowReader, *, pushes: Sequence[tuple[int, Pushed]], index: KeyIndex) -> Settled:
    """Rows pushed = accepted + quarantined + duplicates.

    A row is known at its declared time, but not before it came, and not before the row of its key that it corrects. A row equal to
    the last one of its key is a duplicate; where rows carry their own known time, so is one equal to any of its key. Rows that were
    judged by another contract than the reader's are judged anew.
    """
    goods: list[pl.DataFrame] = []
    asides: list[_Aside] = []
    unexpected: set[str] = set()
    rows = 0
    for position, pushed in pushes:
        good, broken = _rows(reader, pushed)
        goods.append(good.with_columns(pl.lit(pushed.at, dtype=TIME).alias(_NUMBER)))
        asides += _aside(pushed, position, broken=broken)
        unexpected.update(pushed.unexpected)
        rows += good.height + len(broken)
    came = reader.timed(pl.concat(goods)) if goods else reader.timed(_empty(reader))
    came = came.with_columns(pl.max_horizontal(KNOWN_TIME, _NUMBER).alias(KNOWN_TIME)).drop(_NUMBER)
    accepted = _accept(dataset, came, index=index)
    quarantined = pl.DataFrame(asides, schema=QUARANTINE, orient="row")
    contract = reader.contract
    judged = Judged(accepted, quarantined, rows - accepted.height - quarantined.height, tuple(warnings_of(contract, accepted)))
    return Settled(judged, tuple(sorted(unexpected)))


def _empty(reader: RowReader) -> pl.DataFrame:
    return pl.DataFrame(schema={**reader.contract.schema, _NUMBER: TIME})


def _rows(reader: RowReader, pushed: Pushed) -> tuple[pl.DataFrame, Sequence[BrokenRow]]:
    """The good rows' cells, and the broken rows, by the reader's contract."""
    if pushed.rows:
        read = reader.read(Body(Form.JSON, pushed.rows))
        return without_times(read.good), read.broken
    good = pl.read_ipc_stream(io.BytesIO(pushed.good)) if pushed.good else pl.DataFrame(schema=reader.contract.schema)
    broken = [(row, why, raw) for (row, why), raw in zip(pushed.quarantined, pushed.raw, strict=True)]
    return (good, broken) if pushed.contract == reader.contract_digest else _anew(reader, good, broken=broken)


def _anew(reader: RowReader, good: pl.DataFrame, *, broken: Sequence[BrokenRow]) -> tuple[pl.DataFrame, Sequence[BrokenRow]]:
    """Rows that another contract judged, judged by this one."""
    were = {row for row, _, _ in broken}
    numbers = [row for row in range(1, good.height + len(broken) + 1) if row not in were]
    parts, asides = [pl.DataFrame(schema=reader.contract.schema)], list[BrokenRow]()
    texts = [raw for _, _, raw in broken]
    found = [] if not good.height else [(reader.read_cells(good), numbers)]
    if texts and len(texts) <= MAX_ROWS:
        found.append((reader.read(Body(Form.NDJSON, "\n".join(texts).encode())), sorted(were)))
    for read, places in found:
        parts.append(without_times(read.good))
        asides += [(places[row - 1], why, raw) for row, why, raw in read.broken]
    return pl.concat(parts), sorted(asides)


def _aside(pushed: Pushed, position: int, *, broken: Sequence[BrokenRow]) -> Iterable[_Aside]:
    for row, why, raw in broken:
        if pushed.offsets:
            yield f"{pushed.stream}@{pushed.offsets[row - 1]}", 1, why, raw
        else:
            yield f"{PUSHED}{position}", row, why, raw


def _accept(dataset: Dataset, rows: pl.DataFrame, *, index: KeyIndex) -> pl.DataFrame:
    """Rows of keys that stand nowhere else are taken as they are; the others one by one, for each decides over the next."""
    hashed = index.hashed(rows)
    standing = index.find(hashed)
    met = hashed.with_row_index(_NUMBER).filter(pl.col(KEY).is_duplicated() | pl.col(KEY).is_in(standing[KEY].implode()))
    if not met.height:
        return rows
    dropped, knowns = _one_by_one(met, standing, stated_once=dataset.known_time is not None)
    places = met[_NUMBER]
    rows = rows.with_columns(rows[KNOWN_TIME].scatter(places, pl.Series(knowns, dtype=TIME)))
    repeats = pl.Series(dropped, dtype=pl.get_index_type()).implode()
    return rows.with_row_index(_NUMBER).filter(~pl.col(_NUMBER).is_in(repeats)).drop(_NUMBER)


def _one_by_one(met: pl.DataFrame, standing: pl.DataFrame, *, stated_once: bool) -> tuple[list[int], list[datetime]]:
    """The places of the rows that repeat one, and since when each is known."""
    last: dict[int, tuple[int, datetime]] = {}
    stated: set[tuple[int, int]] = set()
    for key, content, known in standing.iter_rows():
        last[key] = (content, known)
        stated.add((key, content))
    dropped: list[int] = []
    knowns: list[datetime] = []
    for place, key, content, known in met.select(_NUMBER, KEY, CONTENT, KNOWN_TIME).iter_rows():
        before = last.get(key)
        if before is not None and (before[0] == content or (stated_once and (key, content) in stated)):
            dropped.append(place)
            knowns.append(known)
            continue
        last[key] = (content, known if before is None else max(known, before[1]))
        knowns.append(last[key][1])
        stated.add((key, content))
    return dropped, knowns
