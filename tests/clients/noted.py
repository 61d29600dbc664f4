"""What the scripts of this directory have in common. They run in a stock client's environment, as `python -m tests.clients.NAME`.

They speak with the server of MLFLOW_TRACKING_URI, which may be Flyball or MLflow's own: what they claim holds of both.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import mlflow
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
    try:
        found = act(*args, **named)
    except MlflowException as error:
        assert error.error_code == code, f"{error.error_code} instead of {code}: {error}"
        return str(error)
    raise AssertionError(f"{act} with {args} {named} was not refused but gave {found}")


def is_flyball() -> bool:
    """Whether the server is ours: MLflow's own takes some nonsense that we refuse."""
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    answer = http_request(get_default_host_creds(mlflow.get_tracking_uri()), "/api/1.0/", "GET", max_retries=0, raise_on_status=False)
    return "Flyball" in str(answer.text)


def tell(*clients: Noted) -> None:
    """Say which methods were called, for the test that asks whether all were."""
    print(json.dumps(sorted(set().union(*(client.called for client in clients)))))
