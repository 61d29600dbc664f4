"""Rows that stay in tables of others: an erasure tells how many of the keys' rows lie there, and touches none of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from flyball.data.erasure.keys import Keys
from flyball.data.inplace import TableChangedError, TableGoneError, is_in_place
from flyball.data.rows import Rows
from flyball.data.service import DataService


def look_elsewhere(data: DataService, keys: Keys, *, datasets: Sequence[str]) -> list[dict[str, Any]]:
    """{"dataset", "place", "rows"} of each dataset whose rows lie in a table of others; `rows` is None where that cannot be read now."""
    found = []
    for name in datasets:
        accepted = data.find_accepted(name)
        if accepted is None or not is_in_place(accepted):
            continue
        rows = Rows(data.tables).scan(data.content(accepted))
        wanted = keys.typed(rows.collect_schema())
        try:
            count = rows.join(wanted.lazy(), on=list(keys.columns), how="semi").select(pl.len()).collect(engine="streaming").item()
        except (TableChangedError, TableGoneError):
            count = None
        found.append({"dataset": name, "place": accepted.source, "rows": count})
    return found


def left_elsewhere(places: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """What the certificate says of them among what is left."""
    return [{"what": f"table of others: {place['place']}", "why": _why(place["rows"])} for place in places if place["rows"] != 0]


def _why(rows: int | None) -> str:
    if rows is None:
        return "it cannot be read now, and what lies in it is not ours; look there"
    return f"it is not ours: {rows:,} rows of these keys lie there; delete them there"
