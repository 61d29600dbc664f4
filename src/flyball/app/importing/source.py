"""Where runs and models are imported from, as values of ours. A source is read only, in any order, and again after an interruption."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from flyball.core.errors import InvalidError, UnavailableError
from flyball.tracking.experiment import Experiment
from flyball.tracking.loggedmodel import LoggedModel
from flyball.tracking.trackedrun import Metric, TrackedRun


class SourceError(UnavailableError):
    """The source cannot be read."""

    code = "import-source"

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what} cannot be read: {why}. What was imported so far stays; run the command again and it goes on from there.")


class NotATrackingStoreError(InvalidError):
    """What was named holds no runs."""

    code = "import-form"

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what} is no MLflow store: {why}. Name the URL of an MLflow server or the path of its SQLite file.")


LARGEST = 1.7976931348623157e308
"""What MLflow's database stores for an infinity, because its own cannot hold one."""


def restored(value: float) -> float:
    """The value that was logged.

    >>> restored(LARGEST), restored(-LARGEST), restored(0.5)
    (inf, -inf, 0.5)
    """
    return float("inf") if value >= LARGEST else float("-inf") if value <= -LARGEST else value


def model_of(source: str) -> str | None:
    """The logged model that a version was made from, by its source; None where it was made from something else.

    >>> model_of("models:/m-0123"), model_of("runs:/0123/model")
    ('m-0123', None)
    """
    return source.removeprefix("models:/") if source.startswith("models:/m-") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundVersion:
    """A registered version as its source tells it; `files` is the URI below which its files lie there."""

    number: int
    source: str
    files: str
    run: str | None = None
    model: str | None = None
    user: str = ""
    description: str = ""
    stage: str = "None"
    created_ms: int
    updated_ms: int
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundModel:
    """A registered model with all its versions, by number."""

    name: str
    description: str = ""
    created_ms: int
    updated_ms: int
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, int] = field(default_factory=dict)
    versions: tuple[FoundVersion, ...] = ()


class Source(Protocol):
    """A tracking store of somebody else. Every method raises SourceError where it cannot be read."""

    @property
    def name(self) -> str:
        """What it is, for a person."""
        ...

    def experiments(self) -> Iterator[Experiment]:
        """Every experiment, deleted ones too, by id."""
        ...

    def runs(self, experiment: str) -> Iterator[TrackedRun]:
        """Every run of it, deleted ones too, with its latest metrics and all that it has read and made."""
        ...

    def history(self, run: str, key: str) -> Iterator[Metric]:
        """Every point of the metric, in the order of logging where the source knows it."""
        ...

    def logged_models(self, experiment: str) -> Iterator[LoggedModel]:
        """Every logged model of the experiment."""
        ...

    def registered(self) -> Iterator[FoundModel]:
        """Every registered model, by name."""
        ...

    def files(self, uri: str) -> Iterator[str]:
        """The paths of the files below a URI of the source, with slashes; nothing where nothing is."""
        ...

    def read(self, uri: str, path: str) -> Iterator[bytes]:
        """One file, in pieces."""
        ...
