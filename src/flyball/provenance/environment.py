"""What a run ran on: the interpreter, the platform, and the version of every installed distribution."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata

from flyball.core.canonical import digest
from flyball.core.ids import Digest


@dataclass(frozen=True)
class Environment:
    """The interpreter, the machine's kind, and distributions with their versions, by name in lower case."""

    python: str
    platform: str
    packages: Mapping[str, str]

    @property
    def digest(self) -> Digest:
        """Equal for environments that are told apart by nothing recorded here."""
        return digest(self)


@cache
def environment() -> Environment:
    """The environment of this process; read once, because a process cannot change it."""
    found = {str(item.metadata["Name"]).lower(): item.version for item in metadata.distributions() if item.metadata["Name"]}
    return Environment(
        python=f"{platform.python_implementation()} {platform.python_version()}",
        platform=f"{platform.system()} {platform.machine()}",
        packages=dict(sorted(found.items())),
    )
