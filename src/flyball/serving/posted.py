"""Predictions that other systems have made, as they are sent: one record per row, made into what the journal holds.

Each record is looked at by itself, so that one that is wrong costs no other its place. Which columns there are and of which types, the
endpoint's model says; values are fitted into them as those of requests are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec

from flyball.core.duration import microseconds
from flyball.core.errors import FlyballError, InvalidError
from flyball.serving.errors import FieldError
from flyball.serving.fitting import fit
from flyball.serving.logspec import PLAIN, LogPlan
from flyball.serving.record import Answered
from flyball.serving.rowform import RowForm, Rows

MAX_RECORDS = 10_000
EXTERNAL = "external"
"""The route of an answer whose sender names none."""
SEPARATOR = "\x1f"

_LARGEST = 1.7976931348623157e308
_Number = Annotated[float, msgspec.Meta(ge=-_LARGEST, le=_LARGEST)]
"""The bounds refuse infinity and what is no number, which an Arrow stream may hold: metrics would be neither ever after."""
_Whole = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
Scalar = str | _Whole | _Number | bool | None
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Word = Annotated[str, msgspec.Meta(max_length=1000)]
_Part = Annotated[str, msgspec.Meta(max_length=200)] | int


class Sent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One prediction. `id` names it for ever: sent again, it counts once. `time` is when it was made.

    `key` is the row's key, by which its label is found: a list where it has several columns. `features` have full names.
    """

    id: _Text
    endpoint: _Text
    time: Annotated[datetime, msgspec.Meta(tz=True)]
    key: _Part | Annotated[list[_Part], msgspec.Meta(min_length=1, max_length=16)] | None = None
    version: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)] | None = None
    inputs: dict[str, Scalar] = {}
    features: dict[str, Scalar] = {}
    score: _Number | None = None
    prediction: Scalar = None
    latency_seconds: Annotated[float, msgspec.Meta(ge=0, le=1e6)] = 0.0
    error: _Word | None = None
    route: _Text = EXTERNAL
    trace: _Text | None = None
    caller: _Text | None = None

    @property
    def mark(self) -> str:
        """What its id is remembered by."""
        return mark_of(self.endpoint, self.id)


@dataclass(frozen=True)
class Known:
    """What is known of an endpoint: its model, whose rows `own` names, the champion, and the types of requests and features.

    A feature that stands in the request as it is (`own` and the column's name) need not be sent twice.
    """

    model: str
    task: str
    own: str
    key: tuple[str, ...]
    champion: int | None
    inputs: Mapping[str, str]
    features: Mapping[str, str]
    log: LogPlan = PLAIN


class PostedError(InvalidError):
    """A record that can never be taken."""

    code = "prediction-record"

    def __init__(self, reason: str) -> None:
        super().__init__(reason if reason.endswith((".", "?")) else f"{reason}.")


def mark_of(endpoint: str, name: str) -> str:
    """What an endpoint's prediction of that id is remembered by."""
    return hashlib.blake2b(f"{endpoint}{SEPARATOR}{name}".encode(), digest_size=16).hexdigest()


def read_json(content: bytes) -> list[msgspec.Raw]:
    """The records of ``{"predictions": [...]}``, not looked at yet.

    Raises:
        msgspec.DecodeError: it is no such object.
    """
    return msgspec.json.decode(content, type=_Body).predictions


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    predictions: list[msgspec.Raw]


def read_lines(content: bytes) -> list[msgspec.Raw]:
    """The records of a text with one in each line, not looked at yet; empty lines are none."""
    return [msgspec.Raw(line) for line in content.split(b"\n") if line.strip()]


_NESTED = {"input.": "inputs", "feature.": "features"}


def read_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a frame as a record: columns ``input.X`` and ``feature.X`` are grouped, and nulls of the others are left out."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        group = next((prefix for prefix in _NESTED if name.startswith(prefix)), None)
        if group is not None:
            found.setdefault(_NESTED[group], {})[name.removeprefix(group)] = value
        elif value is not None:
            found[name] = value
    return found


