"""Where a page ended, as an opaque text: the sort key of its last row, and a fingerprint of the search that it belongs to.

A token is not a secret and carries no right: a changed one can only begin a page elsewhere in the same results, or is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
from collections.abc import Sequence
from typing import TypeAlias

from flyball.tracking.search.errors import PageTokenError, PageTokenForeignError

VERSION = 1
MAX_LENGTH = 100_000
Part: TypeAlias = str | int | float | None
Key: TypeAlias = tuple[Part, ...]


def fingerprint(*facts: object) -> str:
    """Equal for equal searches: facts are texts, numbers, None, enums, dataclasses and tuples of these."""
    return hashlib.sha256(repr(facts).encode("utf-8", "backslashreplace")).hexdigest()[:16]


def encode_token(key: Sequence[Part], *, search: str) -> str:
    """The token for the rows after `key` in the search of this fingerprint."""
    text = json.dumps([VERSION, search, [_plain(part) for part in key]], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode("ascii")


def decode_token(token: str | None, *, search: str, parts: int) -> Key | None:
    """The key after which the next page begins; None without a token.

    Raises:
        PageTokenError, PageTokenForeignError: it is no token of ours, or one of another search.
    """
    if not token:
        return None
    if len(token) > MAX_LENGTH:
        raise PageTokenError(token)
    try:
        read = json.loads(base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True))
    except (binascii.Error, UnicodeError, ValueError, RecursionError):
        raise PageTokenError(token) from None
    match read:
        case [int(version), str(of), list(key)] if version == VERSION:
            if of != search:
                raise PageTokenForeignError
            if len(key) != parts or not all(_is_part(part) for part in key):
                raise PageTokenError(token)
            return tuple(_restored(part) for part in key)
    raise PageTokenError(token)


def _plain(part: Part) -> object:
    if isinstance(part, float) and not math.isfinite(part):
        return {"float": repr(part)}
    return part


def _is_part(part: object) -> bool:
    if isinstance(part, dict):
        return set(part) == {"float"} and part["float"] in {"inf", "-inf", "nan"}
    if isinstance(part, int):
        return not isinstance(part, bool) and -(2**63) <= part < 2**63
    return part is None or isinstance(part, float) or (isinstance(part, str) and "\0" not in part and _encodes(part))


def _encodes(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def _restored(part: object) -> Part:
    if isinstance(part, dict):
        return float(part["float"])
    assert part is None or isinstance(part, str | int | float)
    return part
