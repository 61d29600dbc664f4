"""Requests of an MLflow client by raw HTTP, and what is asked of their answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import httpx

from flyball.api.mlflow import Services

PREFIX = "/api/2.0/mlflow/"


@dataclass
class Door:
    """Where it answers, what stands behind it, and clients with the owner's token and without one."""

    url: str
    services: Services
    owner: httpx.Client
    stranger: httpx.Client
    names: dict[str, int] = field(default_factory=dict)

    def fresh(self, stem: str) -> str:
        """A name that nothing has yet."""
        self.names[stem] = self.names.get(stem, 0) + 1
        return f"{stem}-{self.names[stem]}"

    def ask(self, route: str, body: Any = None, **query: Any) -> httpx.Response:
        """The answer to a request of the owner; the path stands without the prefix of MLflow's API."""
        method, _, path = route.partition(" ")
        headers = {} if body is None else {"Content-Type": "application/json"}
        content = None if body is None else body if isinstance(body, (str, bytes)) else json.dumps(body)
        url = path if path.startswith("/") else PREFIX + path
        return self.owner.request(method, url, content=content, headers=headers, params=query or None)

    def say(self, route: str, body: Any = None, **query: Any) -> Any:
        """What the answer says, which must be a good one."""
        answer = self.ask(route, body, **query)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/json"
        return answer.json()

    def refuse(self, route: str, body: Any = None, *, status: int = 400, code: str = "INVALID_PARAMETER_VALUE", **query: Any) -> str:
        """What the refusal says, which must be one, in MLflow's form."""
        answer = self.ask(route, body, **query)
        assert answer.status_code == status, answer.text
        assert set(answer.json()) == {"error_code", "message"}
        assert answer.json()["error_code"] == code
        return str(answer.json()["message"])

    def experiment(self) -> str:
        """A new experiment."""
        return str(self.say("POST experiments/create", {"name": self.fresh("experiment")})["experiment_id"])

    def run(self, experiment: str | None = None) -> str:
        """A new run."""
        made = self.say("POST runs/create", {"experiment_id": experiment or self.experiment(), "start_time": 1})
        return str(made["run"]["info"]["run_id"])

    def got(self, run: str) -> Any:
        """The run, as it stands."""
        return self.say("GET runs/get", run_id=run)["run"]
