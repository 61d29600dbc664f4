"""Small tables of what was logged: names with their values, as markup. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from flyball.console.markup import NOTHING, Markup, element, joined, text
from flyball.console.records import Head, Pair, Run, plain, time_of
from flyball.console.runsview import took
from flyball.console.words import moment

LONGEST = 2000


def run_link(run: str, title: str | None = None) -> Markup:
    """A link to the run's page."""
    return element("a", text(title or run), href=f"/runs/{quote(run, safe='')}", class_="link")


def experiment_link(experiment: str, title: str) -> Markup:
    """A link to the experiment's runs."""
    return element("a", text(title), href=f"/runs?experiment={quote(experiment, safe='')}", class_="link")


def model_link(name: str) -> Markup:
    """A link to the registered model's page."""
    return element("a", text(name), href=f"/registry/{quote(name, safe='')}", class_="link")


def facts(rows: Sequence[tuple[str, Markup]]) -> Markup:
    """Names with what they stand for."""
    return element(
        "dl", *(element("div", element("dt", text(name)), element("dd", said)) for name, said in rows), class_="facts spread"
    )  # fmt: skip


def value_table(title: str, values: Mapping[str, str], *, css: str = "") -> Markup:
    """A panel of names and texts, or nothing where there are none."""
    if not values:
        return NOTHING
    rows = [element("tr", element("th", text(name), scope="row"), element("td", text(shortened(value)))) for name, value in values.items()]
    head = element("h2", text(title), element("span", text(f"{len(values):,}"), class_="aside"))
    return element("section", head, element("table", element("tbody", *rows), class_=f"values {css}"), class_="panel")


def shortened(value: str) -> str:
    """The beginning of what is too long for a page, and how long it is."""
    return value if len(value) <= LONGEST else f"{value[:LONGEST]}… ({len(value):,} characters)"


def metric_table(run: Run) -> Markup:
    """The latest value of every metric with its step, or nothing where there are none."""
    latest = sorted(run.data.metrics, key=lambda each: each.key)
    if not latest:
        return NOTHING
    rows = [
        element(
            "tr", element("th", text(each.key), scope="row"), element("td", text(plain(each.number)), class_="figure"),
            element("td", text(f"step {each.step:,}"), class_="hint"),
        )
        for each in latest
    ]  # fmt: skip
    head = element("h2", text("Metrics"), element("span", text(f"{len(latest):,}"), class_="aside"))
    return element("section", head, element("table", element("tbody", *rows), class_="values"), class_="panel metrics")


def status_mark(head: Head) -> Markup:
    """The run's status, in its colour."""
    said = head.status.capitalize() if head.lifecycle_stage == "active" else "Deleted"
    return element("span", text(said), class_=f"run-status {said.lower()}")


def head_facts(run: Run, *, experiment: str) -> Markup:
    """Where and when it ran, and for whom."""
    head = run.info
    rows = [
        ("Status", status_mark(head)),
        ("Experiment", experiment_link(head.experiment_id, experiment)),
        ("Started", text(moment(time_of(head.start_time)))),
        ("Took", text(took(head.start_time, head.end_time) or "not ended")),
        ("By", text(head.user_id or "nobody said")),
        ("Id", element("code", text(head.run_id))),
    ]
    return facts(rows)


def data_table(run: Run) -> Markup:
    """The datasets that it has read, and the logged models that it has read and made; nothing where there are none."""
    told = [
        ("Dataset", joined(element("strong", text(each.dataset.name)), text(f" {each.dataset.digest}"), *_context(each.tags)))
        for each in run.inputs.dataset_inputs
    ]
    told += [("Read model", element("code", text(each.model_id))) for each in run.inputs.model_inputs]
    told += [("Made model", element("code", text(each.model_id))) for each in run.outputs.model_outputs]
    if not told:
        return NOTHING
    rows = [element("tr", element("th", text(name), scope="row"), element("td", said)) for name, said in told]
    title = element("h2", text("Datasets and models"))
    return element("section", title, element("table", element("tbody", *rows), class_="values"), class_="panel data")


def _context(tags: Sequence[Pair]) -> list[Markup]:
    return [element("span", text(f" {tag.value}"), class_="hint") for tag in tags]
