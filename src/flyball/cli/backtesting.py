"""`flyball backtest` on a terminal: progress while history happens, the comparison, and the figures that matter on the last line."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from flyball.app.backtest import Outcome, Request, run_backtest
from flyball.cli.outputs import check_outputs, write_whole
from flyball.kernels import get_metric

__all__ = ["Request", "backtest"]

Figures = Mapping[str, Any]


class Meter:
    """One bar per policy, filled by virtual time; a terminal that cannot redraw gets one line per policy instead."""

    def __init__(self, console: Console) -> None:
        columns = (TextColumn("{task.description:<12}"), BarColumn(), TextColumn("{task.fields[text]}"), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._console = console
        self._bars: dict[str, TaskID] = {}
        self._last: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def moved(self, phase: str, share: float, *, text: str) -> None:
        """The phase (a policy, or "data") has come to `share` of its end."""
        if phase not in self._bars:
            self._bars[phase] = self._progress.add_task(phase, total=1.0, text=text)
        self._progress.update(self._bars[phase], completed=share, text=text)
        if not self._console.is_terminal and share >= 1:
            self._console.print(f"{phase}: {text}", highlight=False)


def backtest(request: Request, *, json_file: Path | None, html_file: Path | None) -> None:
    """Run it, print the comparison, write the files.

    Raises:
        OutputFileError: a file cannot be written; nothing has run.
    """
    check_outputs({"--json": json_file, "--html": html_file})
    progress, console = Console(stderr=True), Console()
    with Meter(progress) as meter:
        outcome = run_backtest(request, meter)
    result = outcome.figures
    if json_file is not None:
        write_whole(json_file, json.dumps(result, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    if html_file is not None:
        from flyball.loop.report import render_html

        write_whole(html_file, render_html(result))
    _print(console, result)
    for path, what in ((json_file, "figures and events"), (html_file, "page")):
        if path is not None:
            console.print(f"The {what}: {path}", highlight=False, soft_wrap=True)
    for line in _next_steps(outcome):
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    console.print(last_line(result), highlight=False, soft_wrap=True, markup=False)


def _print(console: Console, result: Figures) -> None:
    policies = result["policies"]
    metric = result["metric"]
    table = Table(title=f"{result['model']}: {metric} by UTC month of prediction", title_justify="left")
    for name in ("month", "rows", "resolved"):
        table.add_column(name, justify="left" if name == "month" else "right")
    for policy in policies:
        table.add_column(policy["name"], justify="left")
    for index, window in enumerate(policies[0]["windows"]):
        cells = [_cell(policy["windows"][index], metric, counted=window["start"] in policy["mean_over"]) for policy in policies]
        table.add_row(window["start"][:7], f"{window['rows']:,}", f"{window['resolved']:,}", *cells)
    table.add_section()
    table.add_row("mean", "", "", *[f"[bold]{_number(policy['mean_metric'])}[/bold]" for policy in policies])
    for name in ("retrains", "releases", "alarms"):
        table.add_row(name, "", "", *[str(policy[name]) for policy in policies])
    console.print(table)
    better = "greater" if get_metric(metric).greater_is_better else "smaller"
    console.print(f"{metric}: {better} is better. T retrained, R released, ! alarm; a number says how often.", highlight=False)
    if any("(" in cell for cell in table.columns[-1].cells if isinstance(cell, str)):
        console.print("( ) is no part of the mean: too few labels have come, or a policy has no value.", highlight=False)
    for note in result.get("notes", ()):
        console.print(f"note: {note}", highlight=False, markup=False)


def _number(value: float | None) -> str:
    return "no value" if value is None else f"{value:.4f}"


def _cell(window: Figures, metric: str, *, counted: bool) -> str:
    marks = "".join(
        f" {mark}{window[name] if window[name] > 1 else ''}"
        for mark, name in (("T", "retrains"), ("R", "releases"), ("!", "alarms"))
        if window[name]
    )
    if not window["predicted"]:
        return f"[dim]no answers[/dim]{marks}"
    value = _number(window["metrics"][metric])
    return f"{value}{marks}" if counted else f"[dim]({value})[/dim]{marks}"


def _next_steps(outcome: Outcome) -> list[str]:
    policy = outcome.figures["policies"][-1]
    released = [event for window in policy["windows"] for event in window["events"] if event["type"] == "rollout.finished"]
    if not released:
        return []
    home = f" --home {outcome.home}" if outcome.home else ""
    return [f"Ask why the last release happened: {_command()} why {released[-1]['id']} --backtest {outcome.name}/{policy['name']}{home}"]


def _command() -> str:
    """How this very program is called from here: by its name where that finds it, else by its path."""
    called = Path(sys.argv[0])
    found = shutil.which("flyball")
    if called.name != "flyball" or (found is not None and Path(found).resolve() == called.resolve()):
        return "flyball"
    here = Path.cwd()
    return str(called.resolve().relative_to(here)) if called.resolve().is_relative_to(here) else str(called)


def last_line(result: Figures) -> str:
    """The figures that matter, in one line."""
    parts = [
        f"{p['name']} {_number(p['mean_metric'])} with {p['retrains']} retrain{'s' if p['retrains'] != 1 else ''}"
        for p in result["policies"]
    ]
    months = len(result["policies"][0]["mean_over"]) if result["policies"] else 0
    return f"mean {result['metric']} over {months} months: " + ", ".join(parts)