_DECODER = msgspec.json.Decoder(Sent)


def read_record(record: msgspec.Raw | Mapping[str, Any]) -> Sent:
    """The record, whole and of its types.

    Raises:
        PostedError: it is not.
    """
    try:
        return _DECODER.decode(record) if isinstance(record, msgspec.Raw) else msgspec.convert(record, Sent, strict=True)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PostedError(str(error)) from error


def answered(sent: Sent, known: Known) -> Answered:
    """The record that stands for it in the journal.

    Raises:
        PostedError: it names no version and nobody answers there, its key has other columns, or it says neither score nor error.
        FieldError: a column is unknown, or a value is none of its column's.
    """
    version = sent.version or known.champion
    if version is None:
        raise PostedError("it names no version, and the endpoint has no champion that it could be of; send `version`")
    request = _fitted(sent.inputs, known.inputs)
    features = _fitted({**_shared(sent.inputs, known), **sent.features}, known.features)
    return Answered(
        endpoint=sent.endpoint, model=known.model, version=version, route=sent.route, time=microseconds(sent.time),
        features_digest="",  # how they were computed is the sender's; parity is of what is computed here
        ids=[sent.id], keys=[_key(sent, known, request=request)], request=dict(request.columns), features=dict(features.columns),
        value_times={}, scores=[_score(sent)], seconds=[sent.latency_seconds], error=sent.error,
        answered_by=None if sent.error is None else 0, request_types=_types(request), feature_types=_types(features), task=known.task,
        traces=[sent.trace] if sent.trace else [], callers=[sent.caller] if sent.caller else [], **_answer(sent),
    )  # fmt: skip


def _score(sent: Sent) -> float | None:
    if sent.score is not None or sent.error is not None:
        return sent.score
    if sent.prediction is None:
        raise PostedError("it has neither `score` nor `prediction` nor `error`; send what was answered")
    return None if isinstance(sent.prediction, str) else float(sent.prediction)


def _answer(sent: Sent) -> Mapping[str, Any]:
    if not isinstance(sent.prediction, str):
        return {}
    return {"answers": {"prediction": [sent.prediction]}, "answer_types": ["String"]}


def _key(sent: Sent, known: Known, *, request: Rows) -> str:
    """The row's key, in the words in which a server of ours writes it: by these its label is found."""
    parts: Sequence[Any] | None = sent.key if isinstance(sent.key, list) else None if sent.key is None else [sent.key]
    if parts is None:
        given = known.key and all(sent.inputs.get(name) is not None for name in known.key)
        return request.texts(known.key)[0] if given else sent.id
    if known.key and len(parts) != len(known.key):
        raise PostedError(f"its key has {len(parts)} parts, but rows of {known.own!r} are known by {', '.join(known.key)}")
    return SEPARATOR.join(map(str, parts))


def _shared(inputs: Mapping[str, Any], known: Known) -> Mapping[str, Any]:
    own = {f"{known.own}.{name}": value for name, value in inputs.items()}
    return {name: value for name, value in own.items() if name in known.features}


def _fitted(values: Mapping[str, Any], types: Mapping[str, str]) -> Rows:
    """The values as one row, null where nothing is said; a row of no columns without a value."""
    if not values:
        return _NOTHING
    form = RowForm(types, (), frozenset())
    try:
        return fit(form, {name: [value] for name, value in values.items()})
    except FieldError as error:
        raise PostedError(str(error).removeprefix("Row 0, ").replace("?.", "?")) from error


_NOTHING = Rows(RowForm({}, (), frozenset()), {}, 1)


def _types(rows: Rows) -> list[str]:
    """The names of the columns' types."""
    return list(rows.form.type_names)


def read_all(records: Sequence[msgspec.Raw | Mapping[str, Any]]) -> Iterator[tuple[int, Sent | FlyballError]]:
    """Each record with its number, from 1, or why it is none."""
    for number, record in enumerate(records, start=1):
        try:
            yield number, read_record(record)
        except PostedError as error:
            yield number, error
