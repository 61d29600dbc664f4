"""Where a YAML text's comments hang: below a value the parser hangs the lines that are about the next one, wherever that ended.

A *rest* is those lines: all of a comment but what stands behind the value on its own line.
"""

from __future__ import annotations

from typing import Any

from flyball.core.optional import extra

with extra("store"):
    from ruamel.yaml.comments import CommentedMap, CommentedSeq
    from ruamel.yaml.error import CommentMark
    from ruamel.yaml.tokens import CommentToken


def take_rest(here: CommentedMap, name: str) -> str:
    """The rest below the value of `name`, which is no more there afterwards; empty where there is none."""
    holder, place, slot = _end(here, name)
    tokens = holder.ca.items.get(place)
    token = tokens[slot] if tokens else None
    if token is None:
        return ""
    first, _, rest = token.value.partition("\n")
    if not rest:
        return ""
    if first:
        token.value = first + "\n"
    else:
        tokens[slot] = None
    return str(rest)


def take_all(here: CommentedMap, name: str) -> str:
    """What stands behind the value of `name` as a line of its own, and the rest below it; neither is there afterwards."""
    rest = take_rest(here, name)
    holder, place, slot = _end(here, name)
    tokens = holder.ca.items.get(place)
    token = tokens[slot] if tokens else None
    if token is None or holder is not here:  # a comment inside of what goes away goes with it
        return rest
    tokens[slot] = None
    return f"{' ' * here.lc.col}{token.value.strip()}\n{rest}" if token.value.strip() else rest


def give_rest(here: CommentedMap, name: str, *, rest: str) -> None:
    """Hang `rest` below the value of `name`, above what hangs there already."""
    holder, place, slot = _end(here, name)
    tokens = holder.ca.items.setdefault(place, [None] * (slot + 1 if slot else 1) + [None] * (3 - slot))
    if tokens[slot] is None:
        tokens[slot] = CommentToken("\n" + rest, start_mark=CommentMark(0), end_mark=None)
        return
    first, _, below = tokens[slot].value.partition("\n")
    tokens[slot].value = f"{first}\n{rest}{below}"


def _end(here: CommentedMap, name: str) -> tuple[Any, Any, int]:
    """Where the last line of the value of `name` stands: its mapping or list, its key or index, and the comment's slot there."""
    holder: Any = here
    place: Any = name
    while True:
        value = holder[place]
        if not isinstance(value, CommentedMap | CommentedSeq) or not value or value.fa.flow_style():
            return holder, place, 2 if isinstance(holder, CommentedMap) else 0
        holder, place = value, list(value)[-1] if isinstance(value, CommentedMap) else len(value) - 1
