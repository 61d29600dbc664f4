"""Quarantined rows as CSV: every cell comes back as it was, and none of them is a formula."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.data.quarantine.errors import QuarantineFileError
from flyball.data.quarantine.exporting import HEAD, changes, defused, read_csv, write_csv

CELL = st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12) | st.integers() | st.booleans()
STARTS = st.sampled_from(["=", "+", "-", "@", "\t", "\r", "'", "''=", "=1", "-1", "+5", "-a", "'x"])
TEXT = st.builds(lambda start, rest: start + rest, STARTS, st.text("ab=1+-'\" ,\n", max_size=6))


def row(cells: dict[str, Any], number: int = 1, *, repaired: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "id": f"1-{number}-abc", "version": 1, "file": "a.csv", "row": number, "state": "waiting", "reasons": ["=x is no number: =1+1"],
        "cells": cells, "repaired": repaired,
    }  # fmt: skip


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "id", "row", "=c", "'=d", "+1"]), CELL | TEXT, max_size=4), max_size=4))
def test_what_is_exported_is_read_back_unchanged(cells: list[dict[str, Any]]) -> None:
    rows = [row(found, number) for number, found in enumerate(cells)]
    text = "".join(write_csv(rows))
    edited = read_csv(text, path="x.csv")
    assert set(edited) == {found["id"] for found in rows}
    assert changes(rows, edited) == {}


@given(TEXT | st.text(max_size=10))
def test_no_cell_is_a_formula(text: str) -> None:
    shown = defused(text)
    assert shown in {text, f"'{text}"}
    if shown[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        float(shown)  # a plain number


@given(TEXT)
def test_no_head_and_no_reason_is_a_formula(name: str) -> None:
    for line in csv.reader(io.StringIO("".join(write_csv([row({name: "=1"})])), newline="")):
        for cell in line:
            assert cell[:1] not in {"=", "@", "\t", "\r"}


def test_changed_cells_are_told_and_an_empty_one_is_none() -> None:
    rows = [row({"a": "1", "b": "x", "id": "k"}, repaired={"a": "2", "b": "x", "id": "k"})]
    text = "".join(write_csv(rows)).replace(",2,x,k", ",2,,K")
    assert changes(rows, read_csv(text, path="x.csv")) == {"1-1-abc": {"b": None, "id": "K"}}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no column 'id'"),
        ("visit,a\n1,2\n", "no column 'id'"),
        ("id,a,a\n1,2,3\n", "a column twice"),
        ("id,a\n1\n", "line 2 has 1 cells"),
        ("id,a\n1,2,3\n", "line 2 has 3 cells"),
        ("id,a\n1,2\n1,3\n", "row 1 stands there twice"),
        ('id,a\n1,"2\n', "line"),
        ('id,a\n1,"2"x\n', "line 2"),
    ],
)
def test_another_file_is_refused(text: str, why: str) -> None:
    with pytest.raises(QuarantineFileError, match=why):
        read_csv(text, path="x.csv")


def test_a_huge_cell_is_refused() -> None:
    with pytest.raises(QuarantineFileError, match="field larger"):
        read_csv(f"id,a\n1,{'x' * 200_000}\n", path="x.csv")


def test_the_head_is_the_same_without_rows() -> None:
    assert next(iter(write_csv([]))).strip() == ",".join(HEAD)
