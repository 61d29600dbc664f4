"""Whether anybody answers at an endpoint by the control plane's word: a model server that has just started may not know yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flyball.client import ClientError
from flyball.core.clock import Timer

LOOK_SECONDS = 0.1
_MISSING = 404


class Released:
    """Asks of each endpoint until it has a champion, which it keeps from then on, and no oftener than ten times a second.

    `get` gives an endpoint as the control plane tells it. While that does not answer, nothing is known, and one had better wait.
    """

    def __init__(self, get: Callable[[str], Mapping[str, Any]], timer: Timer) -> None:
        self._get, self._timer = get, timer
        self._known: set[str] = set()
        self._looked: dict[str, float] = {}

    def may_answer(self, endpoint: str) -> bool:
        """False where nothing was released there, as was said a moment ago at most."""
        if endpoint in self._known:
            return True
        now = self._timer.seconds()
        if now - self._looked.get(endpoint, -LOOK_SECONDS) < LOOK_SECONDS:
            return False
        try:
            champion = self._get(endpoint)["champion"]
        except ClientError as error:
            if error.status != _MISSING:
                return True
            champion = None
        if champion is None:
            self._looked[endpoint] = now
            return False
        self._known.add(endpoint)
        return True
