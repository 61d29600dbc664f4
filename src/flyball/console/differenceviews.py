"""What is other between two versions, as a table of columns, the notable ones first. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from flyball.console.datarecords import Change, ColumnChange
from flyball.console.dataviews import clipped, mark
from flyball.console.markup import NOTHING, Markup, element, text
from flyball.console.profileviews import LONGEST_VALUE, pair_words, shown
from flyball.console.words import NONE, figure, share

SHOWN = 100
_TITLES = ("Column", "Change", "Shift", "Missing", "Distinct", "Median", "Values")
_WORDS = {"added": "new column", "gone": "column gone", "changed": "another kind"}


def change_table(change: Change, *, named: str = "") -> Markup:
    """The columns that differ notably, and behind a fold the others; of either as many as fit a page."""
    columns = [column for column in change.columns if named.lower() in column.column.lower()]
    notable = [column for column in columns if column.notable]
    calm = [column for column in columns if not column.notable]
    none = element("p", text("No column is notably other."), class_="hint")
    rest = (
        element("details", element("summary", text(f"{len(calm):,} columns much as before")), _table(calm), class_="fold")
        if calm
        else NOTHING
    )
    return element("div", _table(notable) if notable else none, rest, class_="changes")


def _table(columns: Sequence[ColumnChange]) -> Markup:
    head = element("thead", element("tr", *(element("th", text(title), scope="col") for title in _TITLES)))
    left = len(columns) - SHOWN
    more = (
        element("p", text(f"{left:,} more columns are not shown: filter by name, or ask `flyball profile`."), class_="hint")
        if left > 0
        else NOTHING
    )
    table = element("table", head, element("tbody", *map(_row, columns[:SHOWN])), class_="listing differences")
    return element("div", table, more, class_="table-scroll", tabindex="0", role="group", aria_label="Differences by column")


def _row(column: ColumnChange) -> Markup:
    said = _WORDS.get(column.change, "moved" if column.notable else "same")
    median = column.quantiles.get("0.5")
    unit = " characters" if "String" in column.types else ""
    types = element("p", text(pair_words(column.types)), class_="hint") if column.change != "same" else NOTHING
    values = _values("new", column.new, many=column.n_new), _values("gone", column.gone, many=column.n_gone)
    return element(
        "tr", element("th", text(clipped(column.column, 120)), types, scope="row"),
        element("td", mark("warn" if column.notable else "quiet", said), data_title="Change"),
        element("td", text(figure(column.psi, 2)), data_title="Shift", title="population stability index; 0.1 and more is worth a look"),
        element("td", text(_shares(column.nulls)), data_title="Missing"),
        element("td", text(pair_words(column.distinct)), data_title="Distinct"),
        element("td", text(pair_words(median) + unit if median else NONE), data_title="Median"),
        element("td", *values, data_title="Values", class_="why"),
    )  # fmt: skip


def _shares(pair: tuple[float | None, float | None]) -> str:
    before, after = map(share, pair)
    return before if before == after else f"{before} → {after}"


def _values(word: str, values: Sequence[object], *, many: int) -> Markup:
    if not many:
        return NOTHING
    listed = ", ".join(clipped(shown(value), LONGEST_VALUE) for value in values[:5])
    more = f" and {many - len(values[:5]):,} more" if many > len(values[:5]) else ""
    return element("p", element("span", text(f"{word}: "), class_="hint"), text(listed + more))
