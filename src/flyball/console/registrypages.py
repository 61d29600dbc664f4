"""Registered models: all of them by name, and one with its versions."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from nicegui import ui

from flyball.client.tracking import Query
from flyball.console.facts import facts, model_link, run_link, shortened, value_table
from flyball.console.frame import Frame, heading, waiting
from flyball.console.markup import NOTHING, Markup, element, joined, text
from flyball.console.records import Evidence, Pair, Registered, Version, plain, time_of
from flyball.console.words import moment
from flyball.core.errors import FlyballError

PAGE = 100
_OWN_TAGS = {"flyball.state": "State", "flyball.digest": "Digest", "flyball.signed-by": "Signed by key"}
"""What the registry says of every version, in its tags."""
_WAY = element("nav", element("a", text("Models"), href="/registry"), class_="way", aria_label="Where it is")


class ModelsPage:
    """One visitor's list; `asked` is a filter in MLflow's grammar, and `token` asks for a later page."""

    def __init__(self, frame: Frame, *, asked: str, token: str) -> None:
        self._frame, self._filter, self._token = frame, asked, token

    def build(self) -> None:
        """Lay the page out, empty."""
        with self._frame.page("models-page"):
            ui.html(heading("Models", text("What was registered under a name, with its latest versions.")), sanitize=False)
            ui.html(_form(self._filter), sanitize=False)
            self._list = ui.html(waiting(), sanitize=False)

    async def start(self) -> None:
        """Once the browser is there: fill the page."""
        await self._frame.start()
        query = Query(self._filter, max_results=PAGE, token=self._token or None)
        try:
            models, token = await self._frame.ask(lambda: self._frame.archive.search_models(query))
        except FlyballError as error:
            self._list.content = element("section", self._frame.trouble(error), class_="panel")
            return
        self._list.content = self._table(models, token)

    def _table(self, models: Sequence[Registered], token: str | None) -> Markup:
        if not models:
            said = "No model has such a name or tag." if self._filter else "No model was registered yet. MLflow's client registers one."
            return element("section", element("div", element("strong", text("No models")), element("p", text(said)), class_="empty tall"),
                class_="panel")  # fmt: skip
        names = ("Model", "Latest", "Aliases", "Changed")
        head = element("thead", element("tr", *(element("th", text(name), scope="col") for name in names)))
        table = element("table", head, element("tbody", *map(_model_row, models)), class_="listing")
        where = urlencode({**({"filter": self._filter} if self._filter else {}), "page": token or ""})
        more = element("p", element("a", text("More models"), href=f"/registry?{where}", class_="button plain")) if token else NOTHING
        return element("section", table, more, class_="panel")


def _form(filter_: str) -> Markup:
    field = element(
        "input", type="search", name="filter", value=filter_, placeholder="name ILIKE '%churn%' and tags.team = 'ads'",
        aria_label="Filter", spellcheck="false", autocomplete="off", class_="field",
    )  # fmt: skip
    return element(
        "form", field, element("button", text("Filter"), type="submit", class_="button main"), class_="filter-form", action="/registry"
    )


def _model_row(model: Registered) -> Markup:
    latest = max((int(version.version) for version in model.latest_versions), default=0)
    aliases = [element("span", text(f"{each.alias} v{each.version}"), class_="alias") for each in model.aliases]
    described = element("p", text(shortened(model.description)), class_="hint clamp") if model.description else NOTHING
    return element(
        "tr", element("th", model_link(model.name), described, scope="row"),
        element("td", text(f"v{latest}") if latest else text("no version"), data_title="Latest"),
        element("td", *aliases, data_title="Aliases"), element("td", text(_when(model.last_updated_timestamp)), data_title="Changed"),
    )  # fmt: skip


def _when(milliseconds: int) -> str:
    return moment(time_of(milliseconds)) if milliseconds else "\N{EN DASH}"


class ModelPage:
    """One visitor's page of the registered model of that name."""

    def __init__(self, frame: Frame, name: str) -> None:
        self._frame, self._name = frame, name

    def build(self) -> None:
        """Lay the page out, empty."""
        with self._frame.page("model-page"):
            self._place = ui.html(joined(heading(self._name, text("…"), above=_WAY), waiting()), sanitize=False)

    async def start(self) -> None:
        """Once the browser is there: fill the page."""
        await self._frame.start()
        ui.page_title(f"{self._name} · Flyball")
        archive = self._frame.archive
        try:
            model = await self._frame.ask(lambda: archive.get_model(self._name))
            versions = await self._frame.ask(lambda: archive.list_versions(self._name))
            evidence = {each.version: each for each in await self._frame.ask(lambda: archive.list_evidence(self._name))}
        except FlyballError as error:
            said = heading(self._name, text("This model cannot be shown."), above=_WAY)
            self._place.content = joined(said, element("section", self._frame.trouble(error), class_="panel"))
            return
        cards = [_version_card(version, evidence.get(int(version.version))) for version in versions]
        none = element("p", text("It has no version yet."), class_="hint")
        self._place.content = joined(
            heading(model.name, text(model.description), above=_WAY), _model_facts(model), *(cards or [none]),
        )  # fmt: skip


