"""Routes that change something: releases, rows, parity, sessions; and the plan that model servers wait for."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

from flyball.api.bodies import IdempotencyKey, Login, Name, Promotion, Refusal, Revision, Rollback, Server, Visible, Wait
from flyball.api.desk import Desk, caller_of, deed_of
from flyball.api.doors import Doors
from flyball.api.rendering import answer
from flyball.api.rowbodies import TYPES, sent
from flyball.core.optional import extra
from flyball.governance import MAY, Caller, Permission, Role, Sessions

with extra("control"):
    from starlette.requests import Request
    from starlette.responses import Response


def add_releases(doors: Doors, desk: Desk) -> None:
    """Promote and roll back by hand."""
    plane = desk.plane

    @doors.route("POST /api/v1/endpoints/{endpoint}/promote", Permission.RELEASE)
    async def promote(request: Request, *, endpoint: Name, body: Promotion) -> Response:
        """Make the canary, or the version of that number, the champion."""
        return await desk.tell(lambda: plane.promote(endpoint, body.version, deed=deed_of(request, body.why)), slow=True)

    @doors.route("POST /api/v1/endpoints/{endpoint}/rollback", Permission.RELEASE)
    async def rollback(request: Request, *, endpoint: Name, body: Rollback) -> Response:
        """Take the last step back: the canary out of the traffic; without one, end a policy; else go back to the champion before."""
        return await desk.tell(lambda: plane.rollback(endpoint, deed=deed_of(request, body.why)), slow=True)


def add_ingest(doors: Doors, desk: Desk) -> None:
    """Rows and labels, as they come; and a comparison that is asked for."""
    plane = desk.plane

    @doors.route("POST /api/v1/datasets/{name}/rows", Permission.INGEST, body=TYPES)
    async def push_rows(request: Request, *, name: Name, key: IdempotencyKey = None, visible: Visible = False) -> Response:
        """Take rows; answered when nothing can lose them. With the same Idempotency-Key again they count once."""
        headers, content = request.headers, await request.body()
        return await desk.tell(lambda: plane.push_rows(name, sent(headers, content), key=key, visible=visible), slow=visible)

    @doors.route("POST /api/v1/datasets/{name}/pull", Permission.INGEST)
    async def pull_dataset(request: Request, *, name: Name) -> Response:
        """Take in what is new in the dataset's source, now."""
        return await desk.tell(lambda: plane.pull_dataset(name, deed=deed_of(request)), slow=True)

    @doors.route("POST /api/v1/parity", Permission.ADMIN)
    async def run_parity(request: Request) -> Response:
        """Compare a sample of served vectors with offline ones, now."""
        return await desk.tell(lambda: plane.run_parity(deed=deed_of(request)), slow=True)


def add_serving(doors: Doors, desk: Desk) -> None:
    """What model servers ask."""

    @doors.route("GET /api/v1/serving/plan", Permission.ADMIN)
    async def get_plan(
        request: Request, *, revision: Revision = 0, wait: Wait = 0, server: Server = None, refusal: Refusal = ""
    ) -> Response:
        """The serving plan; 304 where the asked revision still stands after `wait` seconds."""
        clock = asyncio.get_running_loop().time
        until = clock() + wait
        while True:
            plan = await desk.quick.run(lambda: desk.plane.find_plan(revision, server=server, refusal=refusal))
            if plan is not None:
                return Response(plan.encode(), media_type="application/json")
            left = until - clock()
            if left <= 0 or desk.waiting.stopped or await request.is_disconnected():
                return Response(status_code=304)
            await desk.waiting.until(lambda pulse: pulse.plan != revision, left, gone=request.is_disconnected)


def add_sessions(doors: Doors, desk: Desk) -> None:
    """Login codes and sessions."""
    sessions = desk.sessions

    @doors.route("POST /api/v1/login-codes", Permission.LOGIN, status=201)
    async def create_login_code(request: Request) -> Response:
        """A code that opens one session of the caller's own role, good once and for minutes."""
        holder = caller_of(request).holder
        return answer(await desk.quick.run(lambda: {"code": sessions.create_code(holder), "expires_seconds": sessions.code_seconds}), 201)

    @doors.route("POST /api/v1/sessions", Permission.LOGIN, status=201)
    async def create_session(body: Login) -> Response:
        """A session for a login code, which is used up by that; its token is sent as any other is."""
        return answer(await desk.quick.run(lambda: asdict(sessions.exchange(body.code))), 201)

    @doors.route("GET /api/v1/sessions", Permission.LOGIN)
    async def get_session(request: Request) -> Response:
        """Whom the server takes the caller for, what they may, and whether they came by a session."""
        caller = caller_of(request)
        permissions = sorted(permission.value for permission in MAY[caller.role])
        facts = {"role": caller.role.value, "actor": caller.actor, "principal": caller.principal, "permissions": permissions}
        return answer({**facts, "session": caller.session is not None})

    @doors.route("DELETE /api/v1/sessions", Permission.LOGIN)
    async def delete_session(request: Request) -> Response:
        """End the session whose token was sent; with another token all of its own, and with the owner's everybody's."""
        caller = caller_of(request)
        await desk.quick.run(lambda: _end(sessions, caller))
        return answer({"status": "ok"})


def _end(sessions: Sessions, caller: Caller) -> None:
    if caller.session is not None:
        sessions.end(caller.session)
    else:
        sessions.end_all(None if caller.role is Role.OWNER else caller.holder)
