"""Rows as they are sent: bytes of one of four forms. What is in them the readers of each form know."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import StrEnum

from flyball.core.canonical import digest_bytes
from flyball.core.ids import Digest
from flyball.data.pusherrors import BrokenBodyError

MAX_ROWS = 10_000


class Form(StrEnum):
    """How rows are written down."""

    JSON = "JSON"
    NDJSON = "NDJSON"
    ARROW = "an Arrow stream"
    CSV = "CSV"


FORMS = {
    "application/json": Form.JSON,
    "application/x-ndjson": Form.NDJSON,
    "application/ndjson": Form.NDJSON,
    "application/jsonl": Form.NDJSON,
    "application/vnd.apache.arrow.stream": Form.ARROW,
    "text/csv": Form.CSV,
}
"""The form that each media type stands for."""


@dataclass(frozen=True, slots=True)
class Body:
    """Rows of one dataset, as they were sent."""

    form: Form
    content: bytes

    @property
    def digest(self) -> Digest:
        """SHA-256 of the bytes: the same body sent again has it again."""
        return digest_bytes(self.content)


def inflate(content: bytes, *, limit_bytes: int) -> bytes | None:
    """What was gzipped; None where that is more than `limit_bytes`, of which no more is ever made.

    Raises:
        BrokenBodyError: it is not gzip, or ends too early.
    """
    parts, total = [], 0
    while content:
        member = zlib.decompressobj(wbits=31)
        try:
            parts.append(member.decompress(content, limit_bytes - total + 1))
        except zlib.error as error:
            raise BrokenBodyError("gzip", str(error)) from error
        total += len(parts[-1])
        if total > limit_bytes:
            return None
        if not member.eof:
            raise BrokenBodyError("gzip", "it ends too early")
        content = member.unused_data
    return b"".join(parts)
