"""`ls`, `show` and `why`: what a home, or one world of a backtest, holds."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from flyball.app.inspection import KINDS, open_inspection
from flyball.core.canonical import canonical
from flyball.core.errors import UnknownNameError
from flyball.loop.trace import describe

WIDE = 120
SHORT = 12
_PLURALS = {
    "dataset": "datasets", "view": "views", "run": "runs", "version": "versions", "deployment": "deployments",
    "window": "windows", "event": "events", "backtest": "backtests",
}  # fmt: skip
_ALSO = {"model": "versions", "models": "versions", "endpoint": "deployments", "endpoints": "deployments"}


def why(event: str, *, home: Path | None, world: str | None, as_json: bool = False) -> None:
    """Print the chain, the event first, each cause below it."""
    with open_inspection(home, world) as found:
        chain = found.causes(event)
    if as_json:
        told = [{"id": link.id, "type": link.type, "time": link.time, "subject": link.subject, "text": describe(link)} for link in chain]
        _write_json(told)
        return
    console = Console()
    for depth, link in enumerate(chain):
        lead = "because " if depth else ""
        console.print(f"{link.time:%Y-%m-%d %H:%M}  {lead}{describe(link)}", highlight=False, markup=False, soft_wrap=True)
        console.print(f"{' ' * 18}{link.type}  {link.id}  {link.subject}", style="dim", highlight=False, markup=False, soft_wrap=True)


def ls(kind: str, name: str | None, *, limit: int, home: Path | None, world: str | None, as_json: bool = False) -> None:
    """Print a table of the things of one kind, or a list as JSON, which is empty where there are none."""
    kind = {**_PLURALS, **_ALSO}.get(kind, kind)
    if kind not in KINDS:
        raise UnknownNameError("kind of thing", kind, known=KINDS)
    with open_inspection(home, world) as found:
        rows = found.list(kind, name, limit=limit)
        hint = found.hint(kind)
        others = 0 if rows or name is None else len(found.list(kind, None, limit=limit))
    if as_json:
        _write_json(rows)
        return
    console = Console()
    if not rows:
        of = f" of {name!r}" if name is not None else ""
        more = f" Leave the name out to see what there is: flyball ls {kind}." if others else hint
        console.print(f"No {kind}{of} here.{more}", highlight=False, markup=False, soft_wrap=True)
        return
    _table(console, rows)
    if len(rows) == limit:
        console.print(f"{limit} shown; --limit N shows more.", highlight=False)


def _table(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    # A pipe has no width: what reads it wants whole lines, one per thing.
    table = Table(box=None, pad_edge=False) if console.is_terminal else None
    names = list(rows[0])
    if table is None:
        lines = [names, *([_text(row[name]) for name in names] for row in rows)]
        sys.stdout.write("".join("\t".join(line) + "\n" for line in lines))
        return
    if console.width < WIDE and "type" in names:
        names.remove("type")  # the summary says it in words
    ids = next((name for name in names if name in {"id", "run"}), None)
    short = _unique([str(row[ids]) for row in rows]) if ids else 0
    cells = [[_text(row[name])[:short] if name == ids else _text(row[name]) for name in names] for row in rows]
    for index, name in enumerate(names):
        whole = all(" " not in line[index] for line in cells)  # names and numbers are kept whole, words may wrap
        table.add_column(name, no_wrap=whole, overflow="fold", justify="right" if isinstance(rows[0][name], int | float) else "left")
    for line in cells:
        table.add_row(*map(Text, line))
    console.print(table)


def _unique(ids: Sequence[str]) -> int:
    """How many characters tell the ids apart: a terminal is narrow, and the beginning of an id is enough for `why`."""
    return next((length for length in range(SHORT, 64) if len({found[:length] for found in ids}) == len(set(ids))), 64)


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    return "" if value is None else str(value)


def show(kind: str, name: str, *, home: Path | None, world: str | None) -> None:
    """Print one thing as JSON with sorted keys."""
    kind = {**_PLURALS, **_ALSO}.get(kind, kind)
    if kind not in KINDS:
        raise UnknownNameError("kind of thing", kind, known=list(_PLURALS))
    with open_inspection(home, world) as found:
        value = found.get(kind, name)
    _write_json(value)


def _write_json(value: Any) -> None:
    sys.stdout.write(json.dumps(json.loads(canonical(value)), indent=2, sort_keys=True, ensure_ascii=False) + "\n")
