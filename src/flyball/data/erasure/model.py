"""An erasure: what was asked, how far it is, and what it comes to. Frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flyball.core.ids import Digest


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """`keys` keys of `dataset` are erased under the name `job`; `done` has a `certificate`, a blob. `found` was there before."""

    job: str
    dataset: str
    keys: int
    why: str
    actor: str
    begun: datetime
    done: bool = False
    found: Mapping[str, Any] | None = None
    certificate: Digest | None = None
