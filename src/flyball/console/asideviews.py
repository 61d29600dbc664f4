"""Rows that were set aside: why, their cells as they came, and what was decided of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flyball.console.datarecords import Aside, AsideRow, Readmission
from flyball.console.dataviews import clipped, dataset_address, mark, version_link
from flyball.console.markup import NOTHING, Markup, element, joined, text
from flyball.console.words import moment, plural

SHOWN_CELLS = 40
LONGEST = 120
TAKEABLE = frozenset({"waiting", "repaired"})


def aside_table(name: str, rows: Sequence[AsideRow], *, may_take: bool) -> Markup:
    """The rows of a page, each with a button that takes it in, for who may."""
    titles = ("Row", "Why", "Cells as they came", "State")
    head = element("thead", element("tr", *(element("th", text(title), scope="col") for title in titles)))
    body = element("tbody", *(_row(name, row, may_take=may_take) for row in rows))
    return element("table", head, body, class_="listing aside-rows")


def _row(name: str, row: AsideRow, *, may_take: bool) -> Markup:
    place = f"{row.file} row {row.row:,}" if row.file else f"row {row.row:,}"
    take = element(
        "button", text("Re-admit"), type="button", class_="button plain", data_act="readmit", data_id=row.id, aria_label=f"Re-admit {place}"
    )  # fmt: skip
    return element(
        "tr", element("th", text(clipped(place)), element("p", text("of "), version_link(name, row.version), class_="hint"), scope="row"),
        element("td", element("ul", *(element("li", text(clipped(reason))) for reason in row.reasons), class_="reasons"), data_title="Why"),
        element("td", _cells(row.cells, changed=row.repaired), data_title="Cells", class_="cells-of"),
        element("td", mark(row.state), _decided(name, row), take if may_take and row.state in TAKEABLE else NOTHING, data_title="State"),
    )  # fmt: skip


def _cells(cells: Mapping[str, Any], *, changed: Mapping[str, Any] | None) -> Markup:
    """Each cell under its column; one that was repaired stands beside what came."""
    told = []
    for column, value in list(cells.items())[:SHOWN_CELLS]:
        other = changed is not None and column in changed and changed[column] != value
        came = element("s" if other else "code", text(clipped(value, LONGEST)))
        now = element("code", text(clipped(changed[column], LONGEST)), class_="repaired") if other and changed is not None else NOTHING
        told.append(element("div", element("dt", text(clipped(column, 60))), element("dd", came, now)))
    left = len(cells) - SHOWN_CELLS
    more = element("p", text(f"{left:,} more cells"), class_="hint") if left > 0 else NOTHING
    return joined(element("dl", *told, class_="cells"), more)


def _decided(name: str, row: AsideRow) -> Markup:
    into = element("p", text("in "), version_link(name, row.readmitted), class_="hint") if row.readmitted else NOTHING
    who = " ".join(part for part in (f"by {row.actor}" if row.actor else "", moment(row.at) if row.at else "") if part)
    said = element("p", text(who), class_="hint") if who else NOTHING
    return joined(into, said, element("p", text(f"“{clipped(row.why)}”"), class_="hint") if row.why else NOTHING)


def aside_summary(name: str, number: int, *, aside: Aside) -> Markup:
    """How many rows a version set aside, why, and the first of them."""
    if not aside.rows:
        return element("p", text("It set no row aside."), class_="hint")
    reasons = [
        element("li", element("span", text(clipped(reason)), class_="value"),
            element("span", element("span", style=f"width:{min(many / aside.rows, 1) * 100:.2f}%"), class_="track bad", aria_hidden="true"),
            element("span", text(f"{many:,}"), class_="figure"))
        for reason, many in aside.reasons[:20]
    ]  # fmt: skip
    rest = element("a", text(f"All {plural(aside.rows, 'row')}"), class_="button plain",
        href=dataset_address(name, tab="quarantine", version=number))  # fmt: skip
    table = aside_table(name, aside.examples, may_take=False) if aside.examples else NOTHING
    return joined(element("ul", *reasons, class_="top", aria_label="Why rows were set aside"), table, element("p", rest, class_="onward"))


def readmitted_words(found: Readmission, name: str) -> str:
    """What came of it, in a sentence or two."""
    said = f"{plural(found.readmitted, 'row')} taken" + (f" into version {found.version.number}." if found.version else ".")
    if found.duplicates:
        said += f" {plural(found.duplicates, 'row')} stood there already."
    if found.left:
        why = "; ".join(dict.fromkeys(clipped(reason, LONGEST) for row in found.left for reason in row.reasons[:1]))[:300]
        said += f" {plural(len(found.left), 'row')} left: {why}. Repair with: flyball quarantine export {name}"
    return said
