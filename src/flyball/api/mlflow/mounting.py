"""The door with its threads, as a control plane's app takes it."""

from __future__ import annotations

from flyball.api.app import DEFAULT_LIMITS, Limits
from flyball.api.crew import Crew
from flyball.api.intake import Intake
from flyball.api.mlflow.call import Services
from flyball.api.mlflow.door import Hands, MlflowDoor

QUICK, SLOW, FILES = 16, 4, 16


def mlflow_door(services: Services, *, limits: Limits = DEFAULT_LIMITS) -> MlflowDoor:
    """The door to `services`, for `create_app(..., annexes=[mlflow_door(...)])`; for one event loop."""
    # Those who write at the same time share one commit: it takes many hands to have many at the same time.
    hands = Hands(
        quick=Crew("mlflow", hands=QUICK, queue=2 * limits.queue),
        slow=Crew("mlflow-slow", hands=SLOW, queue=limits.queue),
        files=Crew("mlflow-files", hands=FILES, queue=limits.queue),
    )
    return MlflowDoor(services, hands=hands, intake=Intake(limits.body_bytes, limits.body_seconds))