def _model_facts(model: Registered) -> Markup:
    aliases = [
        element("a", text(f"{each.alias} v{each.version}"), href=f"#v{each.version}", class_="alias") for each in model.aliases
    ]  # fmt: skip
    rows = [("Registered", text(_when(model.creation_timestamp))), ("Changed", text(_when(model.last_updated_timestamp)))]
    rows += [("Aliases", joined(*aliases))] if aliases else []
    panel = element("section", facts(rows), class_="panel")
    return joined(panel, value_table("Tags", _mapping(model.tags), css="tags"))


def _mapping(tags: Sequence[Pair]) -> dict[str, str]:
    return {pair.key: pair.value for pair in sorted(tags, key=lambda each: each.key)}


def _version_card(version: Version, evidence: Evidence | None) -> Markup:
    aliases = [element("span", text(alias), class_="alias") for alias in version.aliases]
    stage = [element("span", text(version.current_stage), class_="stage")] if version.current_stage not in {"", "None"} else []
    head = element("div", element("h2", text(f"Version {version.version}")), *aliases, *stage, class_="version-head")
    rows = [("Registered", text(_when(version.creation_timestamp)))]
    rows += [("By", text(version.user_id))] if version.user_id else []
    rows += [("Run", run_link(version.run_id))] if version.run_id else []
    rows += [("Logged model", element("code", text(version.model_id)))] if version.model_id else []
    rows += [("Source", element("code", text(version.source)))] if version.source else []
    tags = _mapping(version.tags)
    rows += [(title, element("code", text(tags.pop(name)))) for name, title in _OWN_TAGS.items() if name in tags]
    rows += [(name, text(shortened(value))) for name, value in tags.items()]
    rows += _proof(evidence) if evidence else []
    described = element("p", text(shortened(version.description)), class_="panel-note") if version.description else NOTHING
    verify = element("code", text(f"flyball verify models:/{version.name}/{version.version}"))
    return element(
        "section", head, described, facts(rows),
        element("p", text("Check digest, signature and origin with "), verify, class_="hint"),
        class_="panel version", id=f"v{version.version}",
    )  # fmt: skip


def _proof(evidence: Evidence) -> list[tuple[str, Markup]]:
    """What is known of a version that a loop has made."""
    rows = [("Role", text(evidence.role))] if evidence.role else []
    if evidence.metric_value is not None:
        found = evidence.metric_interval
        interval = f" [{plain(found.low)}, {plain(found.high)}]" if found and found.low is not None and found.high is not None else ""
        rows.append((evidence.metric or "Metric", text(plain(evidence.metric_value) + interval)))
    rows += [("Data", text(f"{name} v{number}")) for name, number in evidence.data_versions.items()]
    return [*rows, *([("Code", text(evidence.code_version))] if evidence.code_version else [])]
