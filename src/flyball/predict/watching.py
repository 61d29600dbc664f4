"""Whether a server is traced, as the environment says; light."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flyball.core.clock import Timer
from flyball.predict.app import PredictApp
from flyball.serving.engine import Engine

if TYPE_CHECKING:
    from flyball.predict.tracing import Traces

_WHERE = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def wanted(environment: Mapping[str, str]) -> bool:
    """Whether traces are to be sent: somebody said where, or asked for them.

    >>> wanted({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}), wanted({})
    (True, False)
    """
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or environment.get("OTEL_TRACES_EXPORTER", "otlp") == "none":
        return False
    return any(environment.get(name) for name in _WHERE) or "OTEL_TRACES_EXPORTER" in environment


def watched(app: PredictApp, engine: Engine, *, timer: Timer, environment: Mapping[str, str]) -> tuple[Any, Traces | None]:
    """The app with traces around and inside it where they are wanted, and what sends them; else the app as it is.

    Raises:
        MissingExtraError: they are wanted, and the extra `otel` is not installed.
    """
    if not wanted(environment):
        return app, None
    from flyball.predict.tracing import Stages, TracedApp, Traces

    traces = Traces(timer)
    engine.stages = Stages(traces)
    return TracedApp(app, traces), traces
