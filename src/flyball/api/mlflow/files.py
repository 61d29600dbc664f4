"""Files of runs and logged models as streams: given whole or by a range, taken while they come.

What is given is an attachment of a harmless type, never a page: a browser shows none of it as coming from this server.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote

from flyball.api.crew import Crew
from flyball.api.intake import Receive
from flyball.api.mlflow import forms
from flyball.api.mlflow.call import Call, run_of
from flyball.api.mlflow.listings import UPLOAD_HEADER, get_file
from flyball.api.mlflow.reading import Reader
from flyball.api.mlflow.registryanswers import version_number
from flyball.api.mlflow.streams import Inflow, Presence, pull
from flyball.core.optional import extra
from flyball.tracking.artifact import ArtifactFile, Root, RootKind
from flyball.tracking.artifacterrors import ArtifactTooLargeError, UploadNotFoundError, UploadPartsError

with extra("control"):
    from starlette.types import Scope, Send

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_HARMLESS = {
    "txt": "text/plain", "log": "text/plain", "md": "text/plain", "yaml": "text/plain", "yml": "text/plain", "csv": "text/csv",
    "json": "application/json", "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "pdf": "application/pdf",
}  # fmt: skip
SCHEME = "mlflow-artifacts:/"
_OTHER = "application/octet-stream"
_run_file, _version_file = Reader(forms.RunFile), Reader(forms.VersionFile)

Headers = list[tuple[bytes, bytes]]
Streaming = Callable[["Transfer"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Transfer:
    """One request that moves a file, and the threads that do it."""

    call: Call
    scope: Scope
    receive: Receive
    send: Send
    crew: Crew

    def header(self, name: bytes) -> str:
        """The value of the first header of that name; "" without one."""
        return next((value.decode("latin-1") for known, value in self.scope["headers"] if known == name), "")


async def download(at: Transfer) -> None:
    """Give the file at the path in the store."""
    await _give(at, lambda: get_file(at.call, at.call.args["path"]))


async def download_of_run(at: Transfer) -> None:
    """Give a file of a run, as MLflow's page asks for it."""

    def find() -> ArtifactFile:
        asked = _run_file.query(at.scope["query_string"])
        head = at.call.services.tracking.runs.get(run_of(asked)).head
        return at.call.services.artifacts.get(Root(RootKind.RUN, head.experiment, head.id), asked.path or "")

    await _give(at, find)


async def download_of_version(at: Transfer) -> None:
    """Give a file of a version, as MLflow's page asks for it."""

    def find() -> ArtifactFile:
        asked = _version_file.query(at.scope["query_string"])
        place = at.call.registry.download_uri(asked.name or "", version_number(asked.version or "")).removeprefix(SCHEME)
        return get_file(at.call, f"{place}/{asked.path}")

    await _give(at, find)


async def upload(at: Transfer) -> None:
    """Take the file at the path in the store."""
    services, caller = at.call.services, at.call.caller
    root, path = Root.parse(at.call.args["path"])
    _check_length(at, path)
    await Inflow(at.receive).serve(at.crew, lambda chunks: services.artifacts.put(root, path, chunks=chunks, principal=caller))
    await _say(at, b"{}", headers=[(b"content-type", b"application/json")])


async def upload_part(at: Transfer) -> None:
    """Take one part of a file."""
    services, name, number = at.call.services, at.call.args["upload"], at.call.args["number"]
    if not (number.isascii() and number.isdigit() and len(number) < 6):
        raise UploadPartsError(name, f"{number[:20]!r} is no number of a part")
    secret = at.header(UPLOAD_HEADER.encode())
    if not secret:
        raise UploadNotFoundError(name)
    _check_length(at, name)
    inflow, place = Inflow(at.receive), int(number)
    part = await inflow.serve(at.crew, lambda chunks: services.artifacts.put_part(name, place, chunks=chunks, secret=secret))
    await _say(at, b"{}", headers=[(b"content-type", b"application/json"), (b"etag", f'"{part.digest}"'.encode())])


def _check_length(at: Transfer, path: str) -> None:
    length, limit = at.header(b"content-length"), at.call.services.artifacts.limits.request_bytes
    if length.isdigit() and int(length[:18]) > limit:
        raise ArtifactTooLargeError(path, limit_bytes=limit)


async def _give(at: Transfer, find: Callable[[], ArtifactFile]) -> None:
    file = await at.crew.run(find)
    etag = f'"{file.digest}"'
    headers = [*_attachment(file.path), (b"etag", etag.encode()), (b"accept-ranges", b"bytes")]
    if at.header(b"if-none-match") == etag:
        await _say(at, b"", headers=headers, status=304)
        return
    asked = _range(at.header(b"range") if at.header(b"if-range") in {"", etag} else "")
    span = _span(asked, file.size)
    if span is None:
        await _say(at, b"", headers=[*headers, (b"content-range", f"bytes */{file.size}".encode())], status=416)
        return
    start, end = span
    if asked is not None:
        headers.append((b"content-range", f"bytes {start}-{end - 1}/{file.size}".encode()))
    chunks = iter(at.call.services.artifacts.open(file, start=start, end=end) if end > start else ())
    # What is not there any more, or is broken, is found out by the first chunk: while it can still be said.
    chunk = await pull(at.crew, chunks)
    await at.send(_start(200 if asked is None else 206, [*headers, (b"content-length", str(end - start).encode())]))
    presence = Presence(at.receive)
    try:
        while chunk is not None and at.scope["method"] != "HEAD" and not presence.gone():
            await at.send({"type": "http.response.body", "body": chunk, "more_body": True})
            chunk = await pull(at.crew, chunks)
    finally:
        presence.end()
    await at.send({"type": "http.response.body", "body": b""})


def _range(header: str) -> tuple[str, str] | None:
    """First and last byte as a Range header names them; None where it asks for nothing that we know, and so for everything."""
    found = _RANGE.fullmatch(header)
    return (found[1], found[2]) if found and (found[1] or found[2]) else None


def _span(asked: tuple[str, str] | None, size: int) -> tuple[int, int] | None:
    """The bytes [start, end) that are asked for; None where there are no such."""
    if asked is None:
        return 0, size
    first, last = asked
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(int(last) + 1 if last else size, size)
    return (start, end) if start < end else None


def _attachment(path: str) -> Headers:
    name = path.rpartition("/")[2]
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().replace('"', "'").replace("\\", "_") or "download"
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    return [
        (b"content-type", _HARMLESS.get(name.rpartition(".")[2].lower(), _OTHER).encode()),
        (b"content-disposition", disposition.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"content-security-policy", b"sandbox; default-src 'none'"),
        (b"cache-control", b"private, no-cache"),
    ]


def _start(status: int, headers: Headers) -> dict[str, object]:
    return {"type": "http.response.start", "status": status, "headers": headers}


async def _say(at: Transfer, body: bytes, *, headers: Headers, status: int = 200) -> None:
    length = [] if status == 304 else [(b"content-length", str(len(body)).encode())]
    await at.send(_start(status, [*headers, *length]))
    await at.send({"type": "http.response.body", "body": body})
