"""Traces go on from the caller's: one span of the request, and below it those of what happened inside."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from flyball.testing.model_server import ServerProcess
from flyball.testing.serving_home import ServingHome, trip

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector:
    """Takes what exporters send."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        own = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                found = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
                for resource in found.resource_spans:
                    own.services |= {one.value.string_value for one in resource.resource.attributes if one.key == "service.name"}
                    own.spans += [span for scope in resource.scope_spans for span in scope.spans]
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                del arguments

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def home(tmp_path: Path) -> ServingHome:
    made = ServingHome.trips(tmp_path)
    made.add_linear(1)
    made.keep(made.plan(1))
    return made


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_callers_trace_goes_on(home: ServingHome, collector: Collector, *, monkeypatch: pytest.MonkeyPatch, workers: str) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    body = home.requests(1, rows=3)[0]
    with ServerProcess(home.path, "--workers", workers) as server:
        sent = server.request("POST", "/predict/late", body=body, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
        assert sent.status == 200
        assert server.request("POST", "/predict/nobody", body=body).status == 404
        assert server.stop() == 0  # with its last spans
        records = [record for record in server.journal() if record.ids]
    ours = {span.name: span for span in collector.spans if span.trace_id.hex() == TRACE}
    assert set(ours) == {"POST /predict/late", "queue", "features", "model", "journal"}
    request = ours.pop("POST /predict/late")
    assert request.parent_span_id.hex() == PARENT
    assert {span.parent_span_id for span in ours.values()} == {request.span_id}
    facts = {one.key: one.value for one in ours["model"].attributes}
    assert (facts["flyball.endpoint"].string_value, facts["flyball.version"].int_value, facts["flyball.rows"].int_value) == ("late", 1, 3)
    ordered = [ours[stage] for stage in ("queue", "features", "model", "journal")]
    assert all(one.end_time_unix_nano == other.start_time_unix_nano for one, other in pairwise(ordered))
    assert collector.services == {"flyball-predict"}
    others = [span for span in collector.spans if span.trace_id.hex() != TRACE]
    assert [span.name for span in others] == ["POST /predict/nobody"]
    if workers == "1":
        assert len(records) == 1


def test_nobody_is_traced_whose_caller_does_not_want_it(
    home: ServingHome, collector: Collector, *, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    body = home.requests(1)[0]
    with ServerProcess(home.path) as server:
        for parent in (f"00-{TRACE}-{PARENT}-00",):
            assert server.request("POST", "/predict/late", body=body, headers={"traceparent": parent}).status == 200
        assert server.stop() == 0
    assert collector.spans == []


def test_a_collector_that_is_gone_costs_no_answer(home: ServingHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    with ServerProcess(home.path) as server:
        for broken in ("", "00-xyz", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "\u00ff"):
            headers = {"traceparent": broken} if broken else {}
            assert server.request("POST", "/predict/late", body=home.requests(1)[0], headers=headers).status == 200
        assert server.predict(trip(1)).status == 200
        assert server.stop() == 0
