"""What is counted of a call is how it ended."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

from flyball.predict.grpc.door import Door
from flyball.predict.grpc.routes import ROUTES
from flyball.serving.counters import Counters


class Slow(Door):
    """A door whose answers never come."""

    async def _once(self, *_: Any) -> None:
        await asyncio.Event().wait()


def test_a_call_that_its_caller_gave_up_is_counted_as_that() -> None:
    async def main() -> None:
        call = asyncio.ensure_future(Slow(plane, keepers)._handler(ROUTES[0])(None, None))
        await asyncio.sleep(0)
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call

    counters = Counters()
    plane: Any = SimpleNamespace(engine=SimpleNamespace(counters=counters))
    keepers: Any = None
    asyncio.run(main())
    assert dict(counters.calls) == {("Check", "CANCELLED"): 1}
