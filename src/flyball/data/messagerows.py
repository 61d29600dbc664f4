"""What is in messages: rows, or no rows and why. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import polars as pl

from flyball.data.bodies import Body, Form
from flyball.data.cellrows import as_json
from flyball.data.rowjournal import Dead
from flyball.data.sources.messages import Message

MOST_BYTES = 256 << 10
"""A message larger than this is no row; so much of it is kept with the reason."""
MOST_FIELDS = 10_000


@dataclass(frozen=True)
class Sorted:
    """What is in some messages: `rows` for the `offsets`, one each, and those that are no rows."""

    rows: Body | pl.DataFrame | None
    offsets: tuple[str, ...]
    dead: tuple[Dead, ...]


def sort_out(messages: Sequence[Message], *, field: str | None) -> Sorted:
    """Part the messages that can be read from those that cannot; of the latter the reason and the content."""
    return _objects(messages, field) if field is not None else _texts(messages)


def _objects(messages: Sequence[Message], field: str) -> Sorted:
    raws, offsets, dead = list[bytes](), list[str](), list[Dead]()
    for message in messages:
        content = None if message.fields is None else message.fields.get(field)
        why = _gone(message) or (f"it has no field {field!r}" if content is None else _why_no_object(content))
        if why:
            dead.append(_dead(message, why))
        else:
            raws.append(content or b"")
            offsets.append(message.offset)
    body = Body(Form.JSON, b"[" + b",".join(raws) + b"]") if raws else None
    return Sorted(body, tuple(offsets), tuple(dead))


def _why_no_object(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        return f"it has {len(content):,} bytes; a row has at most {MOST_BYTES:,}"
    try:
        content.decode()
        msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    except UnicodeDecodeError as error:
        return f"byte {error.start + 1} is not UTF-8"
    except msgspec.ValidationError as error:
        if "out of range" not in str(error):  # such a number its row is set aside for
            return "it is JSON, but no object"
    except (msgspec.DecodeError, RecursionError) as error:
        return f"it is no JSON: {error}"
    return ""


def _texts(messages: Sequence[Message]) -> Sorted:
    rows, offsets, dead = list[dict[str, str | None]](), list[str](), list[Dead]()
    for message in messages:
        why = _gone(message)
        try:
            fields = {name: value.decode() or None for name, value in (message.fields or {}).items()}
        except UnicodeDecodeError:
            why, fields = "a field is not UTF-8", {}
        size = sum(map(len, (message.fields or {}).values()))
        if size > MOST_BYTES or len(fields) > MOST_FIELDS:
            why = f"it has {size:,} bytes in {len(fields):,} fields; a row has at most {MOST_BYTES:,} in {MOST_FIELDS:,}"
        if why:
            dead.append(_dead(message, why))
        else:
            rows.append(fields)
            offsets.append(message.offset)
    names = list(dict.fromkeys(name for row in rows for name in row))[:MOST_FIELDS]
    frame = pl.DataFrame([pl.Series(name, [row.get(name) for row in rows], dtype=pl.String) for name in names]) if rows else None
    return Sorted(frame, tuple(offsets), tuple(dead))


def _gone(message: Message) -> str:
    return "the stream forgot it before it was read" if message.fields is None else ""


def _dead(message: Message, why: str) -> Dead:
    return Dead(offset=message.offset, reason=why, content=content_of(message)[:MOST_BYTES])


def content_of(message: Message) -> bytes:
    """A message's fields as JSON, with what is no text as Base64."""
    fields = message.fields or {}
    try:
        return msgspec.json.encode({name: value.decode() for name, value in fields.items()})
    except UnicodeDecodeError:
        return msgspec.json.encode(dict(fields))


def buried(found: Sorted, why: str) -> list[Dead]:
    """The rows' messages as dead letters."""
    contents: Sequence[bytes]
    if isinstance(found.rows, Body):
        contents = [bytes(raw) for raw in msgspec.json.decode(found.rows.content, type=list[msgspec.Raw])]
    else:
        contents = [] if found.rows is None else [text.encode() for text in as_json(found.rows)]
    return [Dead(offset=offset, reason=why, content=content) for offset, content in zip(found.offsets, contents, strict=True)]
