"""An ingest in chunks of any size does what the law says of one row at a time, and what an ingest of all at once does."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.core.ids import Digest
from flyball.data.contracts.compiled import compile_contract
from flyball.data.contracts.judging import QUARANTINE, Look
from flyball.data.model import ARRIVAL, KNOWN_TIME, SourceFile
from flyball.data.sifting import Sieve, Sifted
from tests.property.data.test_judging import CONTRACT, DATASET, Oracle, rows

COMPILED = compile_contract(DATASET, CONTRACT)


def sifted(scratch: Path, parts: list[list[Any]], *, chunk: int, stored: pl.DataFrame, aside: pl.DataFrame) -> Sifted:
    sieve = Sieve(COMPILED, scratch)
    for number, part in enumerate(parts):
        frame = pl.DataFrame(part, schema=dict.fromkeys(CONTRACT.columns, pl.String()), orient="row")
        found = SourceFile(name=f"{number}.csv", size_bytes=1, digest=Digest(str(number)))
        sieve.take(found, frame.iter_slices(chunk), look=Look())
    return sieve.settle(stored.lazy(), aside.lazy())


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(rows, min_size=1, max_size=2), min_size=1, max_size=3), st.integers(1, 5))
def test_every_row_goes_where_the_law_says_in_chunks_of_any_size(ingests: list[list[list[Any]]], chunk: int) -> None:
    oracle = Oracle()
    stored = pl.DataFrame(schema={**CONTRACT.schema, KNOWN_TIME: pl.Datetime("us", "UTC"), ARRIVAL: pl.Int64()})
    aside = pl.DataFrame(schema=QUARANTINE)
    with tempfile.TemporaryDirectory() as scratch:
        for parts in ingests:
            found = sifted(Path(scratch), parts, chunk=chunk, stored=stored, aside=aside)
            before = {row[0] for row in oracle.stored}
            oracle.ingest([row for part in parts for row in part])
            assert (found.added, found.quarantined, found.duplicates) == oracle.counts
            accepted = pl.concat([pl.DataFrame(schema=found.schema), *found.accepted()])
            assert found.scan().collect().equals(accepted)
            keys = accepted["id"].to_list()
            assert found.corrections == sum(key in before or key in keys[:place] for place, key in enumerate(keys))
            numbered = accepted.with_columns(pl.int_range(stored.height, stored.height + pl.len()).alias(ARRIVAL))
            stored = pl.concat([stored, numbered.select(stored.columns)])
            aside = pl.concat([aside, *found.aside()])
            assert stored.select("id", "at", "known", "amount").rows() == oracle.stored
            assert sum(found.reasons.values()) >= found.quarantined
