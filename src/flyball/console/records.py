"""Runs, experiments and registered models as the console shows them: decoded and checked here, trusted afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import isfinite

import msgspec

from flyball.console.answers import Interval

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Pair(msgspec.Struct, frozen=True):
    """A parameter or a tag."""

    key: str
    value: str = ""


class Latest(msgspec.Struct, frozen=True):
    """A metric's latest value; JSON has no word for some, which come as texts."""

    key: str
    value: float | str
    timestamp: int = 0
    step: int = 0
    run_id: str = ""

    @property
    def number(self) -> float:
        """The value as a number."""
        return float(self.value)


class Experiment(msgspec.Struct, frozen=True):
    """A set of runs under one name."""

    experiment_id: str
    name: str
    lifecycle_stage: str = "active"


class Head(msgspec.Struct, frozen=True):
    """What stands of a run without what was logged to it; times in milliseconds since 1970 UTC."""

    run_id: str
    experiment_id: str
    run_name: str = ""
    user_id: str = ""
    status: str = "UNKNOWN"
    start_time: int = 0
    end_time: int | None = None
    lifecycle_stage: str = "active"
    artifact_uri: str = ""

    @property
    def runs(self) -> bool:
        """Whether more may come."""
        return self.status in {"RUNNING", "SCHEDULED"} and self.lifecycle_stage == "active"

    @property
    def title(self) -> str:
        """Its name, or its id where it has none."""
        return self.run_name or self.run_id


class Logged(msgspec.Struct, frozen=True):
    """What was logged."""

    metrics: tuple[Latest, ...] = ()
    params: tuple[Pair, ...] = ()
    tags: tuple[Pair, ...] = ()


class Data(msgspec.Struct, frozen=True):
    """A dataset that a run has read."""

    name: str
    digest: str = ""
    source_type: str = ""
    source: str = ""


class DataInput(msgspec.Struct, frozen=True):
    """A dataset and what the run says of it."""

    dataset: Data
    tags: tuple[Pair, ...] = ()


class ModelLink(msgspec.Struct, frozen=True):
    """A logged model that a run has read or made."""

    model_id: str


class Inputs(msgspec.Struct, frozen=True):
    """What a run has read."""

    dataset_inputs: tuple[DataInput, ...] = ()
    model_inputs: tuple[ModelLink, ...] = ()


class Outputs(msgspec.Struct, frozen=True):
    """What a run has made."""

    model_outputs: tuple[ModelLink, ...] = ()


class Run(msgspec.Struct, frozen=True):
    """A run with all that its own page shows."""

    info: Head
    data: Logged = Logged()
    inputs: Inputs = Inputs()
    outputs: Outputs = Outputs()

    @property
    def params(self) -> Mapping[str, str]:
        """Parameters by name."""
        return {pair.key: pair.value for pair in self.data.params}

    @property
    def tags(self) -> Mapping[str, str]:
        """Tags by name."""
        return {pair.key: pair.value for pair in self.data.tags}

    @property
    def metrics(self) -> Mapping[str, float]:
        """Latest values by name."""
        return {metric.key: metric.number for metric in self.data.metrics}


class FileEntry(msgspec.Struct, frozen=True):
    """A name in a directory of a run; `file_size` in bytes."""

    path: str
    is_dir: bool = False
    file_size: int | None = None

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]


class Alias(msgspec.Struct, frozen=True):
    """A name for one version."""

    alias: str
    version: str


class Version(msgspec.Struct, frozen=True):
    """A version of a registered model."""

    name: str
    version: str
    creation_timestamp: int = 0
    last_updated_timestamp: int = 0
    user_id: str = ""
    current_stage: str = ""
    description: str = ""
    source: str = ""
    run_id: str = ""
    status: str = ""
    model_id: str = ""
    tags: tuple[Pair, ...] = ()
    aliases: tuple[str, ...] = ()


class Registered(msgspec.Struct, frozen=True):
    """A registered model."""

    name: str
    creation_timestamp: int = 0
    last_updated_timestamp: int = 0
    description: str = ""
    latest_versions: tuple[Version, ...] = ()
    tags: tuple[Pair, ...] = ()
    aliases: tuple[Alias, ...] = ()


class Evidence(msgspec.Struct, frozen=True):
    """What is known of a version of a model that a loop trains."""

    version: int
    state: str = ""
    role: str | None = None
    code_version: str = ""
    metric: str | None = None
    metric_value: float | None = None
    metric_interval: Interval | None = None
    data_versions: dict[str, int | str] = {}


Curve = Sequence[tuple[int, int, float]]
"""Steps, times and values of one metric of one run, by step."""


def time_of(milliseconds: int) -> datetime:
    """The moment in UTC; one that no calendar holds becomes the first.

    >>> time_of(1_000).isoformat()
    '1970-01-01T00:00:01+00:00'
    """
    try:
        return EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return EPOCH


def plain(value: float | None) -> str:
    """A metric's value in as many digits as tell it, or a dash.

    >>> plain(0.123456789), plain(1e-9), plain(12.0), plain(float("nan"))
    ('0.123457', '1e-09', '12', 'NaN')
    """
    if value is None:
        return "\N{EN DASH}"
    if not isfinite(value):
        return "NaN" if value != value else "\N{INFINITY}" if value > 0 else "\N{MINUS SIGN}\N{INFINITY}"  # noqa: PLR0124  only NaN differs from itself
    return f"{value:.6g}"
