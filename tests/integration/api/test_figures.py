"""The control plane's figures: requests by declared route, never by what was asked, and what the process takes."""

from __future__ import annotations

from tests.integration.api.conftest import Served


def test_requests_are_counted_by_route_and_status(served: Served) -> None:
    for _ in range(3):
        served.stranger.get("/healthz")
    served.owner.get("/api/v1/models/late")
    served.owner.get("/no/such/route")
    served.stranger.get("/api/v1/models/late")
    answer = served.owner.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert 'flyball_http_requests_total{route="/healthz",status="200"} 3' in lines
    assert 'flyball_http_requests_total{route="/api/v1/models/{name}",status="401"} 1' in lines
    assert 'flyball_http_seconds_count{route="/healthz"} 3' in lines
    assert not any("no/such" in line or "late" in line for line in lines)
    assert any(line.startswith("process_resident_memory_bytes ") for line in lines)
    assert any(line.startswith("flyball_events_position ") for line in lines)


def test_a_stranger_sees_none(served: Served) -> None:
    assert served.stranger.get("/metrics").status_code == 401
