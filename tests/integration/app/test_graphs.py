"""Graphs registered in a home: what their calls mean is fixed, nothing new is made of what has not changed, and a picture shows it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flyball.app.byhand import lay_out
from flyball.app.graphs import Graphs, NoGraphError
from flyball.cli.main import app
from flyball.core.errors import NotFoundError
from flyball.loop.errors import ProjectFileError
from flyball.loop.projectfile import load_graphs
from flyball.registry.adoption import AdoptedVersion, ModelAdoption
from flyball.registry.registered import VersionFile
from flyball.serving.byhand import ModelReference
from tests.integration.predict.test_graphs import MODELS

FILE = """
import flyball as fb

rows = fb.graph.inputs(age=float, visits=int, plan=str)
graph = fb.Graph("blend", fb.graph.mean([fb.graph.call("models:/boosted/latest", rows), fb.graph.score("age / 100", rows)]))
"""


def add(home: Path, name: str, *, files: Mapping[str, bytes], number: int) -> None:
    with Graphs.at_home(home, actor="ada") as graphs:
        kept = [
            VersionFile(path=path, digest=graphs.blobs.put(data), size_bytes=len(data), may_run_code=True) for path, data in files.items()
        ]
        adoption = ModelAdoption(graphs.keeping.parts, actor="ada")
        adoption.put_model(name, description="", tags={}, created_ms=0)
        found = AdoptedVersion(number=number, source="here", files=kept, principal="ada", may_run_code=True, created_ms=0)
        assert adoption.put_version(name, found)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    place = tmp_path / ".flyball"
    place.mkdir()
    add(place, "boosted", files=MODELS["models:/boosted/1"], number=1)
    (tmp_path / "flow.py").write_text(FILE)
    return place


def run(home: Path, *words: str) -> str:
    found = CliRunner().invoke(app, [*words, "--home", str(home)])
    assert found.exit_code == 0, found.output
    return found.output


def test_a_graph_becomes_a_version_and_again_none_until_something_changes(home: Path) -> None:
    flow = str(home.parent / "flow.py")
    assert run(home, "graph", "add", flow) == "models:/blend/1\n"
    assert run(home, "graph", "add", flow) == "models:/blend/1\n"
    add(home, "boosted", files={**MODELS["models:/boosted/1"], "note": b"another"}, number=2)
    assert run(home, "graph", "add", flow) == "models:/blend/2\n"
    assert "models:/boosted/1" in run(home, "graph", "show", "models:/blend/1")
    assert "models:/boosted/2" in run(home, "graph", "show", "models:/blend/latest")


def test_a_registered_graph_is_laid_out_like_any_version(home: Path) -> None:
    run(home, "graph", "add", str(home.parent / "flow.py"))
    _, plan = lay_out(home, [ModelReference.parse("models:/blend/1")], port=1, actor="ada")
    (version,) = plan.endpoints[0].versions
    assert [column.name for column in version.inputs or ()] == ["age", "visits", "plan"]
    assert not version.trusted, "none of its models carries code"


def test_a_call_that_means_nothing_is_refused_and_nothing_is_registered(home: Path) -> None:
    (home.parent / "flow.py").write_text(FILE.replace("boosted", "bosted"))
    with Graphs.at_home(home, actor="ada") as graphs, pytest.raises(NotFoundError, match="bosted"):
        graphs.add(load_graphs(home.parent / "flow.py")[0])
    with Graphs.at_home(home, actor="ada") as graphs, pytest.raises(NotFoundError):
        graphs.get(ModelReference.parse("models:/blend/1"))


def test_the_graph_of_the_how_to_is_registered_and_drawn(home: Path, repository: Path) -> None:
    page = (repository / "docs" / "howto" / "graphs.md").read_text()
    (home.parent / "flow.py").write_text(page.partition("```python\n")[2].partition("```")[0])
    for name in ("leaving", "leaving-young"):
        add(home, name, files=MODELS["models:/boosted/1"], number=1)
    with Graphs.at_home(home, actor="ada") as graphs:
        graphs.keeping.registry.set_alias("leaving-young", "best", number=1)
    assert run(home, "graph", "add", str(home.parent / "flow.py")) == "models:/leaving-graph/1\n"
    assert run(home, "graph", "show", "models:/leaving-graph/1").startswith("flowchart LR\n  s0")


def test_what_is_no_graph_is_not_drawn(home: Path) -> None:
    with Graphs.at_home(home, actor="ada") as graphs, pytest.raises(NoGraphError, match="flyball graph add"):
        graphs.get(ModelReference.parse("models:/boosted/1"))


@pytest.mark.parametrize(("text", "words"), [("x = 1", "no graph"), (FILE + "again = fb.Graph('blend', graph.output)", "two graphs")])
def test_a_file_declares_graphs_of_different_names(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "flow.py").write_text(text)
    with pytest.raises(ProjectFileError, match=words):
        load_graphs(tmp_path / "flow.py")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("models:/boosted/9", "Model 'boosted' has no version 9; its latest is 1."),
        ("models:/boosted@best", "Model 'boosted' has no alias 'best'; aliases: none."),
        ("models:/bosted/1", "There is no model 'bosted'. Did you mean 'boosted'?"),
        ("models:/xyz/latest", "There is no model 'xyz'. Models: boosted."),
    ],
    ids=["version", "alias", "near", "far"],
)
@pytest.mark.parametrize("command", [["serve"], ["verify"], ["graph", "show"]], ids=" ".join)
def test_what_is_not_there_is_said_with_what_is(home: Path, command: list[str], model: str, said: str) -> None:
    found = CliRunner().invoke(app, [*command, model, "--home", str(home), *(["--port", "0"] if command == ["serve"] else [])])
    assert (found.exit_code, said in found.output) == (4, True), found.output
