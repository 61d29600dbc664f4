"""Contracts as YAML: what is written is read as it was, comments outlive a change, and hostile texts are refused with their line."""

from __future__ import annotations

import msgspec
import pytest

from flyball.data import Dataset, files
from flyball.data.contracts import Column, Contract
from flyball.data.contracts.model import RowCheck, VolumeCheck
from flyball.data.contractwriting import differences, write_yaml
from flyball.data.contractyaml import MAX_BYTES, decode_yaml, read_document
from flyball.data.errors import ContractFileError
from flyball.data.values import ColumnType

VISITS = Dataset("visits", files("data"), key="visit", event_time="came_at")
WORDS = ("no", "1", "2025-01-01", "a: b", "", "- x", "~", "0x1F", "1e3", "#", "é", "'", '"', "*a", "&a", "!x", "yes", "null", "\t", "a\nb")
CONTRACT = Contract(
    dataset="visits",
    columns={
        "visit": Column(type=ColumnType.TEXT, nullable=False, pattern="^v[0-9]+$"),
        "came_at": Column(type=ColumnType.TIME, nullable=False),
        "minutes": Column(type=ColumnType.NUMBER, nullable=False, minimum=0.5, maximum=6.5, severities={"maximum": "hold"}),
        "door": Column(type=ColumnType.TEXT, nullable=True, categories=WORDS, values="quarantine"),
        "key: 'odd' #1": Column(type=ColumnType.INTEGER, nullable=True),
    },
    checks=(RowCheck(name="short", expression="minutes < 60 or door = 'a'"), VolumeCheck(name="volume", minimum=1, severity="hold")),
)
TEXT = """\
# Ours.
dataset: visits  # the front desk's
columns:
  visit: {type: text, nullable: false}
  # When they came,
  # by the clock of the door.
  came_at:
    type: time
    nullable: false
  minutes:
    type: number  # not rounded
    nullable: false
    minimum: 0.5  # nobody stays shorter
    maximum: 6.5

  # The two doors.
  door:
    type: text
    nullable: false
    categories:
      - a  # the old one
      - b
"""


def read(text: str) -> Contract:
    return decode_yaml(text, dataset=VISITS, path="visits.yaml")


def changed(contract: Contract, **columns: Column | None) -> Contract:
    kept = {name: column for name, column in {**contract.columns, **columns}.items() if column is not None}
    return msgspec.structs.replace(contract, columns=kept)


def test_a_contract_is_read_as_it_was_written() -> None:
    text = write_yaml(CONTRACT)
    assert read(text) == CONTRACT
    assert write_yaml(CONTRACT, before=text) == text


def test_bounds_of_integers_are_written_as_such() -> None:
    doors = Column(type=ColumnType.INTEGER, nullable=False, minimum=0.0, maximum=19.5)
    contract = msgspec.structs.replace(CONTRACT, columns={**CONTRACT.columns, "doors": doors})
    text = write_yaml(contract)
    assert "minimum: 0\n    maximum: 19.5\n" in text
    assert decode_yaml(text, dataset=VISITS, path="x") == contract
    old = text.replace("minimum: 0\n", "minimum: 0.0\n")
    assert write_yaml(contract, before=old) == old


def test_json_is_yaml() -> None:
    assert read(CONTRACT.encode()) == CONTRACT


def test_what_is_equal_changes_nothing() -> None:
    assert write_yaml(read(TEXT), before=TEXT).splitlines()[1:4] == TEXT.splitlines()[1:4]
    assert differences(TEXT, write_yaml(read(TEXT), before=TEXT), names=("a", "b")) == []


def test_comments_outlive_a_change() -> None:
    before = read(TEXT)
    minutes = msgspec.structs.replace(before.columns["minutes"], minimum=None, maximum=9.0)
    door = msgspec.structs.replace(before.columns["door"], categories=("a", "b", "c"))
    after = changed(before, minutes=minutes, door=door, age=Column(type=ColumnType.INTEGER, nullable=True))
    text = write_yaml(after, before=TEXT)
    assert read(text) == after
    for line in TEXT.splitlines():
        assert "#" not in line or f"# {line.partition('# ')[2]}" in text, line
    assert text.index("# The two doors.") < text.index("  door:")
    assert text.index("# When they came") < text.index("  came_at:")


