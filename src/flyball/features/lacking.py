"""What is said of a request's row for which a look-up has nothing fresh: a warning, or, where the view asks for it, a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from flyball.core.duration import format_duration
from flyball.core.errors import FlyballError
from flyball.features.errors import EntityUnknownError, FeatureMissingError
from flyball.features.featureset import FeatureSet
from flyball.features.lookup import ViewLookup
from flyball.features.mirror import Lack
from flyball.features.windowing import WindowLookup

UNFRESH: frozenset[Lack] = frozenset(("unpublished", "stale", "late"))
"""What only the writer of the online store can mend; the rest is the caller's."""


@dataclass(frozen=True)
class Terms:
    """A view by its label, the request's columns that hold its entity, how old a value may be, and whether a request needs one."""

    label: str
    bound: tuple[str, ...]
    limit: str
    refuses: bool

    def words(self, lack: Lack, entity: Mapping[str, Any]) -> str:
        """What is wrong with the row, as a clause."""
        named = ", ".join(f"{name} {value!r}" for name, value in entity.items())
        match lack:
            case "unpublished":
                return f"nothing is published of {self.label!r} yet"
            case "unnamed":
                return f"{self.label!r} is looked up by {', '.join(self.bound)}, which is null"
            case "unknown":
                return f"nothing is known for {self.label!r} of {named}"
            case "stale":
                return f"what is known for {self.label!r} of {named} is older than {self.limit}"
            case "late":
                return f"{self.label!r} answers with a boundary that is older than twice {self.limit}"
        assert_never(lack)

    def refusal(self, lack: Lack, entity: Mapping[str, Any]) -> FlyballError:
        """Why the row has no answer."""
        words = self.words(lack, entity)
        return FeatureMissingError(words) if lack in UNFRESH else EntityUnknownError(words)


def terms_of(features: FeatureSet) -> dict[str, Terms]:
    """The terms of each view and window view, by label."""
    found = {}
    for lookup in features.lookups:
        if isinstance(lookup, ViewLookup | WindowLookup):
            feature = lookup.feature
            length = lookup.feature.every if isinstance(lookup, WindowLookup) else lookup.feature.ttl
            limit = "" if length is None else format_duration(length)
            found[feature.label] = Terms(feature.label, lookup.inputs, limit, feature.missing == "error")
    return found
