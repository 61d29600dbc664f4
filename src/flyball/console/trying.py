"""A row to try: a field for each column that a request has, and what a model server answers to it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from nicegui import ui

from flyball.console.endpointrecords import Taken
from flyball.console.endpointviews import answer_panel
from flyball.console.frame import Frame, trouble
from flyball.console.markup import element, joined, text
from flyball.core.errors import FlyballError, InvalidError

MOST_COLUMNS = 200


class NoValueError(InvalidError):
    """A text in a field that is no value of its column."""

    code = "no-value"

    def __init__(self, column: Taken, said: str) -> None:
        kind = column.format or column.type
        super().__init__(f"{column.name!r} is of type {kind}, and {said[:60]!r} is none. Leave it empty where it is not known.")


class Trial:
    """The form and the answer. Belongs to one page."""

    def __init__(self, frame: Frame, name: str) -> None:
        self._frame, self._name = frame, name
        self._fields: dict[str, tuple[Taken, ui.input]] = {}
        with ui.element("section").classes("panel trial") as self._panel:
            ui.html(joined(element("h2", text("Try a row")), element("p", text(_NOTE), class_="panel-note")), sanitize=False)
            self._form = ui.element("div").classes("trial-fields")
            with ui.element("div").classes("decide"):
                self._button = ui.html(text("Ask"), sanitize=False, tag="button").classes("button main ask").props("type=button")
            self._answer = ui.html("", sanitize=False).classes("trial-answer").props("role=status aria-live=polite")
        self._button.on("click", self._ask)
        self._panel.set_visibility(False)

    async def start(self, *, may: bool) -> None:
        """Ask which columns a request has, and show a field for each."""
        if not may:
            return
        try:
            columns = await self._frame.ask(partial(self._frame.gateway.list_inputs, self._name))
        except FlyballError as error:
            self._answer.content = trouble(error)
            self._button.set_visibility(False)
        else:
            self._fill(columns)
        self._panel.set_visibility(True)

    def _fill(self, columns: Sequence[Taken]) -> None:
        with self._form:
            for column in columns[:MOST_COLUMNS]:
                label = f"{column.name} ({column.format or column.type})"
                field = ui.input(label, value="" if column.example is None else _written(column.example))
                field.props("outlined dense stack-label").classes("trial-field")
                self._fields[column.name] = (column, field)

    async def _ask(self) -> None:
        self._button.props("disabled")
        try:
            row = row_of({name: (column, str(field.value or "")) for name, (column, field) in self._fields.items()})
            told = await self._frame.ask(partial(self._frame.gateway.try_row, self._name, row))
        except FlyballError as error:
            self._answer.content = trouble(error)
        else:
            self._answer.content = answer_panel(told)
        finally:
            self._button.props(remove="disabled")


_NOTE = "A model server answers it, and logs it like any other request."


def row_of(written: Mapping[str, tuple[Taken, str]]) -> dict[str, Any]:
    """The row that the texts of the fields stand for; an empty one is null.

    >>> row_of({"a": (Taken(name="a", type="integer"), "3"), "b": (Taken(name="b"), "")})
    {'a': 3, 'b': None}

    Raises:
        NoValueError: a text is no value of its column.
    """
    return {name: _value(column, said) for name, (column, said) in written.items()}


def _value(column: Taken, said: str) -> Any:
    if not said.strip():
        return None
    if column.type == "boolean":
        known = {"true": True, "false": False}
        if said.strip().lower() not in known:
            raise NoValueError(column, said)
        return known[said.strip().lower()]
    try:
        if column.type == "integer":
            return int(said)
        if column.type == "number":
            return float(said)
    except ValueError as error:
        raise NoValueError(column, said) from error
    return said


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
