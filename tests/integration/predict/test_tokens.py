"""A model server process lets in whom the home's file of tokens names, as what it says, and until it says otherwise."""

from __future__ import annotations

from pathlib import Path

from flyball.governance import Caller, Role, TokenWish
from flyball.testing.governance import open_token_service
from flyball.testing.model_server import ServerProcess
from tests.live import wait_for

OWNER = Caller(Role.OWNER, "owner", principal="owner")


def test_tokens_come_and_go_while_it_runs(tmp_path: Path) -> None:
    tokens = open_token_service(tmp_path)
    with ServerProcess(tmp_path) as server:

        def status(path: str, secret: str, *, method: str = "GET") -> int:
            return server.request(method, path, headers={"Authorization": f"Bearer {secret}"}).status

        assert status("/metrics", "flyball_nobody") == 401
        viewer, editor = (tokens.create(TokenWish(name=role.value, role=role), by=OWNER).secret for role in (Role.VIEWER, Role.EDITOR))
        wait_for(lambda: status("/metrics", viewer) == 200, 60, told="a token that was just made")
        assert status("/predict/late", viewer, method="POST") == 403
        assert status("/predict/late", editor, method="POST") not in {401, 403}
        tokens.revoke("viewer", by=OWNER)
        wait_for(lambda: status("/metrics", viewer) == 401, 60, told="the revocation")
        refused = server.request("GET", "/metrics", headers={"Authorization": f"Bearer {viewer}"})
        assert (refused.code, "'viewer' was revoked" in refused.message) == ("token-revoked", True)
        assert status("/metrics", editor) == 200
