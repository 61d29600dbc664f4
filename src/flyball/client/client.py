"""A client of one control plane: what its routes mean, in Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from flyball.client.errors import ClientError
from flyball.client.wire import Ask, Json, Wire, part
from flyball.core.errors import InvalidError
from flyball.core.trust import Trust

URL, TOKEN = "FLYBALL_URL", "FLYBALL_TOKEN"
POLL_SECONDS = 25.0
NOT_MODIFIED = 304


class MissingUrlError(InvalidError):
    """Nobody said where the control plane is."""

    code = "missing-url"

    def __init__(self) -> None:
        super().__init__(f'{URL} is not set. Set it and {TOKEN} with: eval "$(flyball env)"')


@dataclass(frozen=True, slots=True)
class EventsPage:
    """Events in log order; `position` is up to where the log was read, the next page's `after`."""

    events: Sequence[Json]
    position: int


class Client(Wire):
    """One method per route; each raises a `ClientError`. Times are ISO 8601 texts in UTC. Thread-safe."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, actor: str | None = None) -> Self:
        """The client that FLYBALL_URL and FLYBALL_TOKEN name, and FLYBALL_CA_FILE, by which it knows whom it speaks to.

        Raises:
            MissingUrlError: the first is not set.
        """
        if not environment.get(URL):
            raise MissingUrlError
        return cls(environment[URL], environment.get(TOKEN), actor=actor, trust=Trust.of(environment))

    def is_alive(self) -> bool:
        """Whether a control plane answers; needs no token, and never raises a `ClientError`."""
        try:
            return self.ask(Ask("GET", "/healthz")) == {"status": "ok"}
        except ClientError:
            return False

    def get_status(self) -> Json:
        """The project, its clock, processes, disk and phase."""
        return self.ask(Ask("GET", "/api/v1/status"))

    def list_models(self) -> list[Json]:
        """Every model's summary."""
        return self.ask_list(Ask("GET", "/api/v1/models"), "models")

    def get_model(self, name: str) -> Json:
        """One model's summary."""
        return self.ask(Ask("GET", f"/api/v1/models/{part(name)}"))

    def list_windows(self, model: str) -> list[Json]:
        """A model's monitoring windows, ordered by start."""
        return self.ask_list(Ask("GET", f"/api/v1/models/{part(model)}/windows"), "windows")

    def list_versions(self, model: str) -> list[Json]:
        """A model's versions, ordered by number."""
        return self.ask_list(Ask("GET", f"/api/v1/models/{part(model)}/versions"), "versions")

    def list_events(self, after: int = 0, *, limit: int = 100, wait_seconds: float = 0.0, model: str | None = None) -> EventsPage:
        """At most `limit` events after a position; where there are none it waits for some, for `wait_seconds` (30 at most)."""
        params = {"after": after, "limit": limit, "wait": wait_seconds, **({} if model is None else {"model": model})}
        found = self.ask(Ask("GET", "/api/v1/events", params, wait_seconds=wait_seconds))
        return EventsPage(found["events"], found["position"])

    def events(self, after: int = 0, *, model: str | None = None) -> Iterator[Json]:
        """Every event after a position, as they happen, without end. An error ends it; begin again after the last position."""
        while True:
            page = self.list_events(after, limit=1000, wait_seconds=POLL_SECONDS, model=model)
            yield from page.events
            after = page.position

    def list_causes(self, event: str) -> list[Json]:
        """The event, its cause, and so on to the one without a cause."""
        return self.ask_list(Ask("GET", f"/api/v1/events/{part(event)}/causes"), "events")

    def list_datasets(self) -> list[Json]:
        """Every dataset with its latest version."""
        return self.ask_list(Ask("GET", "/api/v1/datasets"), "datasets")

    def push_rows(self, dataset: str, rows: Sequence[Mapping[str, Any]], *, key: str | None = None, visible: bool = False) -> Json:
        """{"accepted", "quarantined", "duplicate"}, once nothing can lose the rows; with the same `key` again they count once.

        With `visible` it answers when features and labels see them.
        """
        path, headers = f"/api/v1/datasets/{part(dataset)}/rows", {} if key is None else {"Idempotency-Key": key}
        params = {"visible": "true"} if visible else None
        return self.ask(Ask("POST", path, params, body={"rows": list(rows)}, headers=headers))

    def push_predictions(self, records: Sequence[Mapping[str, Any]]) -> Json:
        """{"accepted", "duplicates", "refused", "refused_records"}: predictions of another system, each once by its endpoint and id."""
        return self.ask(Ask("POST", "/api/v1/predictions", body={"predictions": list(records)}))

    def get_prediction(self, prediction: str) -> Json:
        """The trace of one prediction."""
        return self.ask(Ask("GET", f"/api/v1/predictions/{part(prediction)}"))

    def find_parity(self) -> Json | None:
        """The last parity report, or None."""
        found: Json | None = self.ask(Ask("GET", "/api/v1/parity"))["report"]
        return found

    def run_parity(self) -> Json:
        """A parity report, made now."""
        found: Json = self.ask(Ask("POST", "/api/v1/parity", wait_seconds=120.0))["report"]
        return found

    def find_plan(self, revision: int, *, server: str | None = None, wait_seconds: float = 0.0) -> bytes | None:
        """The serving plan as JSON, or None where `revision` still stands after `wait_seconds`."""
        params = {"revision": revision, "wait": wait_seconds, **({} if server is None else {"server": server})}
        response = self.send(Ask("GET", "/api/v1/serving/plan", params, wait_seconds=wait_seconds))
        return None if response.status_code == NOT_MODIFIED else response.content

    def create_login_code(self) -> str:
        """A login code, good once and for minutes."""
        found: str = self.ask(Ask("POST", "/api/v1/login-codes"))["code"]
        return found

    def create_session(self, code: str) -> Json:
        """{"token", "expires_seconds"} for a login code."""
        return self.ask(Ask("POST", "/api/v1/sessions", body={"code": code}))

    def get_session(self) -> Json:
        """{"role", "actor", "principal", "permissions", "session": whether a session's token was sent}: whom the server takes us for."""
        return self.ask(Ask("GET", "/api/v1/sessions"))

    def delete_session(self) -> None:
        """End the session whose token this client sends; with another token all of its own, with the owner's everybody's."""
        self.ask(Ask("DELETE", "/api/v1/sessions"))

    def create_token(self, name: str, *, role: str, expires: str = "90d", run_code: bool = False) -> Json:
        """{"token", "secret"}: the secret is told this once."""
        return self.ask(Ask("POST", "/api/v1/tokens", body={"name": name, "role": role, "expires": expires, "run_code": run_code}))

    def list_tokens(self) -> list[Json]:
        """The project's tokens, those that have ended too, by creation."""
        return self.ask_list(Ask("GET", "/api/v1/tokens"), "tokens")

    def revoke_token(self, name: str) -> Json:
        """The token of that name or id, which opens nothing any more."""
        found: Json = self.ask(Ask("DELETE", f"/api/v1/tokens/{part(name)}"))["token"]
        return found
