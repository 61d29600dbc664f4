"""Endpoints as markup: who answers, for which share, how fast, and what shadows would have said. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from flyball.console.dataviews import clipped, panel
from flyball.console.endpointrecords import Comparison, Endpoint, ServedVersion, ServerSeen
from flyball.console.facts import facts, model_link
from flyball.console.markup import NOTHING, Markup, element, joined, text
from flyball.console.words import NONE, count, figure, milliseconds, moment, share

ROLES = {"champion": "good", "canary": "work", "challenger": "work", "shadow": "quiet"}
LIST_COLUMNS = ("Endpoint", "Answers", "Rows", "Failed", "Median", "99 %")
COLUMNS = ("Version", "Role", "Share", "Rows", "Failed", "Median", "99 %", "Last answer")


def endpoint_address(name: str) -> str:
    """Where the endpoint's page stands."""
    return f"/endpoints/{quote(name, safe='')}"


def listing(endpoints: Sequence[Endpoint]) -> Markup:
    """The table, or what to do where nothing was released yet."""
    if not endpoints:
        how = element("p", text("A model answers once a version of it has passed its gates and was released."))
        return element("section", element("div", element("strong", text("Nothing answers yet")), how, class_="empty tall"), class_="panel")
    rows = [_listed(endpoint) for endpoint in endpoints]
    table = element("table", _head(LIST_COLUMNS), element("tbody", *rows), class_="listing endpoints")
    return element("section", element("div", table, class_="table-scroll"), class_="panel")


def _head(columns: Sequence[str]) -> Markup:
    return element("thead", element("tr", *(element("th", text(name), scope="col") for name in columns)))


def _listed(endpoint: Endpoint) -> Markup:
    name = element("a", text(endpoint.name), href=endpoint_address(endpoint.name), class_="link")
    answering = [found for found in endpoint.versions if found.role in ("champion", "canary", "challenger")]
    marks = [element("li", role_mark(found), text(f" v{found.version}")) for found in answering]
    latency = next((found.traffic.latency_ms for found in answering if found.role == "champion" and found.traffic), None)
    return element(
        "tr", element("th", name, scope="row"), element("td", element("ul", *marks), data_title="Answers", class_="why"),
        element("td", text(count(endpoint.rows)), data_title="Rows", class_="figure"),
        element("td", text(count(endpoint.errors)), data_title="Failed", class_="figure"),
        element("td", text(milliseconds(latency.p50 if latency else None)), data_title="Median", class_="figure"),
        element("td", text(milliseconds(latency.p99 if latency else None)), data_title="99 %", class_="figure"),
    )  # fmt: skip


def role_mark(found: ServedVersion) -> Markup:
    """A version's role in its colour, or that it only stands ready."""
    said = found.role or ("ready" if found.held else found.state)
    return element("span", text(said), class_=f"mark {ROLES.get(found.role or '', 'quiet')}")


def endpoint_facts(endpoint: Endpoint, *, per_second: float | None) -> Markup:
    """What the endpoint is and how it does now."""
    rows = [
        ("Model", model_link(endpoint.model)),
        ("Champion", text(NONE if endpoint.champion is None else f"version {endpoint.champion}")),
        ("Rows are shared", text(policy_words(endpoint))),
        ("A key stays with", text(", ".join(endpoint.sticky) or NONE)),
        ("Answered", text(f"{endpoint.rows:,} rows since {_moment(endpoint.since)}")),
        ("Now", text("…" if per_second is None else f"{per_second:,.1f} rows/s")),
    ]
    return element("section", facts(rows), class_="panel", aria_label="Endpoint")


def _moment(time: datetime | None) -> str:
    return NONE if time is None else moment(time)


