"""What clients may log: the limits and the rules for names that MLflow's users know, in the words that they know."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from functools import lru_cache

from flyball.tracking.errors import (
    BatchTooLargeError,
    ExperimentIdError,
    ExperimentNameError,
    FieldError,
    LoggedModelNameError,
    TooLongError,
)

KEY_LENGTH = 250
PARAM_LENGTH = 6000
TAG_LENGTH = 8000
EXPERIMENT_NAME_LENGTH = 500
EXPERIMENT_TAG_LENGTH = 20_000
LOCATION_LENGTH = 2048
RUN_NAME_LENGTH = 250
BATCH_METRICS = 1000
BATCH_PARAMS = 100
BATCH_TAGS = 100
BATCH_ENTRIES = 1000
DATASET_LENGTHS = {"name": 500, "digest": 36, "source_type": 500, "source": 65_535, "schema": 1_048_575, "profile": 16_777_215}
INPUT_TAG_KEY_LENGTH = 255
INPUT_TAG_LENGTH = 500

_NAME = re.compile(r"[/\w.\- :]*")
_LONGS = range(-(2**63), 2**63)
_NAME_RULE = "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/)."
_MODEL_NAME_BARS = ("/", ":", ".", "%", '"', "'")


@lru_cache(maxsize=16_384)
def is_key(key: str) -> bool:
    """Whether this may name a metric, a param or a tag; `check_key` says why not."""
    if not key or len(key) > KEY_LENGTH or _NAME.fullmatch(key) is None:
        return False
    return posixpath.normpath(key) == key and key != "." and not key.startswith(("..", "/"))


def check_key(what: str, key: str, *, path: str) -> None:
    """A name of a metric, a param or a tag is at most 250 of the allowed characters and stays the same name when read as a path.

    Raises:
        FieldError, TooLongError: it is not.
    """
    if is_key(key):
        return
    if not key:
        raise FieldError(path, key, why="A key name must be provided.")
    if _NAME.fullmatch(key) is None:
        raise FieldError(path, key, why=_NAME_RULE)
    if len(key) > KEY_LENGTH:
        raise TooLongError(what, KEY_LENGTH)
    rule = "Names may be treated as files in certain cases, and must not resolve to other names when treated as such."
    raise FieldError(path, key, why=f"{rule} This name would resolve to {posixpath.normpath(key)!r}")


def check_length(what: str, text: str, *, limit: int) -> None:
    """A text has at most `limit` characters, all of which every database can keep.

    Raises:
        TooLongError, FieldError: it is longer, or holds NUL or half a character.
    """
    if len(text) > limit:
        raise TooLongError(what, limit)
    if "\0" in text or (not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)):
        raise FieldError(what, text, why="Text may hold neither NUL nor unpaired surrogates.")


def check_params(params: Mapping[str, str], *, path: str = "params") -> None:
    """Names and values of params are within their limits."""
    for index, (key, value) in enumerate(params.items()):
        check_key("Param key", key, path=f"{path}[{index}].key" if path else "key")
        check_length("Param value", value, limit=PARAM_LENGTH)


def check_tags(tags: Mapping[str, str], *, path: str = "tags", limit: int = TAG_LENGTH) -> None:
    """Names and values of tags are within their limits."""
    for index, (key, value) in enumerate(tags.items()):
        at = f"{path}[{index}]." if path else ""
        check_key(f"{at}key", key, path=f"{at}key")
        check_length(f"{at}value", value, limit=limit)


def check_long(path: str, number: int, *, least: int | None = None) -> None:
    """A whole number fits in 64 bits, and is not below `least`.

    Raises:
        FieldError: it does not.
    """
    if number not in _LONGS or (least is not None and number < least):
        kind = "a nonnegative long" if least == 0 else "a valid long"
        raise FieldError(path, number, why=f"It must be {kind} (64-bit integer).")


def check_batch(*, metrics: int, params: int, tags: int) -> None:
    """A batch has at most 1,000 metrics, 100 params, 100 tags, and 1,000 of all.

    Raises:
        BatchTooLargeError: it has more.
    """
    for what, limit, length in (
        ("metrics", BATCH_METRICS, metrics),
        ("params", BATCH_PARAMS, params),
        ("tags", BATCH_TAGS, tags),
        ("metrics, params, and tags", BATCH_ENTRIES, metrics + params + tags),
    ):
        if length > limit:
            raise BatchTooLargeError(what, limit, length=length)


def check_experiment_name(name: str) -> None:
    """An experiment's name is 1 to 500 characters.

    Raises:
        ExperimentNameError, TooLongError, FieldError: it is not.
    """
    if not name:
        raise ExperimentNameError(name)
    check_length("name", name, limit=EXPERIMENT_NAME_LENGTH)


def experiment_number(experiment: str) -> int:
    """The number that an experiment's id is.

    Raises:
        ExperimentIdError: it is no whole number.
    """
    if not (experiment.isascii() and experiment.isdigit() and len(experiment) <= 18):
        raise ExperimentIdError(experiment)
    return int(experiment)


def check_model_name(name: str) -> None:
    """A logged model's name is not empty and has none of the characters that mean something in model URIs.

    Raises:
        LoggedModelNameError, TooLongError, FieldError: it is not.
    """
    if not name or any(bar in name for bar in _MODEL_NAME_BARS):
        raise LoggedModelNameError(name, _MODEL_NAME_BARS)
    check_length("name", name, limit=EXPERIMENT_NAME_LENGTH)
