"""`weights`, `segments`, `bandit` and `shadow` on a terminal: a person's word on how an endpoint's rows are shared."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from flyball.cli.remote import open_desk
from flyball.core.errors import InvalidError

LEARNS = ("rewards", "labels")


class PairError(InvalidError):
    """A pair that is none."""

    code = "pair"

    def __init__(self, text: str, *, form: str) -> None:
        super().__init__(f"{text[:80]!r} is none of the form {form}.")


class LearnsError(InvalidError):
    """A teacher of bandits that is none."""

    code = "learns"

    def __init__(self, text: str) -> None:
        super().__init__(f"--learns is {text[:80]!r}, but must be {' or '.join(map(repr, LEARNS))}.")


def weights(endpoint: str, pairs: Sequence[str], *, why: str, as_json: bool, home: Path | None) -> None:
    """Share the rows by weights, and say what stands now."""
    shares = weights_of(pairs)
    _steer(lambda desk: desk.set_weights(endpoint, shares, why=why), as_json=as_json, home=home)


def segments(endpoint: str, column: str, *, pairs: Sequence[str], why: str, as_json: bool, home: Path | None) -> None:
    """Share the rows by a column's values, and say what stands now."""
    values = {
        value: _number(number, pair, form="VALUE=VERSION") for pair in pairs for value, number in [_split(pair, form="VALUE=VERSION")]
    }
    _steer(lambda desk: desk.set_segments(endpoint, column, versions=values, why=why), as_json=as_json, home=home)


def bandit(endpoint: str, versions: Sequence[int], *, learns: str, why: str, as_json: bool, home: Path | None) -> None:
    """Share the rows by what versions earn, and say what stands now.

    Raises:
        LearnsError: nothing of the kind teaches a bandit.
    """
    if learns not in LEARNS:
        raise LearnsError(learns)
    _steer(lambda desk: desk.set_bandit(endpoint, versions, learns=learns, why=why), as_json=as_json, home=home)


def shadow(endpoint: str, versions: Sequence[int], *, why: str, as_json: bool, home: Path | None) -> None:
    """Let these versions watch, and no others, and say what stands now."""
    _steer(lambda desk: desk.set_shadows(endpoint, versions, why=why), as_json=as_json, home=home)


def weights_of(pairs: Sequence[str]) -> dict[int, float]:
    """Shares by version, of texts such as 1=0.9.

    >>> weights_of(["1=0.9", "2=0.1"])
    {1: 0.9, 2: 0.1}

    Raises:
        PairError: one is of another form, or a version is named twice.
    """
    found: dict[int, float] = {}
    for pair in pairs:
        number, share = _split(pair, form="VERSION=SHARE")
        version = _number(number, pair, form="VERSION=SHARE")
        try:
            value = float(share)
        except ValueError as error:
            raise PairError(pair, form="VERSION=SHARE, such as 1=0.9") from error
        if not math.isfinite(value):
            raise PairError(pair, form="VERSION=SHARE with a share between 0 and 1")
        if version in found:
            raise PairError(pair, form="VERSION=SHARE with each version once")
        found[version] = value
    return found


def _split(pair: str, *, form: str) -> tuple[str, str]:
    value, sign, number = pair.rpartition("=")
    if not sign:
        raise PairError(pair, form=form)
    return value, number


def _number(text: str, pair: str, *, form: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
        raise PairError(pair, form=form)
    return int(text)


def _steer(act: Callable[[Any], dict[str, Any]], *, as_json: bool, home: Path | None) -> None:
    with open_desk(home, os.environ) as desk:
        told(act(desk.steering), as_json=as_json)


def told(found: Mapping[str, Any], *, as_json: bool) -> None:
    """Print what stands now, the deployment itself as JSON, and which model servers do not act on it."""
    deployment = found["deployment"]
    if as_json:
        sys.stdout.write(json.dumps(deployment, indent=2, sort_keys=True) + "\n")
        return
    sys.stdout.write(f"Endpoint '{deployment['endpoint']}': {'; '.join(_sentences(deployment))}.\n")
    servers = found.get("servers") or {}
    for server, reason in servers.get("refused", {}).items():
        sys.stderr.write(f"Model server {server} goes on as before: {reason}\n")
    for server in [*servers.get("late", ()), *servers.get("absent", ())]:
        sys.stderr.write(f"Model server {server} has not said that it acts on it.\n")


def _sentences(deployment: Mapping[str, Any]) -> list[str]:
    found = [f"version {deployment['champion']} is champion"]
    if deployment["canary"] is not None:
        found.append(f"version {deployment['canary']} is its canary with {deployment['share']:.0%} of the rows")
    match deployment.get("policy"):
        case {"policy": "segments", "column": column, "values": values}:
            found.append(f"rows are shared by {column}: {', '.join(f'{value} version {number}' for value, number in values.items())}")
        case {"policy": kind, "shares": shares}:
            by = "what versions earn" if kind == "bandit" else "weights"
            found.append(f"rows are shared by {by}: {', '.join(f'version {number} {share:.1%}' for number, share in shares.items())}")
    if deployment.get("shadows"):
        found.append(f"shadows: {', '.join(f'version {number}' for number in deployment['shadows'])}")
    return found
