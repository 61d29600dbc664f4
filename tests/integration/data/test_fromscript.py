"""Training scripts become projects that `flyball check` finds right; nothing of them is run, and what is wrong with them is told."""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from flyball.app.sources import open_source
from flyball.core.errors import FlyballError
from flyball.data.errors import ScaffoldError, UnknownColumnError
from flyball.data.fromscript.errors import ScriptError
from flyball.data.fromscript.turning import Given, Turned, turn
from flyball.data.sources.port import Surroundings
from flyball.loop.check import check_project
from flyball.loop.projectfile import load_project
from flyball.training.model import TrainingSet
from tests.integration.data.scripts import AMOUNT, PANDAS, POLARS, QUESTION, TIMELESS, UNKNOWN, customers, notebook


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where somebody works: a few files, and no project yet."""
    customers().write_csv(tmp_path / "customers.csv")
    customers().write_parquet(tmp_path / "customers.parquet")
    customers().drop("signed_up").write_csv(tmp_path / "timeless.csv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def script(desk: Path, text: str) -> Path:
    path = desk / "train.py"
    path.write_text(text, encoding="utf-8")
    return path


def checked(desk: Path, found: Turned) -> str:
    """The project's text, which is right."""
    text = found.made.project.read_text(encoding="utf-8")
    ast.parse(text)
    project = load_project(found.made.project)
    around = Surroundings(root=found.made.project.resolve().parent, scratch=desk / "scratch", environment={})
    check_project(project, around, sources=open_source)
    return text


def kinds(found: Turned) -> set[str]:
    return {hazard.kind for hazard in found.hazards}


def test_a_notebook_of_pandas_and_sklearn(desk: Path) -> None:
    path = notebook(desk / "churn.ipynb", PANDAS, counts=[1, 5, 3, 4])
    found = turn(path, None, given=Given())
    text = checked(desk, found)
    assert found.made.project == Path("churn/project.py")
    assert 'rows["plan", "visits", "spend", "age"]' in text
    assert 'event_time="signed_up"' in text
    assert "RandomForestClassifier(n_estimators=50, max_depth=6, random_state=given.seed)" in text
    assert kinds(found) == {"unseeded randomness", "unpinned package", "hidden state"}
    assert any(hazard.place == "cell 3, line 1" and "number 3" in hazard.what for hazard in found.hazards)


def test_a_script_of_polars_and_lightgbm(desk: Path) -> None:
    (desk / "requirements.txt").write_text("polars==1.0\nlightgbm==4.6.0\nscikit_learn==1.7\n", encoding="utf-8")
    found = turn(script(desk, POLARS), desk / "made", given=Given())
    text = checked(desk, found)
    assert 'rows["plan", "visits", "spend"]' in text
    assert "LGBMClassifier(n_estimators=40, learning_rate=0.1, num_leaves=15, verbose=-1, random_state=given.seed)" in text
    assert found.hazards == ()


def test_a_script_of_an_amount_with_xgboost(desk: Path) -> None:
    found = turn(script(desk, AMOUNT), desk / "made", given=Given())
    text = checked(desk, found)
    assert 'label=fb.label(labels, pl.col("spend")' in text
    assert "from xgboost import XGBRegressor" in text
    assert "# not taken over: early_stopping_rounds=10" in text
    assert "per_visit: the script computes it (line 12); write it as fb.on_demand" in text
    assert {"network", "unpinned package"} <= kinds(found)


def test_a_question_about_a_number_in_parquet(desk: Path) -> None:
    found = turn(script(desk, QUESTION), desk / "made", given=Given())
    text = checked(desk, found)
    assert 'pl.col("visits") > 20' in text
    assert 'rows["spend", "age"]' in text
    assert "LogisticRegression(C=0.5, max_iter=200" in text
    assert "wall clock" in kinds(found)


def test_rows_without_a_time_get_one_and_that_is_told(desk: Path) -> None:
    found = turn(script(desk, TIMELESS), desk / "made", given=Given(key="customer"))
    text = checked(desk, found)
    assert 'event_time="row_time"' in text
    assert {"no time", "unseeded randomness"} <= kinds(found)
    assert "SVC(kernel='rbf', C=2.0, probability=True)" in text


def test_what_is_not_known_is_a_comment_and_the_search_trains(desk: Path) -> None:
    found = turn(script(desk, UNKNOWN), desk / "made", given=Given())
    text = checked(desk, found)
    assert "train=fb.search(" in text
    assert "#   class Net(torch.nn.Module):" in text
    assert "local path" in kinds(found)


def test_the_training_that_was_turned_trains(desk: Path) -> None:
    found = turn(script(desk, POLARS), desk / "made", given=Given())
    (model,) = load_project(found.made.project).models
    features = customers(200).select(pl.col("plan", "visits", "spend").name.prefix("rows."))
    label = customers(200)["churned"].cast(pl.Float64).to_numpy()
    times = pl.Series([None] * 200, dtype=pl.Datetime("us", "UTC"))
    assert callable(model.train)
    fitted = model.train(TrainingSet(features, label, times, "binary", "roc_auc", 3))
    assert fitted.predict_proba(features).shape == (200, 2)


