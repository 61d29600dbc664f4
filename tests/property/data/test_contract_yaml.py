"""Any contract is read from YAML as it was written, also where it was written over another one with its comments."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.data.contracts import Column, Contract
from flyball.data.contracts.model import RowCheck
from flyball.data.contractwriting import write_yaml
from flyball.data.contractyaml import read_document
from flyball.data.values import ColumnType

WORD = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=6) | st.sampled_from(
    [
        "no",
        "1",
        "~",
        "a: b",
        "# x",
        "- y",
        "2025-01-01",
        "'",
        '"',
        "[",
        "{a}",
        "*a",
        "&a",
        "!a",
        "1e5",
        " x ",
        "null",
        "%",
        "@",
        "`",
        "|",
        ">",
    ]
)
NUMBER = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53).map(float)
COLUMN = st.builds(
    Column,
    type=st.sampled_from(ColumnType),
    nullable=st.booleans(),
    minimum=NUMBER,
    maximum=NUMBER,
    categories=st.none() | st.lists(WORD, max_size=4).map(tuple),
    values=st.sampled_from(["warn", "hold", "quarantine"]),
)
DECLARED = {"visit": Column(type=ColumnType.TEXT, nullable=False), "came_at": Column(type=ColumnType.TIME, nullable=False)}
CHECK = st.builds(RowCheck, name=WORD, expression=WORD, tolerance=st.floats(0, 1))
CONTRACT = st.builds(
    lambda columns, checks: Contract(dataset="visits", columns={**DECLARED, **columns}, checks=tuple(checks)),
    st.dictionaries(WORD.filter(lambda name: name not in DECLARED), COLUMN, max_size=4),
    st.lists(CHECK, max_size=2),
)


def plain(contract: Contract) -> Any:
    facts = json.loads(contract.encode())
    return {name: value for name, value in facts.items() if value is not None}


def read(text: str) -> Any:
    return read_document(text, path="visits.yaml").value


@settings(max_examples=40)
@given(CONTRACT)
def test_what_is_written_is_read(contract: Contract) -> None:
    text = write_yaml(contract)
    assert read(text) == plain(contract)
    assert write_yaml(contract, before=text) == text


@settings(max_examples=40)
@given(CONTRACT, CONTRACT)
def test_what_is_written_over_another_is_read(before: Contract, after: Contract) -> None:
    lines = write_yaml(before).splitlines()
    commented = "\n".join(f"{line}  # note {number}" if line.endswith((": true", ": false")) else line for number, line in enumerate(lines))
    assert read(write_yaml(after, before=commented + "\n")) == plain(after)
