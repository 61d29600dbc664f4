"""What every route has at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flyball.api.crew import Crew
from flyball.api.rendering import answer
from flyball.api.rim import CALLER
from flyball.api.waiting import Waiting
from flyball.app.controlplane import ControlPlane, Deed, Json
from flyball.core.optional import extra
from flyball.governance import Caller, Sessions

with extra("control"):
    from starlette.requests import Request
    from starlette.responses import Response


@dataclass(frozen=True)
class Desk:
    """The control plane, the threads that call it (`slow` for what may take long), the long polls and the sessions."""

    plane: ControlPlane
    quick: Crew
    slow: Crew
    waiting: Waiting
    sessions: Sessions

    async def tell(self, work: Callable[[], Json], *, slow: bool = False) -> Response:
        """What the call says, as JSON."""
        return answer(await (self.slow if slow else self.quick).run(work))


def caller_of(request: Request) -> Caller:
    """Who asks, as the rim found out."""
    found: Caller = request.scope[CALLER]
    return found


def deed_of(request: Request, why: str = "") -> Deed:
    """Who does it, and why."""
    return Deed(caller_of(request).actor, why)
