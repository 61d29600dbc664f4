"""Experiments in MLflow's meaning: a name that runs and logged models are gathered under."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

DEFAULT_ID = "0"
DEFAULT_NAME = "Default"


class Lifecycle(StrEnum):
    """Whether a thing is shown; what is deleted can be restored until it is purged."""

    ACTIVE = "active"
    DELETED = "deleted"


class ViewType(StrEnum):
    """Which lifecycles a search looks at."""

    ACTIVE_ONLY = "active-only"
    DELETED_ONLY = "deleted-only"
    ALL = "all"

    @property
    def lifecycles(self) -> tuple[Lifecycle, ...]:
        """The lifecycles that are seen."""
        match self:
            case ViewType.ACTIVE_ONLY:
                return (Lifecycle.ACTIVE,)
            case ViewType.DELETED_ONLY:
                return (Lifecycle.DELETED,)
            case ViewType.ALL:
                return (Lifecycle.ACTIVE, Lifecycle.DELETED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One experiment; `id` is a whole number as text, times are milliseconds since 1970 UTC."""

    id: str
    name: str
    artifact_location: str
    lifecycle: Lifecycle = Lifecycle.ACTIVE
    created_ms: int
    updated_ms: int
    tags: Mapping[str, str] = field(default_factory=dict)
