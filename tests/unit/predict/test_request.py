"""Where a path leads is found once for those who ask often, and nothing piles up for those who try."""

from __future__ import annotations

from typing import Any

from flyball.governance import Permission
from flyball.predict.request import Route, Routes


async def nobody(plane: Any, request: Any) -> Any:
    raise NotImplementedError


ROUTES = [Route("POST", "/predict/{name}", Permission.PREDICT, nobody), Route("GET", "/v2/models/{name}", Permission.READ, nobody)]


def test_a_path_says_which_route_and_name() -> None:
    routes = Routes(ROUTES)
    place = routes.find("/predict/late")
    assert place is not None
    assert (place.name, list(place.routes)) == ("late", ["POST"])
    assert routes.find("/predict/late") is place
    assert routes.find("/predict/late/more") is None


def test_paths_that_nobody_has_are_not_kept() -> None:
    routes = Routes(ROUTES)
    for number in range(3000):
        found = routes.find(f"/predict/{number}{'x' * 60_000}")
        assert found is not None
        assert len(found.name) > 60_000
    assert sum(map(len, routes._kept)) < 1_000_000
