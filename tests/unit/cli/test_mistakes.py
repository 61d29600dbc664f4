"""A mistake gets one sentence, the code of its kind, and no traceback; nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Call = Callable[..., Result]
CSV = "when,size,paid\n2024-01-01,1,yes\n"
PROJECT = """\
import polars as pl

import flyball as fb

rows = fb.Dataset("rows", fb.files("rows.csv"), key="n", event_time="when")
label = fb.label(rows, pl.col("paid") == "yes", timeout="1d")
train = fb.search(metric="roc_auc", trials=2, seed=0)
model = fb.Model("m", rows=rows, lead="0s", label=label, features=[rows["size"]], train=train, history="1d")
project = fb.Project("small", models=[model])
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text(CSV)
    (tmp_path / "project.py").write_text(PROJECT)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["ls", "foos"], 2, "no kind of thing 'foos'"),
        (["ls", "events"], 4, "There is no Flyball home"),
        (["ls", "events", "--home", "rows.csv"], 2, "is a file; a home is a directory"),
        (["ls", "events", "--home", "nowhere"], 4, "There is no Flyball home"),
        (["show", "event", "evt-x"], 4, "There is no Flyball home"),
        (["check", "projct.py"], 2, "Did you mean 'project.py'?"),
        (["backtest", "project.py", "--policy", "evry:3d"], 2, "'evry:3d' is not a policy"),
        (["backtest", "project.py", "--start", "yesterday"], 2, "is not a time with a zone"),
        (["backtest", "project.py", "--name", "../x"], 2, "a name is 1 to 63"),
        (["backtest", "project.py", "--model", "foo"], 2, "There is no model 'foo'"),
        (["backtest", "project.py", "--html", "."], 2, "--html . cannot be written: it is a directory"),
        (["backtest", "project.py", "--home", "rows.csv"], 2, "is a file; a home is a directory"),
        (["accept", "rows"], 2, "Write NAME@NUMBER"),
        (["init", "new", "--csv", "none.csv", "--label", "paid", "--time", "when"], 2, "it does not exist"),
        (["init", "new", "--csv", "rows.csv", "--label", "piad", "--time", "when"], 2, "Did you mean 'paid'?"),
        (["init", ".", "--csv", "rows.csv", "--label", "paid", "--time", "when"], 2, "it is not empty"),
    ],
)
def test_one_sentence_and_the_code_of_its_kind(place: Path, call: Call, arguments: list[str], code: int, sentence: str) -> None:
    before = sorted(path.name for path in place.iterdir())
    result = call(*arguments)
    assert sentence in result.stderr
    assert result.exit_code == code
    assert "Traceback" not in result.output
    assert result.stderr.startswith("flyball: ")
    assert sorted(path.name for path in place.iterdir()) == before
