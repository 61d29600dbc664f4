"""What may be a name here: parsed at the edge by MLflow's rules, and refused in its words."""

from __future__ import annotations

import posixpath
import re

from flyball.registry.refusals import (
    AliasNameError,
    BadCharacterError,
    BadPathError,
    MissingValueError,
    ModelNameError,
    ReservedTagError,
    StageError,
    TooLongError,
    VersionNumberError,
)
from flyball.registry.registered import Stage

NAME_CHARACTERS, KEY_CHARACTERS, VALUE_CHARACTERS, ALIAS_CHARACTERS = 256, 250, 100_000, 255
DESCRIPTION_CHARACTERS = 100_000
LATEST = "latest"
OWN = "flyball."

_KEY = re.compile(r"[/\w.\- :]*")
_ALIAS = re.compile(r"[\w\-]+")
_NUMBERED = re.compile(r"[vV]\d+")
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_STAGES = {stage.value.lower(): stage for stage in Stage}


def model_name(name: str | None, *, parameter: str = "name") -> str:
    """`name`, if a registered model may have it.

    Raises:
        MissingValueError, ModelNameError, BadPathError, TooLongError: it may not.
    """
    if name is None or not name.strip():
        raise MissingValueError(parameter)
    if "/" in name or ":" in name:
        raise ModelNameError(name)
    _path("name", name)
    return _short("name", name, limit=NAME_CHARACTERS)


def tag(key: str | None, value: str | None = "") -> tuple[str, str]:
    """The tag, if a model or a version may have it.

    Raises:
        MissingValueError, BadCharacterError, BadPathError, TooLongError: it may not.
    """
    if key is None or not key:
        raise MissingValueError("key")
    if not _KEY.fullmatch(key):
        raise BadCharacterError("key", key)
    _path("key", key)
    return _short("key", key, limit=KEY_CHARACTERS), _short("value", value or "", limit=VALUE_CHARACTERS)


def version_tag(key: str | None, value: str | None = "") -> tuple[str, str]:
    """The tag, if people may say it of a version.

    Raises:
        ReservedTagError: Flyball says it.
        InvalidError: as `tag`.
    """
    found = tag(key, value)
    if found[0].startswith(OWN):
        raise ReservedTagError(found[0])
    return found


def alias_name(alias: str | None) -> str:
    """`alias`, if it can be looked up: also the reserved ones.

    Raises:
        AliasNameError, TooLongError: it cannot.
    """
    if not alias:
        raise AliasNameError.empty()
    if not _ALIAS.fullmatch(alias):
        raise AliasNameError.characters(alias)
    return _short("Registered model alias name", alias, limit=ALIAS_CHARACTERS)


def free_alias_name(alias: str | None) -> str:
    """`alias`, if a version may be given it.

    Raises:
        AliasNameError, TooLongError: it is none, or means something else: "latest" and "v12" are versions already.
    """
    found = alias_name(alias)
    if found.lower() == LATEST:
        raise AliasNameError.latest()
    if _NUMBERED.fullmatch(found):
        raise AliasNameError.number(found)
    return found


def stage_named(text: str) -> Stage:
    """The stage of that name, in whatever case.

    Raises:
        StageError: there is none.
    """
    stage = _STAGES.get(text.lower())
    if stage is None:
        raise StageError(text)
    return stage


def version_number(text: object) -> int:
    """The number that a client wrote.

    Raises:
        VersionNumberError: it is no whole number.
    """
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    if isinstance(text, str) and _NUMBER.fullmatch(text.strip()):
        return int(text)
    raise VersionNumberError(text)


def described(text: str | None) -> str:
    """The description, if it is not too long.

    Raises:
        TooLongError: it is.
    """
    return _short("description", text or "", limit=DESCRIPTION_CHARACTERS)


def _path(parameter: str, name: str) -> None:
    resolved = posixpath.normpath(name)
    if resolved != name or resolved == "." or resolved.startswith(("..", "/")):
        raise BadPathError(parameter, name, resolved=resolved)


def _short(parameter: str, text: str, *, limit: int) -> str:
    if len(text) > limit:
        raise TooLongError(parameter, limit)
    if "\0" in text or not _encodable(text):  # no database keeps them
        raise BadCharacterError(parameter, text.encode(errors="replace").decode()[:200])
    return text


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
