"""`ls`, `show` and `why`: what a home, or one world of a backtest, holds."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from flyball.app.inspection import KINDS, open_inspection
from flyball.core.canonical import canonical
from flyball.core.errors import UnknownNameError
from flyball.loop.trace import describe

_PLURALS = {
    "dataset": "datasets", "view": "views", "run": "runs", "version": "versions", "deployment": "deployments",
    "window": "windows", "event": "events", "backtest": "backtests",
}  # fmt: skip


def why(event: str, *, home: Path | None, world: str | None) -> None:
    """Print the chain, the event first, each cause below it."""
    with open_inspection(home, world) as found:
        chain = found.causes(event)
    console = Console()
    for depth, link in enumerate(chain):
        lead = "" if depth == 0 else f"{'   ' * (depth - 1)}└─ "
        console.print(f"{lead}{link.time:%Y-%m-%d %H:%M} {describe(link)}", highlight=False, markup=False, soft_wrap=True)
        console.print(f"{'   ' * depth}{link.type}  {link.id}  {link.subject}", style="dim", highlight=False, markup=False, soft_wrap=True)


def ls(kind: str, name: str | None, *, limit: int, home: Path | None, world: str | None) -> None:
    """Print a table of the things of one kind."""
    kind = _PLURALS.get(kind, kind)
    if kind not in KINDS:
        raise UnknownNameError("kind of thing", kind, known=KINDS)
    with open_inspection(home, world) as found:
        rows = found.list(kind, name, limit=limit)
        hint = found.hint(kind)
    console = Console()
    if not rows:
        console.print(f"No {kind} here.{hint}", highlight=False, markup=False, soft_wrap=True)
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
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*[_text(row[name]) for name in names])
    console.print(table, markup=False)


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    return "" if value is None else str(value)


def show(kind: str, name: str, *, home: Path | None, world: str | None) -> None:
    """Print one thing as JSON with sorted keys."""
    kind = _PLURALS.get(kind, kind)
    if kind not in KINDS:
        raise UnknownNameError("kind of thing", kind, known=[*KINDS, *_PLURALS])
    with open_inspection(home, world) as found:
        value = found.get(kind, name)
    sys.stdout.write(json.dumps(json.loads(canonical(value)), indent=2, sort_keys=True, ensure_ascii=False) + "\n")
