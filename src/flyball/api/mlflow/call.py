"""One request as its endpoint sees it, and what endpoints read of it alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from flyball.api.mlflow.errors import MissingValueError, WrongValueError
from flyball.api.mlflow.forms import OneRun, Pair
from flyball.governance import Caller
from flyball.registry.models import Models
from flyball.tracking.artifacts import Artifacts
from flyball.tracking.experiments import Experiments
from flyball.tracking.runs import Runs
from flyball.tracking.tracking import Tracking


@dataclass(frozen=True, slots=True)
class Services:
    """What stands behind the door: runs and what belongs to them, registered models, and files."""

    tracking: Tracking
    registry: Models
    artifacts: Artifacts


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks, what the path names, and whether the one who asks has gone; `address` is where they found this server."""

    services: Services
    caller: Caller
    args: Mapping[str, str] = field(default_factory=dict)
    gone: Callable[[], bool] = lambda: False
    address: str = ""
    authorization: str = ""

    @property
    def experiments(self) -> Experiments:
        """The experiments, which tell what is done as done by who asks."""
        return self.services.tracking.experiments.by(self.caller.actor)

    @property
    def runs(self) -> Runs:
        """The runs, which tell what is done as done by who asks; for what is no event, the services' own do."""
        return self.services.tracking.runs.by(self.caller.actor)

    @property
    def registry(self) -> Models:
        """The registered models, which tell what is done as done by who asks."""
        return self.services.registry.by(self.caller.actor)


def text(value: str | None) -> str:
    """A required text, which its form has found to be there."""
    return value or ""


def run_of(asked: OneRun) -> str:
    """The run that is asked about.

    Raises:
        MissingValueError: none is.
    """
    found = asked.run_id or asked.run_uuid
    if not found:
        raise MissingValueError("run_id")
    return found


def mapping(parameter: str, pairs: Sequence[Pair] | None, *, longest: int | None = None) -> dict[str, str]:
    """Tags as a mapping, each cut to its `longest` first characters; of several with one key the last counts.

    Raises:
        MissingValueError: one has no key.
    """
    return dict(_items(parameter, pairs or (), longest=longest))


def distinct(parameter: str, pairs: Sequence[Pair] | None, *, longest: int | None = None) -> dict[str, str]:
    """Parameters as a mapping, each cut to its `longest` first characters; each is said once.

    Raises:
        MissingValueError: one has no key.
        WrongValueError: one is said twice.
    """
    items = _items(parameter, pairs or (), longest=longest)
    found = dict(items)
    if len(found) < len(items):
        keys = [key for key, _ in items]
        doubled = sorted({key for key in keys if keys.count(key) > 1})
        raise WrongValueError(parameter, doubled, hint="each key may stand in one request only once.")
    return found


def _items(parameter: str, pairs: Sequence[Pair], *, longest: int | None) -> list[tuple[str, str]]:
    for place, pair in enumerate(pairs):
        if not pair.key:
            raise MissingValueError(f"{parameter}[{place}].key")
    return [(pair.key or "", (pair.value or "")[:longest]) for pair in pairs]


def within(parameter: str, value: int | None, *, default: int, most: int) -> int:
    """A number of results, or what it is where none is asked for.

    Raises:
        WrongValueError: it is not positive, or more than is ever given.
    """
    if value is None:
        return default
    if value <= 0:
        raise WrongValueError(parameter, value, hint="It must be a positive integer.")
    if value > most:
        raise WrongValueError(parameter, value, hint=f"It must be at most {most}.")
    return value
