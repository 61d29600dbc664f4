"""The shape of a JSON text, before anything decodes it: how deep it nests, and how many values it has.

A decoder meets the depth with recursion and the count with memory; both are bounded here, for all doors alike, in a time that is a small
part of the decoding.
"""

from __future__ import annotations

from flyball.api.errors import JsonShapeError

DEPTH = 64
VALUES = 1_000_000
_PASSES = 8
_OTHERS = bytes(set(range(256)) - set(b'[]{}"'))


def check_shape(text: bytes) -> None:
    """Let the text pass, valid JSON or not, or refuse.

    >>> check_shape(b'{"a": [1, 2, {"b": "[[[["}]}')
    >>> check_shape(b"[" * 65 + b"]" * 65)
    Traceback (most recent call last):
        ...
    flyball.api.errors.JsonShapeError: The body nests deeper than 64 levels. Send it flatter.

    Raises:
        JsonShapeError: it nests deeper than 64 levels, or has more than a million values.
    """
    if text.count(b",") >= VALUES:
        raise JsonShapeError(f"has more than {VALUES:,} values", hint="Send it in smaller parts")
    if text.count(b"[") + text.count(b"{") <= DEPTH:
        return
    brackets = _brackets(text)
    if not _is_shallow(brackets) and _depth(brackets) > DEPTH:
        raise JsonShapeError(f"nests deeper than {DEPTH} levels", hint="Send it flatter")


def _brackets(text: bytes) -> bytes:
    """The brackets that stand in no string: those with an even number of quotes before them, escaped quotes not counted."""
    if b"\\" in text:
        text = text.replace(rb"\\", b"").replace(rb"\"", b"")
    # What is no bracket and no quote goes; then pairs of quotes, for they change nobody's number from even to odd.
    marks = text.translate(None, _OTHERS).replace(b'""', b"")
    return b"".join(marks.split(b'"')[::2])


def _is_shallow(brackets: bytes) -> bool:
    """Whether they cancel out, innermost first, in a few passes of the machine's own speed."""
    for _ in range(_PASSES):
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
        if not brackets:
            return True
    return False


def _depth(brackets: bytes) -> int:
    depth = deepest = 0
    for found in brackets:
        depth += 1 if found in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest
