"""`flyball init` on a terminal."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from shlex import quote

from rich.console import Console

from flyball.core.clock import WallClock
from flyball.core.duration import parse_duration
from flyball.core.errors import InvalidError
from flyball.data.csvplan import CsvPlan
from flyball.data.fromscript.turning import Given, turn
from flyball.data.scaffold import Scaffolded, scaffold

SHOWN = 12


class InitOptionsError(InvalidError):
    """Too little was said to make a project of."""

    code = "init-options"

    def __init__(self, missing: list[str]) -> None:
        super().__init__(
            f"Missing: {', '.join(missing)}. Write flyball init DIR --csv FILE --label COLUMN --time COLUMN, "
            "or flyball init --from NOTEBOOK|SCRIPT [DIR]."
        )


def init(directory: Path | None, given: Given, *, script: Path | None) -> None:
    """Write the project and say what to type next.

    Raises:
        InitOptionsError: there is no script, and something is missing.
    """
    if script is not None:
        _turn(directory, given, script=script)
        return
    if directory is None or given.csv is None or given.label is None or given.time is None:
        options = {"DIR": directory, "--csv": given.csv, "--label": given.label, "--time": given.time}
        raise InitOptionsError([name for name, value in options.items() if value is None])
    made = scaffold(directory, csv=given.csv, label=given.label, time=given.time, key=given.key, label_after=given.label_after)
    _say(f"Made {made.project} from {made.rows:,} rows of {given.csv}.")
    _tell(made)


def _turn(directory: Path | None, given: Given, *, script: Path) -> None:
    turned = turn(script, directory, given=given)
    _say(f"Made {turned.made.project} from {script}, with {turned.made.rows:,} rows. Nothing of it was run.")
    _say(f"Taken over: {'; '.join(turned.taken)}.")
    if turned.hazards:
        _say("Nobody could do again:")
        for hazard in turned.hazards[:SHOWN]:
            _say(f"  {hazard.kind}: {hazard.what} ({hazard.place})")
        if len(turned.hazards) > SHOWN:
            _say(f"  and {len(turned.hazards) - SHOWN:,} more, in the project file")
    _tell(turned.made)


def _say(line: str) -> None:
    Console().print(line, highlight=False, soft_wrap=True, markup=False)


def _tell(made: Scaffolded) -> None:
    plan = made.plan
    _say(f"It predicts {plan.label.expression} from {_listed([*plan.features, *plan.calendar])}.")
    if plan.skipped:
        _say(f"Left out: {_listed([f'{name} ({reason})' for name, reason in plan.skipped.items()])}.")
    project = quote(str(made.project))
    _say(f"Look at it, then replay its history with: flyball backtest {project}")
    begin = begins(plan, WallClock().now())
    if begin is not None and plan.ends is not None:
        command = f"flyball up {project} --clock {begin:%Y-%m-%dT%H:%MZ} --hold"
        _say(f"Its rows end on {plan.ends:%Y-%m-%d}; live, begin in their time: {command}")


def begins(plan: CsvPlan, now: datetime) -> datetime | None:
    """Where a clock of its own should begin, so that there is something to learn before and to live through after; None: now will do.

    A loop on the system's time judges a model by the rows of the last `holdout`; of old rows there are none.
    """
    holdout = parse_duration(plan.lengths.holdout)
    if plan.ends is None or plan.ends > now - holdout:
        return None
    return (plan.ends - holdout).replace(hour=0, minute=0, second=0, microsecond=0)


def _listed(words: list[str]) -> str:
    return ", ".join(words[:SHOWN]) + (f" and {len(words) - SHOWN:,} more" if len(words) > SHOWN else "")
