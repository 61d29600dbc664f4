"""The table of endpoints against what the stock clients know: each is answered, or is said not to be; and what is read has their kinds."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from flyball.api.mlflow.door import Table
from flyball.api.mlflow.routes import ROUTES

ROOT = Path(__file__).parents[4]
TABLE = Table(ROUTES)
NOT_KEPT = re.compile(r"/api/3\.0/mlflow/(?!server-info)|traces|presigned-(up|down)load-url|search-datasets|get-online-trace-details")
"""Traces, scorers, gateways, prompts, evaluation datasets, workspaces; URLs of clouds; a listing of MLflow's own pages."""


def known(client: str) -> list[dict[str, Any]]:
    python = ROOT / ".venv-clients" / client / "bin" / "python"
    if not python.exists():
        pytest.skip(f".venv-clients/{client} is not there: make clients")
    done = subprocess.run([str(python), "-m", "tests.clients.endpoints"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def plain(path: str) -> str:
    """The path with something for each name in it."""
    return re.sub(r"\{[^}]*\}|<[^>]*>", "m-1", path)


def kind(info: inspect.Type) -> str:
    bare = [each for each in getattr(info, "types", (info,)) if not isinstance(each, inspect.NoneType)]
    match bare:
        case [inspect.StrType()]:
            return "text"
        case [inspect.IntType()]:
            return "whole"
        case [inspect.BoolType()]:
            return "truth"
        case [inspect.StructType()]:
            return "object"
        case [inspect.ListType(item_type=item)]:
            return f"list of {kind(item)}"
        case [inspect.FloatType(), _] | [_, inspect.FloatType()]:
            return "number"
        case _:
            return "choice"


@pytest.mark.parametrize("client", ["mlflow", "skinny"])
def test_each_endpoint_is_answered_or_said_not_to_be(client: str) -> None:
    endpoints = known(client)
    assert len(endpoints) > 100
    answered = {each["path"] for each in endpoints if TABLE.find(each["method"], plain(each["path"])) is not None}
    unanswered = {each["path"] for each in endpoints} - answered
    assert {path for path in unanswered if NOT_KEPT.search(path) is None} == set()
    assert {path for path in answered if NOT_KEPT.search(path) is not None} == set()
    assert len(answered) >= 55


@pytest.mark.parametrize("client", ["mlflow", "skinny"])
def test_what_is_read_has_the_names_and_kinds_of_their_messages(client: str) -> None:
    for each in known(client):
        found = TABLE.find(each["method"], plain(each["path"]))
        if found is None or found[0].reader is None:
            continue
        told = inspect.type_info(found[0].reader.form)
        assert isinstance(told, inspect.StructType)
        ours = {field.encode_name: kind(field.type) for field in told.fields}
        # Several endpoints about one thing share a form: what one of them has no field for is passed over there.
        shared = {name: of for name, of in ours.items() if name in each["fields"]}
        assert shared == {name: each["fields"][name] for name in shared}, each["path"]
        required = {*found[0].reader.form.required, *([] if "run_id" not in ours else ["run_id"])}
        assert required <= set(each["fields"]) | set(found[1]), each["path"]


def test_forms_are_forms() -> None:
    assert all(issubclass(route.reader.form, msgspec.Struct) for route in ROUTES if route.reader is not None)


def test_the_reference_lists_every_endpoint() -> None:
    page = (ROOT / "docs" / "reference" / "mlflow.md").read_text(encoding="utf-8")
    listed = {tuple(row) for row in re.findall(r"^\| `([A-Z]+) ([^`]+)` \| ([a-z]+) \|", page, re.MULTILINE)}
    routes = {
        (route.method, route.path.replace("/api/2.0/mlflow/", "…/").replace(":path}", "}"), route.permission.value)
        for route in ROUTES
        if not route.path.startswith("/ajax-api/")
    }
    assert listed == routes
