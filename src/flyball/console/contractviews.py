"""A contract with each promise, and what came of every check over the versions. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flyball.console.datarecords import Course, Promises, Result
from flyball.console.dataviews import clipped, mark, panel, version_address
from flyball.console.markup import NOTHING, Markup, element, joined, text
from flyball.console.profileviews import shown
from flyball.console.words import plural, share

SHOWN_CHECKS = 60
SHOWN_COLUMNS = 200
_WIDE, _HIGH = 140, 30
_CELL = 9
_PROMISES = (("minimum", "at least"), ("maximum", "at most"), ("pattern", "matches"), ("categories", "one of"))


def contract_panel(promises: Promises) -> Markup:
    """Every promise, and the file's text behind a fold; it is read here and written in the project."""
    contract = promises.contract
    if contract is None:
        said = element("p", text("It is inferred from the first rows that come; write it as a file with "))
        return panel("Contract", element("div", said, element("code", text("flyball contract infer DATASET --write")), class_="empty"))
    where = f"It stands in {promises.path}." if promises.path else "It stands in no file: the last one that judged counts."
    if promises.judged is not None and promises.judged != promises.digest:
        where += " It has not judged any version yet."
    folded = element("pre", text(promises.text), tabindex="0", aria_label="The contract's file") if promises.text else NOTHING
    file = element("details", element("summary", text("As a file")), folded, class_="fold") if promises.text else NOTHING
    return panel("Contract", _columns(contract), _checks(contract), file, note=where, css="contract")


def _columns(contract: Mapping[str, Any]) -> Markup:
    found = contract.get("columns")
    columns = found if isinstance(found, Mapping) else {}
    rows = [
        element(
            "tr", element("th", text(clipped(name, 120)), scope="row"), element("td", text(clipped(facts.get("type"))), data_title="Type"),
            element("td", _listed([text(said) for said in _promised(facts)]), data_title="Promises"),
        )
        for name, facts in list(columns.items())[:SHOWN_COLUMNS] if isinstance(facts, Mapping)
    ]  # fmt: skip
    left = len(columns) - SHOWN_COLUMNS
    more = element("p", text(f"{left:,} more columns stand in the file."), class_="hint") if left > 0 else NOTHING
    head = element("thead", element("tr", *(element("th", text(title), scope="col") for title in ("Column", "Type", "Promises"))))
    return joined(element("table", head, element("tbody", *rows), class_="listing promises"), more)


def _promised(facts: Mapping[str, Any]) -> Iterator[str]:
    given = facts.get("severities")
    severities = given if isinstance(given, Mapping) else {}

    def told(promise: str, usual: str) -> str:
        return f" ({severities.get(promise, usual)})"

    if not facts.get("nullable", True):
        yield "has a value" + told("nullable", "quarantine")
    if facts.get("unique"):
        yield "no value twice" + told("unique", "hold")
    for promise, words in _PROMISES:
        value = facts.get(promise)
        if value is not None:
            values = (
                ", ".join(clipped(each, 60) for each in value[:12]) + (", …" if len(value) > 12 else "")
                if isinstance(value, list)
                else None
            )
            yield f"{words} {values if values is not None else shown(value)}" + told(promise, str(facts.get("values", "warn")))


def _listed(said: Sequence[Markup]) -> Markup:
    return element("ul", *(element("li", each) for each in said), class_="reasons")


def _checks(contract: Mapping[str, Any]) -> Markup:
    found = contract.get("checks")
    checks = [check for check in found if isinstance(check, Mapping)] if isinstance(found, list) else []
    if not checks:
        return NOTHING
    rows = []
    for check in checks[:SHOWN_COLUMNS]:
        facts = [f"{key}: {clipped(value)}" for key, value in check.items() if key not in {"name", "kind", "severity"}]
        rows.append(element(
            "tr", element("th", text(clipped(check.get("name"), 120)), scope="row"),
            element("td", text(clipped(check.get("kind"))), data_title="Kind"),
            element("td", text(clipped(check.get("severity", "as usual"))), data_title="Severity"),
            element("td", _listed([element("code", text(fact)) for fact in facts]), data_title="Promise"),
        ))  # fmt: skip
    titles = ("Check", "Kind", "Severity", "Promise")
    head = element("thead", element("tr", *(element("th", text(title), scope="col") for title in titles)))
    return element("table", head, element("tbody", *rows), class_="listing checks")


def courses_panel(name: str, courses: Sequence[Course], *, shown_first: int = SHOWN_CHECKS, more: Markup = NOTHING) -> Markup:
    """What came of each check, the broken ones first: a square for each version, and the observed values as a line."""
    if not courses:
        return panel("Results", element("p", text("No version was judged yet."), class_="hint"))
    ordered = sorted(courses, key=lambda course: (course.results[-1].passed if course.results else True, -course.failures))
    titles = ("Check", "Severity", "Versions", "Observed")
    head = element("thead", element("tr", *(element("th", text(title), scope="col") for title in titles)))
    rows = [_course_row(name, course) for course in ordered[:shown_first]]
    table = element("table", head, element("tbody", *rows), class_="listing courses")
    note = "A square for each of the last versions, the newest at the right: filled where the check was broken."
    left = len(ordered) - shown_first
    told = element("p", text(f"{plural(left, 'check')} more, in the order of what broke."), class_="hint") if left > 0 else NOTHING
    return panel("Results over time", table, told, more, note=note)


