"""What the head of a request says: of its body before that is read, and of how its answer is to be written."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import TypeAlias

from flyball.predict.bodies import IDENTITY, check_coding, choose_coding, deflate
from flyball.predict.errors import BodyTooLargeError, ContentTypeError
from flyball.predict.replies import Dialect, Reply

Head: TypeAlias = Mapping[bytes, bytes]

_CHARSETS = (b"charset=utf-8", b'charset="utf-8"')
_DIALECTS = {"v2": Dialect.INFERENCE, "v1": Dialect.INFERENCE, "invocations": Dialect.MLFLOW, "endpoints": Dialect.MLFLOW}


def expected(head: Head, kinds: tuple[bytes, ...], *, limit_bytes: int) -> tuple[bytes, int]:
    """How the body is packed, and how many bytes it may have as it comes; what it is said to be is checked on the way.

    Raises:
        ContentTypeError, EncodingError: it is none of `kinds`, where there are any, or packed as nobody unpacks it.
        BodyTooLargeError: it is said to be larger than it may be.
    """
    if kinds:
        _check_kind(head.get(b"content-type", b""), kinds)
    coding = check_coding(head[b"content-encoding"]) if b"content-encoding" in head else b""
    length = head.get(b"content-length")
    size = limit_bytes if length is None else int(length)
    if size > limit_bytes:
        raise BodyTooLargeError(limit_bytes)
    return b"" if coding == IDENTITY else coding, size


def _check_kind(kind: bytes, kinds: tuple[bytes, ...]) -> None:
    if kind in kinds:
        return
    said, *parameters = [part.strip().lower() for part in kind.split(b";")]
    if said not in kinds or not all(found in _CHARSETS for found in parameters):
        raise ContentTypeError(kind.decode("latin-1"), known=[found.decode() for found in kinds if found])


def pack(reply: Reply, head: Head) -> None:
    """The answer is packed as the head says that it is wanted, where that is worth its time."""
    accepted = head.get(b"accept-encoding")
    coding = None if accepted is None else choose_coding(accepted, len(reply.body))
    if coding is None or reply.status != HTTPStatus.OK or any(name == b"content-encoding" for name, _ in reply.headers):
        return
    reply.body = deflate(reply.body, coding)
    length = (b"content-length", b"%d" % len(reply.body))
    reply.headers = [length if name == b"content-length" else (name, value) for name, value in reply.headers]
    reply.headers += [(b"content-encoding", coding), (b"vary", b"accept-encoding")]


def dialect_of(path: str) -> Dialect:
    """How errors are told below that path, whether or not there is anything at it."""
    return _DIALECTS.get(path.split("/", 2)[1] if path.startswith("/") else "", Dialect.OWN)
