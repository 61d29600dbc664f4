"""What the scripts of this directory have in common. They run in a stock client's environment, as `python -m tests.clients.NAME`.

They speak with the server of MLFLOW_TRACKING_URI, which may be Flyball or MLflow's own: what they claim holds of both.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.utils.name_utils import _generate_random_name


class Noted:
    """The stock client, which notes which of its methods were called."""

    def __init__(self) -> None:
        self._client = MlflowClient()
        self.called: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.called.add(name)
        return getattr(self._client, name)


def fresh(kind: str) -> str:
    """A name that nothing has."""
    return f"{kind}-{_generate_random_name()}"


def refused(code: str, act: Callable[..., Any], *args: Any, **named: Any) -> str:
    """What the refusal says, which must be one, with this error code."""
    refusal = None
    try:
        found = act(*args, **named)
    except MlflowException as error:
        refusal = error
    assert refusal is not None, f"{act} with {args} {named} was not refused but gave {found}"
    assert refusal.error_code == code, f"{refusal.error_code} instead of {code}: {refusal}"
    return str(refusal)


def tell(*clients: Noted) -> None:
    """Say which methods were called, for the test that asks whether all were."""
    print(json.dumps(sorted(set().union(*(client.called for client in clients)))))
