"""What was served lately is found under the names of the dataset's own columns, and compared with what comes in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec
import polars as pl

from flyball.app.servedrows import served_rows
from flyball.data import Dataset, files
from flyball.data.contracts import decode_outcomes
from flyball.data.contracts.model import SkewCheck
from flyball.data.contractwriting import write_yaml
from flyball.data.model import VersionState
from flyball.serving.answers import table_of, to_table
from flyball.storage._delta import DeltaTables
from flyball.testing.data_home import opened_data_home

NOW = datetime(2013, 6, 1, tzinfo=UTC)
SALES = Dataset("sales", files("data"), key="id", event_time="sold_at")


def serve(tables: DeltaTables, endpoint: str, *, route: str = "champion", **columns: list[object]) -> None:
    rows = len(next(iter(columns.values())))
    named = {f"feature.{name.replace('__', '.')}": values for name, values in columns.items()}
    frame = pl.DataFrame(
        {"time": [NOW - timedelta(hours=1)] * rows, "route": [route] * rows, "error": [None] * rows, **named},
        schema_overrides={"error": pl.String},
    )
    tables.append(table_of(endpoint, frame.schema), to_table(frame), job=f"{endpoint} {route}")


def test_rows_of_all_endpoints_that_took_a_column(tmp_path: Path) -> None:
    tables = DeltaTables(tmp_path / "tables")
    assert served_rows(tables, "sales", now=NOW) is None
    serve(tables, "late", sales__amount=[1.0, 2.0], sky__temp=[3.0, 4.0])
    serve(tables, "early", sales__amount=[5], sales__Shop=["a"])
    serve(tables, "late", route="batch", sales__amount=[7.0], sky__temp=[8.0])  # what was scored is no traffic
    tables.append("dataset.sales.0", pl.DataFrame({"feature.sales.amount": [9.0]}), job="other")
    found = served_rows(tables, "sales", now=NOW)
    assert found is not None
    assert found.sort("amount").rows(named=True) == [
        {"amount": 1.0, "Shop": None}, {"amount": 2.0, "Shop": None}, {"amount": 5.0, "Shop": "a"},
    ]  # fmt: skip
    assert served_rows(tables, "sky", now=NOW) is not None
    assert served_rows(tables, "sales", now=NOW + timedelta(days=8)) is None
    assert served_rows(tables, "weather", now=NOW) is None


def test_an_ingest_whose_rows_are_unlike_those_served_is_told(tmp_path: Path) -> None:
    with opened_data_home(tmp_path) as home:
        tables = home.service.tables
        assert isinstance(tables, DeltaTables)
        serve(tables, "late", sales__amount=[float(number % 10 + 100) for number in range(300)])
        service = replace(home.service, served=lambda name, now: partial(served_rows, tables)(name, now=now))
        rows = [f"s{n},{(NOW - timedelta(days=30) + timedelta(minutes=n)).isoformat()},{n % 10}.5" for n in range(300)]
        home.write("a.csv", "\n".join(["id,sold_at,amount", *rows]))
        service.ingest(SALES, root=home.place / "project", history=None, cause=None)
        contract = service.get_contract(SALES, 1)
        skew = SkewCheck(name="as served", columns=("amount",), severity="hold")
        (service.contracts / "sales.yaml").write_text(write_yaml(msgspec.structs.replace(contract, checks=(skew,))))
        rows = [f"t{n},{(NOW - timedelta(days=20) + timedelta(minutes=n)).isoformat()},{n % 10}.5" for n in range(300)]
        home.write("b.csv", "\n".join(["id,sold_at,amount", *rows]))
        held = service.ingest(SALES, root=home.place / "project", history=None, cause=None)
        assert held.results is not None
        outcome = next(found for found in decode_outcomes(service.blobs.get(held.results)) if found.check == "as served")
    assert (held.state, outcome.skipped, outcome.holds) == (VersionState.HELD, False, True)
