"""What a contract and a project file promise judges what comes in: rows are set aside, versions wait, results stay with their version."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from flyball.data import Dataset, files
from flyball.data.contracts import Outcome, decode_outcomes
from flyball.data.contractyaml import read_document
from flyball.data.declared.check import check
from flyball.data.model import DatasetVersion, VersionState
from flyball.testing.data_home import DataHome

START = datetime(2013, 1, 1, tzinfo=UTC)
SALES = Dataset("sales", files("data"), key="id", event_time="sold_at")
SHOPS = Dataset("shops", files("shops"), key="shop", event_time="opened_at")


def sales(first: int, last: int, *, amount: str = "{}", mail: str = "m{}@x", shop: str = "a") -> str:
    rows = [
        f"s{n},{(START + timedelta(minutes=n)).isoformat()},{amount.format(n % 10)},{mail.format(n)},{shop}" for n in range(first, last)
    ]
    return "\n".join(["id,sold_at,amount,mail,shop", *rows, ""])


def promise(home: DataHome, name: str, *checks: Mapping[str, Any]) -> None:
    """Write checks into the contract, as a person would."""
    path = home.service.contracts / f"{name}.yaml"
    contract = read_document(path.read_text(), path="").value
    path.write_text(json.dumps({**contract, "checks": list(checks)}))


def results(home: DataHome, version: DatasetVersion) -> dict[str, Outcome]:
    assert version.results is not None
    return {found.check: found for found in decode_outcomes(home.service.blobs.get(version.results))}


def test_a_check_of_the_project_file_sets_rows_aside_and_holds_versions(home: DataHome) -> None:
    small = check("small", pl.col("amount") < 9)
    home.write("a.csv", sales(0, 200))
    version = home.ingest(Dataset("sales", files("data"), key="id", event_time="sold_at", checks=[small]))
    assert (version.state, version.added, version.quarantined) == (VersionState.ACCEPTED, 180, 20)
    assert set(home.service.quarantined("sales")["reason"]) == {"breaks 'small'"}
    assert (results(home, version)["small"].broken, results(home, version)["small"].checked) == (20, 200)
    strict = Dataset("sales", files("data"), key="id", event_time="sold_at", checks=[small, check("mean", pl.col("amount").mean() < 1)])
    held = home.ingest(strict)
    assert (held.state, results(home, held)["mean"].passed) == (VersionState.ACCEPTED, True)  # nothing was added
    home.write("b.csv", sales(200, 300, amount="7"))
    held = home.ingest(strict)
    assert (held.state, results(home, held)["mean"].holds) == (VersionState.HELD, True)
    loose = Dataset("sales", files("data"), key="id", event_time="sold_at")
    assert home.ingest(loose).state is VersionState.ACCEPTED
    assert home.service.get_accepted("sales").rows == 300


def test_what_is_unique_is_so_over_all_versions(home: DataHome) -> None:
    home.write("a.csv", sales(0, 200))
    home.ingest(SALES)
    promise(home, "sales", {"kind": "unique", "name": "mails", "columns": ["mail"]})
    assert home.ingest(SALES).state is VersionState.ACCEPTED
    home.write("b.csv", sales(200, 210))
    assert home.ingest(SALES).state is VersionState.ACCEPTED
    home.write("c.csv", sales(300, 305, mail="m7@x"))
    held = home.ingest(SALES)
    outcome = results(home, held)["mails"]
    assert (held.state, outcome.broken, outcome.examples) == (VersionState.HELD, 5, ("mail=m7@x (6 times)",))


def test_distributions_volumes_and_ages_are_those_of_versions(home: DataHome) -> None:
    home.write("a.csv", sales(0, 1000))
    home.ingest(SALES)
    promise(
        home,
        "sales",
        {"kind": "distribution", "name": "amounts", "column": "amount", "severity": "hold"},
        {"kind": "volume", "name": "rows", "maximum": 1500, "severity": "warn"},
        {"kind": "freshness", "name": "fresh", "maximum_age": "1d"},
        {"kind": "aggregate", "name": "mean", "expression": "mean(amount)", "maximum": 8},
    )
    home.write("b.csv", sales(1000, 3000))
    version = home.ingest(SALES)
    found = results(home, version)
    assert version.state is VersionState.ACCEPTED
    assert {name: found[name].passed for name in ("amounts", "rows", "fresh", "mean")} == {
        "amounts": True, "rows": False, "fresh": False, "mean": True,
    }  # fmt: skip
    home.write("c.csv", sales(3000, 4000, amount="9"))
    held = home.ingest(SALES)
    found = results(home, held)
    assert (held.state, found["amounts"].passed, found["mean"].holds) == (VersionState.HELD, False, True)


def test_keys_stand_in_another_dataset(home: DataHome) -> None:
    folder = home.place / "project" / "shops"
    folder.mkdir(parents=True)
    (folder / "shops.csv").write_text("shop,opened_at\na,2012-01-01\nb,2012-01-02\n")
    home.write("a.csv", sales(0, 200))
    home.ingest(SALES)
    known = {"kind": "key", "name": "known shop", "columns": ["shop"], "dataset": "shops"}
    promise(home, "sales", known)
    assert results(home, home.ingest(SALES))["known shop"].skipped
    home.ingest(SHOPS)
    home.write("b.csv", sales(200, 210, shop="z"))
    held = home.ingest(SALES)
    assert (held.state, results(home, held)["known shop"].examples) == (VersionState.HELD, ("shop=z",))
