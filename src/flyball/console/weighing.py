"""The shares of an endpoint's versions, as fields that one can change; what is asked for is said in words before it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from nicegui import ui

from flyball.console.confirming import Question
from flyball.console.endpointrecords import Endpoint, ServedVersion
from flyball.console.gateway import Gateway
from flyball.console.markup import element, text
from flyball.console.words import share

MOST_VERSIONS = 20
_DONE = "Every model server acts on it. The decision and its reason are in the timeline."


class Weighing:
    """Fields for shares and for who watches; `ask` has a question confirmed. Belongs to one page."""

    def __init__(self, gateway: Gateway, ask: Callable[[Question], None]) -> None:
        self._gateway, self._ask = gateway, ask
        self._endpoint: Endpoint | None = None
        self._fields: dict[int, ui.number] = {}
        self._watching: dict[int, ui.checkbox] = {}
        with ui.element("section").classes("panel weighing") as self._panel:
            ui.html(element("h2", text("Who answers")), sanitize=False)
            self._rows = ui.element("div").classes("weights")
            self._told = ui.html("", sanitize=False).classes("panel-note").props("role=status aria-live=polite")
            with ui.element("div").classes("decide"):
                self._button("Change shares", "main", clicked=self._weigh)
                self._button("Change shadows", "plain", clicked=self._watch)
                self._button("Take the last step back", "plain", clicked=self._back)
        self._panel.set_visibility(False)

    def _button(self, name: str, css: str, *, clicked: Callable[[], None]) -> None:
        button = ui.html(text(name), sanitize=False, tag="button").classes(f"button {css}").props("type=button")
        button.on("click", clicked)

    def show(self, endpoint: Endpoint, *, may: bool) -> None:
        """The endpoint as it is now; what somebody is typing stays, as long as the versions and their shares are the same."""
        self._panel.set_visibility(may and endpoint.champion is not None)
        before, self._endpoint = self._endpoint, endpoint
        if before is None or _standing(before) != _standing(endpoint):
            self._fill(endpoint)

    def _fill(self, endpoint: Endpoint) -> None:
        self._rows.clear()
        self._fields, self._watching = {}, {}
        with self._rows:
            for found in choosable(endpoint):
                with ui.element("div").classes("weight"):
                    ui.html(element("span", text(f"Version {found.version}")), sanitize=False)
                    field = ui.number(value=round(100 * (found.share or 0.0), 4), min=0, max=100, suffix="%").classes("weight-field")
                    field.props(f'outlined dense aria-label="Share of version {found.version} in percent"')
                    self._fields[found.version] = field
                    if found.version != endpoint.champion:
                        watching = ui.checkbox("watches", value=found.version in endpoint.shadows)
                        watching.props(f'aria-label="Version {found.version} is asked beside those that answer"')
                        self._watching[found.version] = watching
        self._tell("")

    def _weigh(self) -> None:
        endpoint = self._endpoint
        if endpoint is None:
            return
        weights = {number: float(field.value or 0.0) / 100 for number, field in self._fields.items()}
        if (wrong := fault_of(weights)) is not None:
            self._tell(wrong)
            return
        self._tell("")
        chosen = {number: weight for number, weight in weights.items() if weight}
        self._ask(Question("Change shares", effect_of(endpoint, chosen), "Change shares", partial(self._set_weights, weights=chosen)))

    async def _set_weights(self, why: str, *, weights: Mapping[int, float]) -> str:
        assert self._endpoint is not None, "asked with one"
        await asyncio.to_thread(self._gateway.set_weights, self._endpoint.name, weights, why=why)
        return f"Shares are changed. {_DONE}"

    def _watch(self) -> None:
        chosen = [number for number, box in self._watching.items() if box.value]
        named = ", ".join(f"version {number}" for number in chosen) or "no version"
        effect = f"From the next request on, {named} is asked beside those that answer, and answers nobody. What it says is logged."
        self._ask(Question("Change shadows", effect, "Change shadows", partial(self._set_shadows, versions=chosen)))

    async def _set_shadows(self, why: str, *, versions: Sequence[int]) -> str:
        assert self._endpoint is not None, "asked with one"
        await asyncio.to_thread(self._gateway.set_shadows, self._endpoint.name, versions, why=why)
        return f"Shadows are changed. {_DONE}"

    def _back(self) -> None:
        effect = (
            "The canary ends, or else a policy, or else the champion before answers again. If there is nothing before, this is refused."
        )
        self._ask(Question("Take the last step back", effect, "Take it back", self._rollback, danger=True))

    async def _rollback(self, why: str) -> str:
        assert self._endpoint is not None, "asked with one"
        await asyncio.to_thread(self._gateway.rollback, self._endpoint.name, why=why)
        return f"The last step is taken back. {_DONE}"

    def _tell(self, said: str) -> None:
        self._told.content = element("p", text(said), class_="bad") if said else ""


def choosable(endpoint: Endpoint) -> list[ServedVersion]:
    """The versions that may answer, or have a role already."""
    return [found for found in endpoint.versions if found.may_answer or found.role][:MOST_VERSIONS]


def fault_of(weights: Mapping[int, float]) -> str | None:
    """Why these are no shares, or None.

    >>> fault_of({1: 0.9, 2: 0.2})
    'The shares make 110%. Change them until they make 100%.'
    """
    total = sum(weights.values())
    if abs(total - 1) > 1e-6:
        return f"The shares make {share(total)}. Change them until they make 100%."
    return None


def effect_of(endpoint: Endpoint, weights: Mapping[int, float]) -> str:
    """What will happen, in words.

    >>> effect_of(Endpoint(name="late", model="late", champion=1), {1: 0.9, 2: 0.1})
    'From the next request on version 1 answers 90% of the rows at late, version 2 10%. A key keeps its version as far as shares allow.'
    """
    shares = [f"version {number} answers {share(weight)}" for number, weight in weights.items()]
    first, *rest = [f"{shares[0]} of the rows at {endpoint.name}", *(said.replace(" answers", "") for said in shares[1:])]
    return f"From the next request on {', '.join([first, *rest])}. A key keeps its version as far as shares allow."


def _standing(endpoint: Endpoint) -> tuple[object, ...]:
    return endpoint.champion, endpoint.shadows, tuple((found.version, found.share) for found in choosable(endpoint))
