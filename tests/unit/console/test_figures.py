"""The console's figures: for visitors, and for programs that bring the owner's token."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.responses import PlainTextResponse

from flyball.console.guard import Guard
from flyball.console.sessions import Everybody, Sessions
from flyball.core.clock import ManualTimer
from flyball.governance.hosts import HostGuard
from tests.unit.console.planes import MemoryPlane

TOKEN = "t" * 43


def asked(guard: Guard, *paths: str, **headers: str) -> list[httpx.Response]:
    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(guard)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8502", headers=headers) as client:
            return [await client.get(path) for path in paths]

    return asyncio.run(ask())


def guard(*, logins: bool = True) -> Guard:
    visitors = Sessions(MemoryPlane(), ManualTimer()) if logins else Everybody()
    return Guard(PlainTextResponse("page"), hosts=HostGuard.of("127.0.0.1", 8502), visitors=visitors, cookie="c", token=TOKEN)


def test_the_owners_token_reads_them_and_nothing_else() -> None:
    figures, page = asked(guard(), "/metrics", "/models/late", Authorization=f"Bearer {TOKEN}")
    assert (figures.status_code, page.status_code) == (200, 401)
    assert "process_cpu_seconds_total" in figures.text


@pytest.mark.parametrize("given", ["", "Bearer ", f"Bearer {TOKEN}x", TOKEN])
def test_nobody_else_does(given: str) -> None:
    (found,) = asked(guard(), "/metrics", Authorization=given)
    assert found.status_code == 401


def test_pages_are_counted_as_pages_whatever_was_asked() -> None:
    own = guard(logins=False)
    *_, figures = asked(own, "/models/late", "/../etc", "/healthz", "/metrics")
    assert 'flyball_http_requests_total{route="pages",status="200"} 2' in figures.text
    assert 'flyball_http_requests_total{route="/healthz",status="200"} 1' in figures.text
    assert "late" not in figures.text