def _course_row(name: str, course: Course) -> Markup:
    last = course.results[-1] if course.results else Result()
    return element(
        "tr", element("th", text(clipped(course.check, 120)), scope="row"),
        element("td", text(course.severity), data_title="Severity"),
        element("td", _squares(name, course), data_title="Versions"),
        element("td", sparkline(course), element("span", text(observed(last)), class_="observed"), data_title="Observed"),
    )  # fmt: skip


def _squares(name: str, course: Course) -> Markup:
    broke = [str(result.version) for result in course.results if not result.passed]
    said = f"broken in version {', '.join(broke)}" if broke else f"kept in all {plural(len(course.results), 'version')}"
    squares = []
    for place, result in enumerate(course.results):
        told = f"version {result.version}: {'skipped' if result.skipped else 'kept' if result.passed else f'broken, {observed(result)}'}"
        css = "skipped" if result.skipped else "kept" if result.passed else "broken"
        shape = element("rect", element("title", text(told)), x=place * _CELL, y="0", width=_CELL - 2, height="14", rx="1.5", class_=css)
        squares.append(shape if result.passed else element("a", shape, href=version_address(name, result.version), aria_label=told))
    wide = max(len(course.results) * _CELL, _CELL)
    return element("svg", *squares, viewBox=f"0 0 {wide} 14", width=wide, height="14", class_="squares", role="group", aria_label=said)


def sparkline(course: Course) -> Markup:
    """The observed values over the versions; nothing where there are fewer than two, or all are the same."""
    points = [(place, result.level) for place, result in enumerate(course.results)]
    levels = [level for _, level in points if level is not None]
    if len(levels) < 2 or min(levels) == max(levels):
        return NOTHING
    low, span, wide = min(levels), max(levels) - min(levels), (_WIDE - 6) / max(len(points) - 1, 1)
    places = [(3 + place * wide, _HIGH - 4 - (level - low) / span * (_HIGH - 8)) for place, level in points if level is not None]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    label = f"from {shown(levels[0])} to {shown(levels[-1])}, at least {shown(low)}, at most {shown(max(levels))}"
    end = element("circle", cx=f"{places[-1][0]:.1f}", cy=f"{places[-1][1]:.1f}", r="2.5")
    return element(
        "svg", element("polyline", points=line, fill="none"), end, viewBox=f"0 0 {_WIDE} {_HIGH}", width=_WIDE, height=_HIGH,
        class_="sparkline", role="img", aria_label=label,
    )  # fmt: skip


def observed(result: Result) -> str:
    """What was found, in words."""
    if result.skipped:
        return "skipped"
    if result.broken and result.checked:
        return f"{share(result.broken / result.checked)} of {plural(result.checked, 'row')}"
    return "nothing broken" if result.passed and not result.observed else shown(result.observed)


def broken_list(results: Sequence[Result]) -> Markup:
    """What a version broke: how much, and examples; those that hold it first."""
    broken = sorted((each for each in results if not each.passed), key=lambda each: ("hold", "quarantine", "warn").index(each.severity)
        if each.severity in {"hold", "quarantine", "warn"} else 3)  # fmt: skip
    kept = [each for each in results if each.passed]
    if not results:
        return element("p", text("No check is known of this version."), class_="hint")
    items = [_broken(result) for result in broken[:SHOWN_CHECKS]]
    left = len(broken) - SHOWN_CHECKS
    more = [element("li", text(f"and {left:,} more"), class_="hint")] if left > 0 else []
    listed = element("ul", *items, *more, class_="broken-list") if broken else element("p", text("Every check was kept."), class_="hint")
    names = ", ".join(each.check + (" (skipped)" if each.skipped else "") for each in kept[:500])
    fold = element(
        "details", element("summary", text(f"{plural(len(kept), 'check')} kept")), element("p", text(names), class_="hint"), class_="fold"
    )
    return joined(listed, fold if kept else NOTHING)


def _broken(result: Result) -> Markup:
    part = result.broken / result.checked if result.checked else 0.0
    bar = element("span", element("span", style=f"width:{min(part, 1) * 100:.2f}%"), class_="track bad", aria_hidden="true")
    examples = [element("li", element("code", text(clipped(example)))) for example in result.examples[:5]]
    expected = f"expected {clipped(result.expected)}" if result.expected else ""
    tone = "warn" if result.severity == "warn" else "bad"
    return element(
        "li", element("div", element("strong", text(clipped(result.check, 120))), mark(tone, result.severity),
            element("span", text(observed(result)), class_="figure"), class_="broken-head"),
        bar if result.broken else NOTHING,
        element("p", text(clipped(result.message or expected, 500))),
        element("p", text(expected), class_="hint") if result.message and expected else NOTHING,
        element("ul", *examples, class_="reasons", aria_label="Examples") if examples else NOTHING,
    )  # fmt: skip
