"""A model's files to a control plane elsewhere, which registers and converts them; what comes of it is waited for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flyball.app.importing.registering import IMPORTED_FROM, PATIENCE_SECONDS, packed_for
from flyball.client import Client
from flyball.client.uploading import upload_model
from flyball.client.wire import Json
from flyball.core.clock import MonotonicTimer
from flyball.registry import version_subject
from flyball.runtimes.bringing import Brought
from flyball.runtimes.packing import Packed
from flyball.serving.converting import CONVERTED, Conversion

_POLL_SECONDS, _PAGE = 20.0, 1000


@dataclass(frozen=True, slots=True)
class SentVersion:
    """A version elsewhere."""

    name: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """As `Imported`: the version that was made, and what came of its conversion; None where that is still under way."""

    version: SentVersion
    packed: Packed
    conversion: Conversion | None


def send_model(client: Client, name: str, *, brought: Brought, told_from: str, run_code: bool) -> Sent:
    """As `import_model` does it in a home. Whether its code may run there, the control plane decides by who we are.

    Raises:
        CodeNotTrustedError: it carries code, and nobody said that it may run.
        ClientError: it was refused, or nobody answers; no version was made then, as far as one knows.
        FlyballError: it is no model that can be served; nothing was sent.
    """
    packed = packed_for(brought, told_from=told_from, run_code=run_code)
    before = _end(client, name)
    tags = {IMPORTED_FROM: told_from[:500]}
    made = upload_model(client, name, files=brought.files, told_from=told_from, tags=tags)
    version = SentVersion(name, int(made["version"]))
    return Sent(version=version, packed=packed, conversion=_converted(client, version, after=before))


def _end(client: Client, name: str) -> int:
    """After what is told of the model so far; a model of that name may have been there before, with the same versions."""
    position = 0
    while True:
        page = client.list_events(position, limit=_PAGE, model=name)
        position = page.position
        if len(page.events) < _PAGE:
            return position


def _converted(client: Client, version: SentVersion, *, after: int) -> Conversion | None:
    """What the control plane says of it, once it does."""
    for event in _events(client, version.name, after=after):
        if event["type"] == CONVERTED and event["subject"] == version_subject(version.name, version.number):
            return Conversion.from_json(event["data"])
    return None


def _events(client: Client, name: str, *, after: int) -> Iterator[Json]:
    timer = MonotonicTimer()
    until = timer.seconds() + PATIENCE_SECONDS
    while timer.seconds() < until:
        page = client.list_events(after, limit=_PAGE, wait_seconds=_POLL_SECONDS, model=name)
        yield from page.events
        after = page.position
