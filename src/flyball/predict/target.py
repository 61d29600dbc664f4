"""What a request is about, and who asks it: what doors and the data plane hand each other."""

from __future__ import annotations

from typing import Protocol

import msgspec

from flyball.serving.asked import Wants
from flyball.serving.openform import OpenForm
from flyball.serving.rowform import RowForm
from flyball.serving.version import LoadedEndpoint, LoadedVersion


class Asker(Protocol):
    """Who asks, and since when: `arrived` is real time. `principal` is the proved name, `trace` the caller's traceparent or ""."""

    @property
    def arrived(self) -> float: ...
    @property
    def principal(self) -> str: ...
    @property
    def trace(self) -> str: ...


class Origin(msgspec.Struct, frozen=True, gc=False):
    """A plain `Asker`."""

    arrived: float
    principal: str = ""
    trace: str = ""


class Target(msgspec.Struct, frozen=True, gc=False):
    """What a name and a version mean now: an endpoint, the form of its rows, and what is wanted of it. `name` is as it was asked."""

    name: str
    endpoint: LoadedEndpoint
    form: RowForm | OpenForm
    wants: Wants
    version: LoadedVersion
    """Who says what the outputs are like: the version that was named, else the champion."""
