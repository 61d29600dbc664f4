"""What a driver says of a database, without what its URL keeps secret."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote

_SHOWN_CHARACTERS = 300
_CUT = re.compile(r"[/?#@:%&]")


def told(error: BaseException, url: str) -> str:
    """The driver's first line, in which no part of the URL's password stands, whole or in pieces.

    The driver's own error must not be chained to ours: its text, which a traceback shows, may hold the URL.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    for secret in sorted(_secrets(url), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text[:_SHOWN_CHARACTERS].rstrip(". :")


def _secrets(url: str) -> set[str]:
    user = url.partition("://")[2].rpartition("@")[0]
    password = user.partition(":")[2]
    given = [value for name, value in parse_qsl(url.partition("?")[2]) if "pass" in name.lower() or "token" in name.lower()]
    found = {url, password, *given}
    # A URL that is none is cut anywhere.
    found |= {piece for secret in (password, *given) for piece in _CUT.split(secret) if len(piece) > 2}
    return {form for secret in found if secret for form in (secret, unquote(secret))}
