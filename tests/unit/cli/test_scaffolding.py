"""What `flyball init` says to type next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flyball.cli import scaffolding
from flyball.cli.scaffolding import begins
from flyball.core.clock import parse_time
from flyball.data.fromscript.turning import Given
from flyball.data.scaffold import scaffold

START = datetime(2020, 1, 1, tzinfo=UTC)


def written(place: Path) -> Path:
    lines = [f"{START + timedelta(hours=n):%Y-%m-%dT%H:%MZ},{n % 7},{n % 3 // 2}" for n in range(2000)]
    (place / "old.csv").write_text("\n".join(["at,size,paid", *lines]) + "\n")
    return place / "old.csv"


def test_a_history_that_ended_long_ago_is_lived_through_on_a_clock_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scaffolding.init(tmp_path / "shop", Given(csv=written(tmp_path), label="paid", time="at"), script=None)
    said = capsys.readouterr().out
    assert "Its rows end on 2020-03-24; live, begin in their time: flyball up " in said
    begin = parse_time(said.partition("--clock ")[2].split()[0], what="--clock")
    assert START < begin < datetime(2020, 3, 24, tzinfo=UTC)


def test_one_that_goes_on_needs_none(tmp_path: Path) -> None:
    plan = scaffold(tmp_path / "shop", csv=written(tmp_path), label="paid", time="at").plan
    assert begins(plan, datetime(2020, 3, 25, tzinfo=UTC)) is None
    assert begins(plan, datetime(2021, 3, 25, tzinfo=UTC)) is not None
