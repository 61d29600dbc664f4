"""The SQL that a source asks, as text: names quoted, values written so that they are nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from flyball.core.clock import utc
from flyball.data.declared.sql import SqlSource
from flyball.data.sources.position import Height

Quote = Callable[[str], str]


def quote_name(name: str) -> str:
    """The name as SQL writes it, whatever stands in it."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: Height) -> str:
    """The value as a literal; times in UTC, which the session is in."""
    match value:
        case datetime():
            return f"'{utc(value).strftime('%Y-%m-%d %H:%M:%S.%f')}'"
        case date():
            return f"'{value.isoformat()}'"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case _:
            return repr(value)


def question(source: SqlSource, *, since: str | None, quote: Quote = quote_name) -> str:
    """What is asked: the table or the query, from the value `since` (as SQL) of its watermark on, in the watermark's order.

    A query stands in parentheses, where a database takes nothing but one that reads.
    """
    if source.table is not None:
        rows = ".".join(quote(part) for part in source.table.split("."))
    else:
        rows = "(" + (source.query or "").strip().rstrip(";") + "\n) AS flyball_rows"
    asked = f"SELECT * FROM {rows}"  # noqa: S608  the names are quoted, and the query is the project's own
    if source.watermark is None:
        return asked
    mark = quote(source.watermark.column)
    where = "" if since is None else f" WHERE {mark} >= {since} OR {mark} IS NULL"
    return f"{asked}{where} ORDER BY {mark}"
