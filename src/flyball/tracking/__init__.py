"""Experiments and runs: what was tried, with what, and what came of it."""

from flyball.tracking.errors import MetricValueError, ParameterChangedError, RunEndedError, RunExistsError, RunNotFoundError
from flyball.tracking.model import Logged, MetricPoint, Run, RunStatus
from flyball.tracking.service import TrackingService
from flyball.tracking.store import RunStore

__all__ = [
    "Logged",
    "MetricPoint",
    "MetricValueError",
    "ParameterChangedError",
    "Run",
    "RunEndedError",
    "RunExistsError",
    "RunNotFoundError",
    "RunStatus",
    "RunStore",
    "TrackingService",
]
