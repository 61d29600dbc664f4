"""`flyball init` on a terminal."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from rich.console import Console

from flyball.data.scaffold import scaffold

SHOWN = 12


def init(directory: Path, *, csv: Path, label: str, time: str, key: str | None, label_after: str) -> None:
    """Write the project and say what to type next."""
    made = scaffold(directory, csv=csv, label=label, time=time, key=key, label_after=label_after)
    console = Console()
    console.print(f"Made {made.project} from {made.rows:,} rows of {csv}.", highlight=False, soft_wrap=True)
    plan = made.plan
    features = [*plan.features, *plan.calendar]
    console.print(f"It predicts {plan.label.expression} from {_listed(features)}.", highlight=False, soft_wrap=True, markup=False)
    if plan.skipped:
        why = [f"{name} ({reason})" for name, reason in plan.skipped.items()]
        console.print(f"Left out: {_listed(why)}.", highlight=False, soft_wrap=True, markup=False)
    console.print(
        f"Look at it, then replay its history with: flyball backtest {quote(str(made.project))}",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )


def _listed(words: list[str]) -> str:
    return ", ".join(words[:SHOWN]) + (f" and {len(words) - SHOWN:,} more" if len(words) > SHOWN else "")