def policy_words(endpoint: Endpoint) -> str:
    """How rows are shared, in words.

    >>> policy_words(Endpoint(name="late", model="late", champion=1, canary=2, share=0.05))
    'the canary takes 5%, the champion the rest'
    >>> policy_words(Endpoint(name="late", model="late", champion=1))
    'the champion answers all'
    """
    kind = (endpoint.policy or {}).get("policy")
    rest = "the champion answers all" if endpoint.canary is None else f"the canary takes {share(endpoint.share)}, the champion the rest"
    match kind:
        case None:
            return rest
        case "weights":
            said = "by weights"
        case "bandit":
            said = "by what each version earns"
        case "segments":
            said = f"by the value of {endpoint.policy.get('column')}" if endpoint.policy else "by a column"
        case _:
            said = f"by {kind}"
    return said if endpoint.canary is None else f"{said}; the canary takes {share(endpoint.share)} first"


def version_table(endpoint: Endpoint) -> Markup:
    """Who answers, and how."""
    table = element("table", _head(COLUMNS), element("tbody", *map(_version_row, endpoint.versions)), class_="listing served")
    return panel("Versions", element("div", table, class_="table-scroll"))


def _version_row(found: ServedVersion) -> Markup:
    traffic = found.traffic
    latency = traffic.latency_ms if traffic else None
    cells = [
        ("Role", role_mark(found)), ("Share", text("by value" if found.share is None and found.role else share(found.share))),
        ("Rows", text(count(traffic.rows if traffic else 0))), ("Failed", text(count(traffic.errors if traffic else 0))),
        ("Median", text(milliseconds(latency.p50 if latency else None))), ("99 %", text(milliseconds(latency.p99 if latency else None))),
        ("Last answer", text(_moment(traffic.last if traffic else None))),
    ]  # fmt: skip
    return element(
        "tr", element("th", text(f"v{found.version}"), scope="row"), *(element("td", said, data_title=name) for name, said in cells)
    )  # fmt: skip


def comparison_panel(found: Sequence[Comparison]) -> Markup:
    """What shadows said of the rows that others answered; nothing where none watches."""
    if not found:
        return NOTHING
    titles = ("Shadow", "Rows", "Failed", "Says the same", "Mean difference", "Largest difference", "Median")
    rows = [
        element(
            "tr", element("th", text(f"v{each.version}"), scope="row"), element("td", text(count(each.rows)), data_title="Rows"),
            element("td", text(count(each.errors)), data_title="Failed"),
            element("td", text(share(each.agreement)), data_title="Says the same"),
            element("td", text(figure(each.mean_difference)), data_title="Mean difference"),
            element("td", text(figure(each.largest_difference)), data_title="Largest difference"),
            element("td", text(milliseconds(None if each.seconds_p50 is None else each.seconds_p50 * 1000)), data_title="Median"),
        )
        for each in found
    ]  # fmt: skip
    table = element("table", _head(titles), element("tbody", *rows), class_="listing beside")
    note = "Of rows that both made a prediction of: its score minus the one that was answered."
    return panel("Shadows beside the answers", element("div", table, class_="table-scroll"), note=note)


def server_panel(servers: Sequence[ServerSeen], *, revision: int) -> Markup:
    """Which model servers follow, and whether they act on the newest plan."""
    if not servers:
        return panel("Model servers", element("p", text("No model server was heard of lately."), class_="hint"))
    lines = []
    for server in servers:
        tone, said = ("bad", f"refuses it: {server.refusal}") if server.refusal else ("good", "follows")
        lines.append(element("li", element("span", text(server.name), class_=f"mark {tone}"), text(f" {said}")))
    return panel("Model servers", element("ul", *lines, class_="reasons"), note=f"The endpoint's revision is {revision}.")


def answer_panel(told: Mapping[str, Any]) -> Markup:
    """What a model server answered to the row that was tried."""
    predictions = told.get("predictions")
    found = predictions[0] if isinstance(predictions, list) and predictions and isinstance(predictions[0], dict) else {}
    rows = [(name, text(clipped(found[key]))) for name, key in _ANSWER.items() if key in found]
    warnings = [element("li", text(clipped(said))) for said in found.get("warnings", ())]
    more = element("ul", *warnings, class_="reasons spaced") if warnings else NOTHING
    trace = element("p", text("Where it came from: "), element("code", text(f"flyball trace {found.get('id', '')}")), class_="hint")
    return joined(facts(rows), more, trace)


_ANSWER = {"Prediction": "prediction", "Score": "score", "Version": "version", "Route": "route", "Id": "id"}
