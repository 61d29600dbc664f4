"""Who does something by hand, and what doors are answered with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Deed:
    """Who does something by hand, and why in their own words; both stand in the events."""

    actor: str
    why: str = ""
