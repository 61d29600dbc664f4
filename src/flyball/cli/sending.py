"""One kept connection to a server of our own: a body goes out, an answer comes back, and a server that starts again is waited for."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flyball.core.clock import Timer
from flyball.core.errors import UnavailableError
from flyball.core.trust import SYSTEM, Trust

PATIENCE_SECONDS = 120.0
RETRY_SECONDS = 0.1
_ANSWER_SECONDS = 60.0
_IDLE_SECONDS = 2.0  # a server may hang up on a connection that is not used, just as we use it
_AGAIN = frozenset((429, 502, 503, 504))


class ServerGoneError(UnavailableError):
    """A server that answered before does not answer any more."""

    code = "server-gone"

    def __init__(self, url: str, reason: str, *, resume: str) -> None:
        super().__init__(f"{url} does not answer ({reason}). When `flyball up` runs again, go on with: {resume}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `seconds` is how long the last attempt took."""

    status: int
    body: bytes
    seconds: float
    attempts: int

    @property
    def problem(self) -> Mapping[str, Any]:
        """{"code", "message"} of a refusal."""
        try:
            found: Mapping[str, Any] = json.loads(self.body)["error"]
        except (ValueError, KeyError, TypeError):
            return {"code": str(self.status), "message": self.body[:200].decode(errors="replace")}
        return found


class Line:
    """A kept connection to `url`; for one thread.

    `goes_on` is called before each further attempt, and raises when there is no use in any; `again` says it of one answer.
    """

    def __init__(
        self,
        url: str,
        token: str | None,
        *,
        timer: Timer,
        goes_on: Callable[[], None],
        again: Callable[[Answer], bool] = lambda _: True,
        trust: Trust = SYSTEM,
    ) -> None:
        self.url = url
        self._connection = trust.connect(url, _ANSWER_SECONDS)
        self._headers = {"Content-Type": "application/json"} | ({} if token is None else {"Authorization": f"Bearer {token}"})
        self._timer, self._goes_on, self._again = timer, goes_on, again
        self._used = timer.seconds()

    def post(self, path: str, body: bytes, *, key: str | None = None) -> Answer:
        """The answer to `body`; asked for again for two minutes while none comes, or one that says to try again.

        Raises:
            TimeoutError: it did not come in time.
        """
        headers = self._headers | ({} if key is None else {"Idempotency-Key": key})
        deadline, attempts, reason = self._timer.seconds() + PATIENCE_SECONDS, 0, ""
        while True:
            attempts += 1
            begun = self._timer.seconds()
            if begun - self._used > _IDLE_SECONDS:
                self._connection.close()
            try:
                self._connection.request("POST", path, body, headers)
                response = self._connection.getresponse()
                content = response.read()
                self._used = self._timer.seconds()
                answer = Answer(response.status, content, self._used - begun, attempts)
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                reason = str(error) or type(error).__name__
            else:
                if answer.status not in _AGAIN or not self._again(answer):
                    return answer
                reason = str(answer.problem["message"])
            if self._timer.seconds() > deadline:
                raise TimeoutError(reason)
            self._goes_on()
            time.sleep(RETRY_SECONDS)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
