"""Contracts written for people: a new one with a head that says what it is, an old one changed in place, with its comments."""

from __future__ import annotations

import difflib
import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flyball.core.optional import extra
from flyball.data import contractcomments as comments
from flyball.data.contracts.model import Contract
from flyball.data.contractyaml import read_document

with extra("store"):
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

WIDTH = 120
_HEAD = """\
# What every row of the dataset {dataset!r} promises. Yours to edit: comments stay when it is inferred again.
# How rows are judged, and what may stand here: docs/reference/contracts.md
"""


def write_yaml(contract: Contract, *, before: str | None = None) -> str:
    """The contract as YAML; the text `before`, where there is one, with only what differs changed.

    `before` must be a text that `contractyaml.read_document` takes. The result read again is the contract.
    """
    wanted = _written(contract)
    yaml = _yaml()
    if before is None:
        return _HEAD.format(dataset=contract.dataset) + _dumped(yaml, _commented(wanted))
    if read_document(before, path="the contract").value == wanted:
        return before
    document = yaml.load(before)
    _change(document, wanted)
    return _dumped(yaml, document)


def _written(contract: Contract) -> dict[str, Any]:
    """What of a contract stands in its file: not the checks of the project file, which are written there."""
    facts: dict[str, Any] = json.loads(contract.encode())
    checks = [check for check in facts.pop("checks", []) if check["kind"] != "python"]
    for column in facts["columns"].values():
        if column["type"] == "integer":
            column.update({bound: int(column[bound]) for bound in ("minimum", "maximum") if _is_whole(column.get(bound))})
    basis = {"inferred_from": facts.pop("inferred_from")} if facts.get("inferred_from") else {}
    return {"dataset": facts["dataset"], "columns": facts["columns"], **({"checks": checks} if checks else {}), **basis}


def _is_whole(bound: float | None) -> bool:
    return bound is not None and abs(bound) < 2**53 and float(bound).is_integer()


def differences(before: str, after: str, *, names: tuple[str, str]) -> Sequence[str]:
    """The lines of a unified diff of two texts; empty where they are equal."""
    return list(difflib.unified_diff(before.splitlines(), after.splitlines(), *names, lineterm=""))


def _yaml() -> YAML:
    yaml = YAML(typ="rt", pure=True)
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width, yaml.preserve_quotes, yaml.allow_unicode = WIDTH, True, True
    return yaml


def _dumped(yaml: YAML, value: Any) -> str:
    stream = io.StringIO()
    yaml.dump(value, stream)
    return stream.getvalue()


def _commented(value: Any) -> Any:
    """Mappings as blocks, lists of plain values in one line."""
    if isinstance(value, Mapping):
        return CommentedMap((name, _commented(inner)) for name, inner in value.items())
    if isinstance(value, list):
        found = CommentedSeq(_commented(inner) for inner in value)
        if not any(isinstance(inner, dict | list) for inner in value):
            found.fa.set_flow_style()
        return found
    return value


def _change(here: CommentedMap, wanted: Mapping[str, Any]) -> None:
    for name in [name for name in here if name not in wanted]:
        _take_out(here, name)
    names = list(wanted)
    for place, (name, value) in enumerate(wanted.items()):
        if name not in here:
            behind = next((known for known in reversed(names[:place]) if known in here), None)
            _put_in(here, name, value=_commented(value), behind=behind)
        elif isinstance(value, Mapping) and isinstance(here[name], CommentedMap):
            _change(here[name], value)
        elif _differs(here[name], value) or getattr(here[name], "_exp", None):
            # A number with an exponent is set anew: written as it was read, it may lose its last digit.
            here[name] = _item_by_item(here[name], value)


def _take_out(here: CommentedMap, name: str) -> None:
    """Remove a key; its comment stays as a line, and so do the lines below it, which are about what follows."""
    names = list(here)
    place = names.index(name)
    rest = comments.take_all(here, name)
    del here[name]
    if rest and place:
        comments.give_rest(here, names[place - 1], rest=rest)


def _put_in(here: CommentedMap, name: str, *, value: Any, behind: str | None) -> None:
    """Insert a key behind another; comment lines that stand between it and what follows stay with what follows."""
    place = 0 if behind is None else list(here).index(behind) + 1
    rest = "" if behind is None else comments.take_rest(here, behind)
    here.insert(place, name, value)
    if rest:
        comments.give_rest(here, name, rest=rest)


def _item_by_item(here: Any, value: Any) -> Any:
    """A list that keeps its items' comments where only some of its items change; any other value as it is wanted."""
    if not isinstance(here, CommentedSeq) or not isinstance(value, list) or len(here) > len(value):
        return _commented(value)
    for place, item in enumerate(value):
        if place >= len(here):
            here.append(_commented(item))
        elif isinstance(item, Mapping) and isinstance(here[place], CommentedMap):
            _change(here[place], item)
        elif _differs(here[place], item):
            here[place] = _commented(item)
    return here


def _differs(here: Any, value: Any) -> bool:
    """Whether a written value means another one: 1 and 1.0 are one, a time is compared as its text's moment."""
    if isinstance(here, datetime) and isinstance(value, str):
        return _moment(here) != _moment(datetime.fromisoformat(value))
    if isinstance(here, bool) or isinstance(value, bool):
        return here is not value
    if isinstance(here, CommentedSeq) and isinstance(value, list):
        return len(here) != len(value) or any(_differs(mine, theirs) for mine, theirs in zip(here, value, strict=True))
    return bool(here != value)


def _moment(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