def test_comments_about_what_follows_outlive_what_goes() -> None:
    after = changed(read(TEXT), minutes=None)
    text = write_yaml(after, before=TEXT)
    assert read(text) == after
    assert text.index("# The two doors.") < text.index("  door:")
    assert "nobody stays shorter" not in text


def test_a_new_column_stands_above_the_comment_of_the_next() -> None:
    before = read(TEXT)
    columns = {**before.columns}
    last = columns.pop("door")
    after = msgspec.structs.replace(before, columns={**columns, "age": Column(type=ColumnType.INTEGER, nullable=True), "door": last})
    text = write_yaml(after, before=TEXT)
    assert read(text) == after
    assert text.index("  age:") < text.index("# The two doors.") < text.index("  door:")


HEAD = "dataset: visits\ncolumns:\n  visit: {type: text, nullable: false}\n"
TIME = "  came_at: {type: time, nullable: false}\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("# nothing\n", "it is empty"),
        ("- a\n", "no mapping"),
        ("a: b: c\n", "line 1: it is no YAML"),
        ("\t\n", "line 1: it is no YAML"),
        ("a: [1, 2\n", "no YAML"),
        ("a: \x00\n", "no YAML"),
        ("a: &x 1\nb: *x\n", "line 1: anchors"),
        ("a: 1\nb: *x\n", "line 2: anchors"),
        ("<<: {dataset: visits}\n", "unknown field `<<`"),
        ("dataset: !!python/object/apply:os.system [ls]\n", "line 1: the tag"),
        ("dataset: !!binary aGVsbG8=\n", "line 1: the tag"),
        ("dataset: visits\ndataset: visits\n", "line 2: 'dataset' stands here twice"),
        ("? [a]\n: 1\n", "a key is a text"),
        ("{" * 10_000, "a key is a text|no YAML"),
        ("a: " + "[" * 100_000, "nests deeper"),
        (HEAD + TIME + "--- \na: 1\n", "more than one document"),
        (HEAD, "no column 'came_at'"),
        (HEAD + "  came_at: {type: tim, nullable: false}\n", "line 4: columns.came_at.type: Invalid enum value 'tim'"),
        (HEAD + TIME + "  x:\n    type: text\n    nullable: maybe\n", "line 7: columns.x.nullable: Expected `bool`"),
        (HEAD + TIME + "  x:\n    type: text\n    nulable: true\n", "line 5: columns.x: Object contains unknown field `nulable`"),
        (HEAD + TIME + "checks:\n  - {kind: row, name: a, expression: 'x'}\n  - {kind: rwo, name: b}\n", "line 7: checks.1"),
        (HEAD + TIME + "  x: {type: number, nullable: true, maximum: 1e999}\n", "maximum"),
        (HEAD + "  came_at:\n", "line 4: columns.came_at: Expected `object`"),
        ("x: " + "y" * MAX_BYTES, "more than"),
    ],
)  # fmt: skip
def test_what_is_no_contract_is_refused_with_its_line(text: str, why: str) -> None:
    with pytest.raises(ContractFileError, match=why.replace("[", r"\[").replace("(", r"\(")):
        read(text)


def test_a_bomb_of_aliases_is_not_unfolded() -> None:
    text = "a: &a [x, x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20))
    with pytest.raises(ContractFileError, match="line 1: anchors"):
        read_document(text, path="x")


def test_plain_words_are_what_yaml_1_2_says() -> None:
    text = "a: [no, yes, on, ~, null, true, False, 012, 1_000, 0x1F, 1e3, .5, 1.5, -2, 2025-01-01, .inf, 'true']\n"
    values = ["no", "yes", "on", None, None, True, False, 12, "1_000", "0x1F", 1000.0, 0.5, 1.5, -2, "2025-01-01", ".inf", "true"]
    assert read_document(text, path="x").value == {"a": values}
