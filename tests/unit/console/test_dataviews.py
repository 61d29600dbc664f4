"""Markup of the pages about datasets: whatever a name, a cell or a profile holds is text, and nothing odd breaks a page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from flyball.console.asideviews import aside_table, readmitted_words
from flyball.console.contractviews import broken_list, contract_panel, courses_panel, sparkline
from flyball.console.datarecords import (
    AsideLeft,
    AsideRow,
    Change,
    ColumnChange,
    Course,
    DataVersion,
    Freshness,
    Holding,
    Promises,
    Readmission,
    Result,
)
from flyball.console.datasetpage import Asked
from flyball.console.datasetspage import Choice, listing
from flyball.console.dataviews import dataset_address, held_notice, version_table
from flyball.console.differenceviews import change_table
from flyball.console.profileviews import SHOWN_COLUMNS, chosen_columns, column_card, histogram
from flyball.console.words import NONE

HARM = '"><img src=x onerror=alert(1)>'
AT = datetime(2025, 1, 1, tzinfo=UTC)


def holding(name: str, **facts: Any) -> Holding:
    return Holding(name=name, **facts)


def test_no_word_from_outside_is_markup() -> None:
    row = AsideRow(id=HARM, version=1, file=HARM, reasons=(HARM,), cells={HARM: HARM}, repaired={HARM: "x"}, why=HARM, actor=HARM, at=AT)
    result = Result(check=HARM, severity=HARM, passed=False, expected=HARM, message=HARM, examples=(HARM,), observed=HARM, version=1)
    facts: Any = {"kind": HARM, "rows": 2, "nulls": 0, "top": [[HARM, 2]], "examples": [HARM], "minimum": HARM, "quantiles": {"0.5": HARM}}
    promises = Promises(
        contract={"columns": {HARM: {"type": HARM, "pattern": HARM}}, "checks": [{"name": HARM, "expression": HARM}]}, text=HARM, path=HARM
    )
    change = Change(columns=(ColumnChange(column=HARM, types=(HARM, HARM), new=(HARM,), n_new=1, notable=True),))
    told = [
        aside_table(HARM, [row], may_take=True), broken_list([result]), column_card(HARM, facts), contract_panel(promises),
        courses_panel(HARM, [Course(check=HARM, severity=HARM, results=(result,))]), change_table(change),
        listing([holding(HARM, source=HARM, health=HARM, reasons=(HARM,))], Choice(HARM[2:5])),
        version_table(HARM, [DataVersion(number=1, state=HARM, source=HARM, cause=HARM, failed=(HARM,))], further=3),
    ]  # fmt: skip
    for markup in told:
        assert "<img" not in markup
        assert "&lt;img" in markup


@pytest.mark.parametrize(
    "facts",
    [
        {}, {"rows": None}, {"rows": 0, "nulls": 0}, {"rows": 3, "nulls": 3},
        {"rows": 1, "nulls": 0, "top": "x", "examples": 5, "quantiles": []},
        {"rows": 2, "histogram": {"edges": [1], "rows": [2]}}, {"rows": 2, "histogram": {"edges": [1, None], "rows": [None]}},
        {"rows": 2, "lengths": {"minimum": None}, "approximate": None}, {"rows": 2, "top": [[None, 2], [True, None], ["x"]]},
    ],
    ids=str,
)  # fmt: skip
def test_a_profile_of_any_form_is_a_card(facts: Any) -> None:
    assert column_card("a", facts).startswith("<article")


def test_bars_say_their_edges_and_rows() -> None:
    drawn = histogram({"histogram": {"edges": [0.0, 1.0, 2.0], "rows": [3, 1]}}, "a")
    assert f"0 {NONE} 1: 3 rows" in drawn
    assert 'aria-label="distribution of a, from 0 to 2"' in drawn
    assert histogram({}, "a") == ""


def test_as_many_columns_stand_on_a_page_as_fit() -> None:
    columns: Any = {f"c{number}": {} for number in range(1000)}
    shown, many = chosen_columns(columns, named="C", first=SHOWN_COLUMNS)
    assert (len(shown), many, next(iter(shown))) == (SHOWN_COLUMNS, 1000, f"c{SHOWN_COLUMNS}")
    assert chosen_columns(columns, named="c999", first=0)[1] == 1


def test_datasets_are_chosen_and_ordered() -> None:
    fresh = [
        holding("b", rows=1, health="ok", freshness=Freshness(5.0, 1.0)),
        holding("a", rows=9, health="held", source="s3://x"),
        holding("c", health="ok"),
    ]

    def named(choice: Choice) -> list[str]:
        return [each.name for each in choice.shown(fresh)]

    assert named(Choice()) == ["a", "b", "c"]
    assert named(Choice(sort="rows:desc")) == ["a", "b", "c"]
    assert named(Choice(sort="rows:asc")) == ["c", "b", "a"]
    assert named(Choice(sort="event:asc")) == ["b", "a", "c"]
    assert named(Choice(sort="health:asc"))[0] == "a"
    assert named(Choice(filter="S3")) == ["a"]
    assert named(Choice(health="ok")) == ["b", "c"]
    assert "flyball ingest" in listing([], Choice())


def test_an_address_means_what_it_can() -> None:
    assert Asked.of({"tab": "x", "version": "-1", "old": "9" * 20, "state": "y", "first": "a"}) == Asked()
    assert Asked.of({"tab": "compare", "old": "1", "new": "2"}) == Asked("compare", old=1, new=2)
    assert dataset_address("a/b c", tab=None, version=2) == "/datasets/a%2Fb%20c?version=2"


def test_checks_that_never_moved_have_no_line() -> None:
    results = [Result(observed=level, version=place) for place, level in enumerate((0.0, 0.0))]
    assert sparkline(Course(check="a", results=tuple(results))) == ""
    moved = Course(check="a", results=(*results, Result(observed=0.5), Result(observed="x"), Result(observed=1.0, skipped=True)))
    assert "from 0 to 0.5" in sparkline(moved)


def test_many_held_versions_are_counted() -> None:
    assert held_notice(holding("a")) == ""
    assert "12 versions wait" in held_notice(holding("a", held=tuple(range(1, 13))))
    assert "and 7 more" in held_notice(holding("a", held=tuple(range(1, 13))))


def test_what_came_of_a_readmission_is_a_sentence() -> None:
    found = Readmission(
        version=DataVersion(number=4, state="accepted"), readmitted=1, duplicates=2, left=(AsideLeft(id="1", reasons=("no number",)),)
    )
    assert readmitted_words(found, "a") == (
        "1 row taken into version 4. 2 rows stood there already. 1 row left: no number. Repair with: flyball quarantine export a"
    )
