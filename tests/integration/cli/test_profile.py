"""`flyball profile`: what rows are like, on a terminal and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flyball.cli.main import app

PROJECT = """\
import polars as pl

import flyball as fb

orders = fb.Dataset("orders", fb.files("orders"), key="id", event_time="ordered_at")
label = fb.label(orders, pl.col("late"), timeout="1d")
train = fb.search(metric="roc_auc", trials=2, seed=0)
model = fb.Model("m", rows=orders, lead="0s", label=label, features=[orders["size"]], train=train, history="30d")
other = fb.Dataset("other", fb.files("orders"), key="id", event_time="ordered_at")
project = fb.Project("small", models=[model], datasets=[other])
"""


def orders(first: int, last: int, *, shop: str) -> str:
    rows = [f"o{n},2024-01-{1 + n % 28:02},{n % 7},{shop},{'yes' if n % 7 > 4 else 'no'}" for n in range(first, last)]
    return "\n".join(["id,ordered_at,size,shop,late", *rows, ""])


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two versions of `orders`, the second with a shop of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FLYBALL_URL", raising=False)
    (tmp_path / "project.py").write_text(PROJECT)
    (tmp_path / "orders").mkdir()
    for name, text in (("a.csv", orders(0, 200, shop="north")), ("b.csv", orders(200, 260, shop="\x1b[31msouth"))):
        (tmp_path / "orders" / name).write_text(text)
        assert call("ingest").exit_code == 0
    return tmp_path


def call(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.mark.usefixtures("place")
def test_a_profile_is_a_line_for_each_column() -> None:
    found = call("profile", "orders")
    assert found.exit_code == 0, found.stderr
    head, names, *lines = found.stdout.splitlines()
    assert head == "orders@2, its content: 260 rows, 5 columns"
    assert names.split() == ["column", "type", "missing", "distinct"]
    shown = {line.split()[0]: line for line in lines}
    assert list(shown) == ["id", "ordered_at", "size", "shop", "late"]
    assert "north 76.9%" in shown["shop"]
    assert "\x1b" not in found.stdout
    assert "0 … 6  median 3" in shown["size"]
    assert "█" in shown["size"]
    assert call("profile", "orders@1").stdout.startswith("orders@1, its content: 200 rows")
    assert call("profile", "orders", "--added").stdout.startswith("orders@2, the rows it added: 60 rows")


@pytest.mark.usefixtures("place")
def test_json_has_all_of_it() -> None:
    found = json.loads(call("profile", "orders", "--json").stdout)
    assert (found["dataset"], found["version"], found["of"], found["rows"]) == ("orders", 2, "content", 260)
    assert found["columns"]["size"]["quantiles"]["0.5"] == 3
    assert found["columns"]["size"]["histogram"]["rows"]


@pytest.mark.usefixtures("place")
def test_what_is_other_is_marked() -> None:
    found = call("profile", "orders@2", "--against", "1", "--added").stdout.splitlines()
    assert found[0] == "orders@2 against @1, the rows it added: 60 rows, 200 before"
    (shop,) = (line for line in found if "shop" in line)
    assert shop.startswith("! shop")
    assert "new: ·[31msouth; gone: north" in shop
    told = json.loads(call("profile", "orders", "--against", "1", "--json").stdout)
    assert {column["column"]: column["notable"] for column in told["columns"]}["shop"] is True
    assert told["against"] == 1


@pytest.mark.usefixtures("place")
def test_columns_are_set_beside_the_label_of_a_model() -> None:
    found = call("profile", "orders", "--label", "m")
    assert found.exit_code == 0, found.stderr
    head, names, first, second, *_ = found.stdout.splitlines()
    assert head == "orders@2 and the label of m"
    assert names.split() == ["column", "bits", "correlation", "rows"]
    assert {first.split()[0], second.split()[0]} == {"late", "size"}
    assert json.loads(call("profile", "orders", "--label", "m", "--json").stdout)["associations"][0]["rows"] == 260


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["orders@x"], 2, "Write DATASET or DATASET@N"),
        (["orders@"], 2, "Write DATASET or DATASET@N"),
        (["@3"], 2, "Write DATASET or DATASET@N"),
        (["orders@9"], 4, "has no version 9"),
        (["orders", "--against", "7"], 4, "has no version 7"),
        (["order"], 2, "Did you mean 'orders'"),
        (["../orders"], 2, "Did you mean 'orders'"),
        (["orders", "--label", "n"], 2, "Known: m."),
        (["other", "--label", "m"], 2, "flyball profile orders --label m"),
        (["orders", "--home", "nowhere"], 4, "There is no Flyball home"),
    ],
    ids=["no-number", "empty-number", "no-name", "no-version", "no-other-version", "unknown", "path", "no-model", "other-rows", "no-home"],
)
def test_a_mistake_gets_a_sentence(words: list[str], code: int, sentence: str) -> None:
    found = call("profile", *words)
    assert (found.exit_code, found.stdout) == (code, "")
    assert sentence in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("words", [["--label", "m"], ["--against", "1", "--added"]], ids=["label", "added"])
def test_what_a_control_plane_does_not_tell_is_refused_before_it_is_asked(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLYBALL_URL", "http://127.0.0.1:9")
    found = call("profile", "orders", *words)
    assert (found.exit_code, found.stdout) == (2, "")
    assert "needs the home itself" in found.stderr