def test_options_say_what_the_script_does_not(desk: Path) -> None:
    shutil.move(desk / "customers.csv", desk / "elsewhere.csv")
    path = script(desk, "import pandas as pd\ndf = pd.read_csv('/data/customers.csv')\nprint(df)\n")
    with pytest.raises(ScriptError, match="--label"):
        turn(path, desk / "made", given=Given())
    with pytest.raises(ScriptError, match=r"'/data/customers.csv' \(line 2\), which is not here; name a copy with --csv"):
        turn(path, desk / "made", given=Given(label="churned"))
    with pytest.raises(UnknownColumnError, match="churned"):
        turn(path, desk / "made", given=Given(label="churn", csv=desk / "elsewhere.csv"))
    assert not (desk / "made").exists()
    found = turn(path, desk / "made", given=Given(label="churned", csv=desk / "elsewhere.csv", time="signed_up", label_after="30d"))
    assert 'known_after="30d"' in checked(desk, found)
    with pytest.raises(ScaffoldError, match="not empty"):
        turn(path, desk / "made", given=Given(label="churned", csv=desk / "elsewhere.csv"))


def test_nothing_of_it_is_run(desk: Path) -> None:
    text = f"import os\nos.mkdir({str(desk / 'ran')!r})\n" + POLARS + "\nraise SystemExit('ran')\n"
    checked(desk, turn(script(desk, text), desk / "made", given=Given()))
    assert not (desk / "ran").exists()


def test_hostile_texts_stand_in_comments_alone(desk: Path) -> None:
    evil = 'x = """\n"""; import os\nos.system("echo")\n\x0cprint("\u2028import os")\n' + "y2 = '\\N{LINE SEPARATOR}'\n"
    text = checked(desk, turn(script(desk, POLARS + evil), desk / "made", given=Given()))
    assert [line for line in text.splitlines() if "import os" in line and not line.startswith("#")] == []


def test_a_cell_that_cannot_be_read_is_passed_over(desk: Path) -> None:
    path = notebook(desk / "broken.ipynb", [*PANDAS, "for in x:\n", "%%bash\nrm -rf /\n", "x = !ls\n%run other.py\n"])
    found = turn(path, None, given=Given())
    text = checked(desk, found)
    assert "#   for in x:" in text
    assert "no Python" in kinds(found)


def _json(value: object) -> Callable[[Path], object]:
    return lambda path: path.write_text(json.dumps(value), encoding="utf-8")


def _text(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "write", "said"),
    [
        pytest.param("a.ipynb", _text("not json"), "not JSON", id="no json"),
        pytest.param("a.ipynb", _text("[" * 200_000), "not JSON", id="deep json"),
        pytest.param("a.ipynb", _json([1]), "no cells", id="a list"),
        pytest.param("a.ipynb", _json({"worksheets": []}), "no cells", id="format 3"),
        pytest.param("a.ipynb", _json({"cells": [{"cell_type": "markdown", "source": "x"}, 5, None]}), "no code cells", id="words"),
        pytest.param("a.ipynb", _json({"cells": [{"cell_type": "code", "source": [" "]}]}), "no code", id="blank"),
        pytest.param("a.ipynb", _json({"cells": [], "metadata": {"kernelspec": {"language": "R"}}}), "language is R", id="R"),
        pytest.param("a.py", _text(""), "no code", id="empty"),
        pytest.param("a.py", _text("print 'hello'\nprint x\n"), "Python 2", id="python 2"),
        pytest.param("a.py", _text("x = (\n"), "line 1 is no Python", id="syntax"),
        pytest.param("a.py", _text("x = 1\x00"), "no Python", id="nul"),
        pytest.param("a.py", _text("(" * 100_000), "no Python", id="deep"),
        pytest.param("a.py", _text("x = " + "-" * 50_000 + "1"), "no Python", id="deep signs"),
        pytest.param("a.py", lambda path: path.write_bytes(b"\xff\xfe\x00"), "UTF-8", id="bytes"),
        pytest.param("a.py", lambda path: path.write_bytes(b"#" * (65 << 20)), "64 MB", id="huge"),
        pytest.param("a.py", _text("x = 1\n" * 500_000), "2 MB", id="long"),
        pytest.param("a.py", lambda path: path.mkdir(), "does not exist", id="directory"),
    ],
)
def test_what_is_no_script_is_refused_by_a_sentence(desk: Path, name: str, write: Callable[[Path], object], said: str) -> None:
    write(desk / name)
    with pytest.raises(FlyballError, match=said):
        turn(desk / name, desk / "made", given=Given())
    assert not (desk / "made").exists()
