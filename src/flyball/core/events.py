"""Events: what happened, to what, when, by whom, and because of which other event.

The shape is that of CloudEvents 1.0 (id, type, source, subject, time, data) with two extensions: `actor` and `cause`.
Rows, predictions and feature vectors are data and never stand in events; their versions and windows do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flyball.core.canonical import canonical
from flyball.core.clock import utc
from flyball.core.ids import EventId


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    `type` is a dotted noun and past participle ("version.validated"); `subject` names what it happened to ("model/late-arrival",
    "dataset/flights", "rollout/late-arrival/3"); `time` is business time, UTC; `data` is JSON and small; `cause` is the id of
    the event that led to this one, or None where a person or the outside world did.
    """

    id: EventId
    type: str
    subject: str
    time: datetime
    data: Mapping[str, Any] = field(default_factory=dict)
    actor: str = "system"
    cause: EventId | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "time", utc(self.time))
        object.__setattr__(self, "data", json.loads(canonical(self.data)))

    def to_cloudevent(self, source: str = "flyball") -> dict[str, Any]:
        """The event as a CloudEvents 1.0 JSON object."""
        return {
            "specversion": "1.0", "id": self.id, "type": f"dev.flyball.{self.type}", "source": source, "subject": self.subject,
            "time": self.time.isoformat(), "datacontenttype": "application/json", "data": dict(self.data), "actor": self.actor,
            **({"cause": self.cause} if self.cause else {}),
        }  # fmt: skip
