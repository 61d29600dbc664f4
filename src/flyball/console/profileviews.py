"""What the rows of a version are like, column by column: bars drawn as SVG, top values and figures. Pure.

Profiles of other versions of Flyball may lack any fact: what is not there, or not of its form, is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from flyball.console.dataviews import clipped
from flyball.console.markup import NOTHING, Markup, element, joined, text
from flyball.console.words import NONE, count, moment, plural, share

Facts = Mapping[str, Any]
WIDTH, HEIGHT = 240, 64
LONGEST_VALUE = 60
SHOWN_COLUMNS = 40
SHOWN_TOP = 5


def profile_cards(columns: Mapping[str, Facts]) -> Markup:
    """A card for each column."""
    if not columns:
        return element("p", text("Nothing is known of its columns."), class_="hint")
    return element("div", *(column_card(name, facts) for name, facts in columns.items()), class_="columns")


def column_card(name: str, facts: Facts) -> Markup:
    """One column: its figures, its distribution, its most frequent values and examples."""
    rows, nulls = _number(facts.get("rows")), _number(facts.get("nulls"))
    head = element(
        "div",
        element("h3", text(clipped(name, 120))),
        element("span", text(f"{facts.get('kind') or ''}"), class_="aside"),
        class_="card-head",
    )
    told = list(_figures(facts, rows, nulls=nulls))
    listed = element("dl", *(element("div", element("dt", text(key)), element("dd", text(value))) for key, value in told), class_="facts")
    examples = _examples(facts)
    return element(
        "article", head, _missing(rows, nulls), histogram(facts, name), top_values(facts, rows or 0), listed, examples,
        class_="panel column-card", data_column=name,
    )  # fmt: skip


def _figures(facts: Facts, rows: float | None, *, nulls: float | None) -> Iterator[tuple[str, str]]:
    about = facts.get("approximate")
    rough = about if isinstance(about, list) else []
    distinct = _number(facts.get("distinct"))
    if distinct is not None:
        yield "Distinct", ("about " if "distinct" in rough else "") + count(int(distinct))
    for key, title in (("minimum", "Smallest"), ("mean", "Mean"), ("maximum", "Greatest"), ("deviation", "Deviation")):
        if facts.get(key) is not None:
            yield title, shown(facts[key])
    found = facts.get("quantiles")
    quantiles = found if isinstance(found, Mapping) else {}
    for level, title in (("0.05", "5%"), ("0.5", "Median"), ("0.95", "95%")):
        if quantiles.get(level) is not None:
            yield title, ("about " if "quantiles" in rough else "") + shown(quantiles[level])
    lengths = facts.get("lengths")
    if isinstance(lengths, Mapping) and lengths.get("minimum") is not None:
        yield "Characters", f"{shown(lengths['minimum'])} {NONE} {shown(lengths.get('maximum'))}"
    if facts.get("nan"):
        yield "Not a number", count(int(_number(facts["nan"]) or 0))
    if rows is not None and nulls is not None and rows == nulls and rows:
        yield "Values", "none"


def _missing(rows: float | None, nulls: float | None) -> Markup:
    if not rows:
        return element("p", text("no rows"), class_="said")
    part = (nulls or 0) / rows
    said = "nothing missing" if not nulls else f"{share(part)} missing ({count(int(nulls))} of {count(int(rows))})"
    bar = element("span", element("span", style=f"width:{part * 100:.2f}%"), class_="track thin bad", aria_hidden="true")
    return element("div", bar, element("span", text(said), class_="said"), class_="bar-line")


def histogram(facts: Facts, name: str) -> Markup:
    """The rows between the smallest and the greatest value; of texts, by their lengths; nothing where it is not known."""
    lengths = facts.get("lengths")
    of_texts = isinstance(lengths, Mapping)
    found = (lengths if isinstance(lengths, Mapping) else facts).get("histogram")
    if not isinstance(found, Mapping):
        return NOTHING
    edges, bars = found.get("edges"), found.get("rows")
    if not (isinstance(edges, list) and isinstance(bars, list)) or len(edges) != len(bars) + 1 or not bars:
        return NOTHING
    levels = [max(_number(bar) or 0, 0) for bar in bars]
    highest, wide = max(levels) or 1, WIDTH / len(levels)
    drawn = [
        _bar(
            place * wide,
            wide,
            level=level / highest,
            told=f"{shown(edges[place])} {NONE} {shown(edges[place + 1])}: {plural(int(level), 'row')}",
        )
        for place, level in enumerate(levels)
    ]
    what = "length in characters" if of_texts else "distribution"
    label = f"{what} of {clipped(name, 80)}, from {shown(edges[0])} to {shown(edges[-1])}"
    svg = element(
        "svg", *drawn, viewBox=f"0 0 {WIDTH} {HEIGHT}", preserveAspectRatio="none", class_="bars", role="img", aria_label=label
    )  # fmt: skip
    ends = element("div", element("span", text(shown(edges[0]))), element("span", text(shown(edges[-1]))), class_="ends")
    titled = element("p", text("by length in characters"), class_="said") if of_texts else NOTHING
    return element("div", titled, svg, ends, class_="histogram")


def _bar(left: float, wide: float, *, level: float, told: str) -> Markup:
    high = max(level * (HEIGHT - 4), 1.5 if level else 0)
    shape = element("rect", x=f"{left + 0.75:.2f}", y=f"{HEIGHT - high:.2f}", width=f"{max(wide - 1.5, 0.5):.2f}", height=f"{high:.2f}")
    # The transparent one is what is pointed at: small bars are hard to meet.
    field = element(
        "rect", element("title", text(told)), x=f"{left:.2f}", y="0", width=f"{wide:.2f}", height=str(HEIGHT), class_="field-of"
    )
    return joined(shape, field)


def top_values(facts: Facts, rows: float) -> Markup:
    """The most frequent values with their share, where any comes more than once."""
    found = facts.get("top")
    pairs = [pair for pair in found if isinstance(pair, list) and len(pair) == 2] if isinstance(found, list) else []
    counted = [(value, _number(many) or 0) for value, many in pairs]
    if (
        not rows
        or (facts.get("kind") in {"time", "number"} and len(counted) > SHOWN_TOP)
        or max((many for _, many in counted), default=0) < 2
    ):
        return NOTHING
    lines = [
        element(
            "li", element("span", text(clipped(shown(value), LONGEST_VALUE)), class_="value"),
            element("span", element("span", style=f"width:{min(many / rows, 1) * 100:.2f}%"), class_="track", aria_hidden="true"),
            element("span", text(share(many / rows)), class_="figure", title=plural(int(many), "row")),
        )
        for value, many in counted[:SHOWN_TOP]
    ]  # fmt: skip
    return element("ul", *lines, class_="top", aria_label="Most frequent values")


def _examples(facts: Facts) -> Markup:
    found = facts.get("examples")
    if not isinstance(found, list) or not found:
        return NOTHING
    shown_values = [element("code", text(clipped(shown(value), LONGEST_VALUE))) for value in found[:5]]
    return element("p", element("span", text("For example ")), *shown_values, class_="examples")


def chosen_columns(columns: Mapping[str, Facts], *, named: str, first: int) -> tuple[Mapping[str, Facts], int]:
    """The columns whose name has `named` in it, from the place `first` on, as many as fit a page; and how many there are in all."""
    names = [name for name in columns if named.lower() in name.lower()]
    return {name: columns[name] for name in names[first : first + SHOWN_COLUMNS]}, len(names)


def shown(value: object) -> str:
    """A value of a profile as people read it.

    >>> shown("2025-01-01T09:00:00.000000+00:00"), shown(1200.0), shown(0.123456789), shown(True), shown("a")
    ('1 Jan 2025, 09:00', '1,200', '0.123457', 'true', 'a')
    """
    if isinstance(value, bool) or value is None:
        return clipped(value)
    if isinstance(value, int | float):
        return f"{value:,.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:,.6g}".replace("-", "\N{MINUS SIGN}")
    said = str(value)
    if len(said) > 18 and said[4:5] == said[7:8] == "-" and said[10:11] == "T":
        try:
            return moment(datetime.fromisoformat(said))
        except ValueError:
            return said
    return said


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def pair_words(pair: Sequence[object]) -> str:
    """A figure before and after."""
    before, after = (NONE if value is None else shown(value) for value in pair)
    return before if before == after else f"{before} → {after}"
