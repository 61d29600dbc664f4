r"""What a path of an artifact is: one parser for upload, list, download, delete and the sources of models.

A path is compared and listed, and never becomes a file's name here; but clients write what they download under it, and other programs
decode once more than we did. So it is refused where any of them could read it as another one.
"""

from __future__ import annotations

import re
import unicodedata

from flyball.tracking.artifacterrors import ArtifactPathError

PATH_BYTES, NAME_BYTES = 1024, 255  # what S3 and the usual file systems take, too
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_REFUSED = {"\\": "a backslash", "#": "'#'", "?": "'?'"}
_INVISIBLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNING = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def parse_path(text: str) -> str:
    r"""The path, if it is one: relative names with single slashes between them, as every reader reads them.

    >>> parse_path("model/weights 50%.bin")
    'model/weights 50%.bin'
    >>> parse_path("model/../../secret")
    Traceback (most recent call last):
    flyball.tracking.artifacterrors.ArtifactPathError: Invalid artifact path 'model/../../secret': '..' is no name of a file. Write ...

    Raises:
        ArtifactPathError: it is anything else.
    """
    reason = find_fault(text)
    if reason is not None:
        raise ArtifactPathError(text, reason)
    return text


def parse_directory(text: str) -> str:
    """As `parse_path`, but "" is the uppermost directory, and one slash may follow.

    Raises:
        ArtifactPathError: it is anything else.
    """
    return parse_path(text.removesuffix("/")) if text else ""


def find_fault(text: str) -> str | None:
    """Why the text is no path, or None.

    Its compatible form (NFKC) must be a path as well, of as many names: full-width slashes and dots become plain ones there.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > PATH_BYTES:
        return f"it has {size:,} bytes, and at most {PATH_BYTES:,} are allowed"
    for character, name in _REFUSED.items():
        if character in text:
            return f"{name} stands in it"
    fault, plain = _fault(text), unicodedata.normalize("NFKC", text)
    if fault is None and (plain.count("/") != text.count("/") or "\\" in plain):
        return "a character in it looks like a slash, and is none"
    return fault or _fault(plain)


def _fault(text: str) -> str | None:
    if any(character in _TURNING or unicodedata.category(character) in _INVISIBLE for character in text):
        return "a control character stands in it"
    if _ENCODED.search(text):
        return "it is percent-encoded once more than it should be"
    if text.startswith("/"):
        return "it is absolute"
    if _SCHEME.match(text):
        return "it begins like a URL or a drive"
    faults = (_name_fault(name) for name in text.split("/"))
    return next((fault for fault in faults if fault is not None), None)


def _name_fault(name: str) -> str | None:
    if not name:
        return "a name in it is empty"
    if name in {".", ".."}:
        return f"{name!r} is no name of a file"
    if name.endswith((".", " ")) or name.startswith(" "):
        return "a name in it begins with a space, or ends with a dot or a space"
    if len(name.encode("utf-8", "surrogatepass")) > NAME_BYTES:
        return f"a name in it has more than {NAME_BYTES} bytes"
    return None
