"""What a process says of itself: requests by route, and what it takes."""

from __future__ import annotations

from flyball.core.exposition import render
from flyball.core.figures import Requests, process


def test_requests_are_counted_by_route_and_status_with_their_seconds() -> None:
    requests = Requests()
    requests.add("/a", 200, seconds=0.002)
    requests.add("/a", 503, seconds=20.0)
    requests.add("/b", 200, seconds=0.0)
    lines = render(requests.families()).splitlines()
    assert 'flyball_http_requests_total{route="/a",status="503"} 1' in lines
    assert 'flyball_http_seconds_bucket{route="/a",le="0.0025"} 1' in lines
    assert 'flyball_http_seconds_bucket{route="/a",le="10.0"} 1' in lines
    assert 'flyball_http_seconds_bucket{route="/a",le="+Inf"} 2' in lines
    assert 'flyball_http_seconds_sum{route="/a"} 20.002' in lines


def test_a_process_tells_its_processor_time_and_memory() -> None:
    values = {family.name: family.samples[0][2] for family in process()}
    assert values["process_cpu_seconds_total"] > 0
    assert values["process_resident_memory_bytes"] > 1 << 20
