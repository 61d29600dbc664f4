"""SQL's LIKE as a regular expression."""

from __future__ import annotations

import re


def like_pattern(text: str) -> str:
    r"""The pattern that matches what LIKE `text` does: `%` is any text, `_` one character, `\` takes the next one as it is.

    >>> like_pattern("a%_.")
    '(?s)^a.*.\\.$'
    """
    parts, escaped = [], False
    for character in text:
        if escaped or character not in "%_\\":
            parts.append(re.escape(character))
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            parts.append(".*" if character == "%" else ".")
    if escaped:
        parts.append(re.escape("\\"))
    return f"(?s)^{''.join(parts)}$"
