"""OpenTelemetry traces of a model server, continued from the caller's: a span of each request, and of what happens inside it.

Loaded where the environment asks for traces (OTEL_EXPORTER_OTLP_ENDPOINT and the other OTEL_* settings) and nowhere else; a server
without traces runs none of this. What the spans say is about the work, never about the rows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from flyball.core.clock import Timer, WallClock
from flyball.core.logs import AROUND
from flyball.core.optional import extra
from flyball.serving.group import Group

with extra("otel"):
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
    from opentelemetry.trace import Span, SpanKind, StatusCode
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[..., Awaitable[None]]
SERVICE = "flyball-predict"
END_MILLISECONDS = 1000
"""So long the last spans may take to leave when the server ends."""
_MOST, _LONGEST_PATH = 4096, 200
_PARENT, _STATE = b"traceparent", b"tracestate"
_CONTEXT = TraceContextTextMapPropagator()


class Traces:
    """Makes spans and sends them, in the background, to where OTEL_* says. `exporter` takes them instead."""

    def __init__(self, timer: Timer, *, exporter: SpanExporter | None = None) -> None:
        self._provider = TracerProvider(resource=Resource.create().merge(_named()))
        self._provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
        self.tracer = self._provider.get_tracer("flyball.predict")
        self._timer = timer
        self._zero = WallClock().now().timestamp() - timer.seconds()

    def at(self, seconds: float) -> int:
        """The moment of that real time, in nanoseconds since 1970."""
        return int((self._zero + seconds) * 1e9)

    def now(self) -> float:
        """Real time."""
        return self._timer.seconds()

    def close(self) -> None:
        """What was made is sent, or given up after a moment."""
        self._provider.force_flush(END_MILLISECONDS)
        self._provider.shutdown()


class TracedApp:
    """An ASGI app around another: each request has a span, below the caller's, and what is inside sees that as its caller."""

    def __init__(self, app: App, traces: Traces) -> None:
        self._app, self._traces = app, traces

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        head = {name: value.decode("latin-1") for name, value in scope.get("headers", ()) if name in {_PARENT, _STATE}}
        above = _CONTEXT.extract({name.decode(): value for name, value in head.items()})
        tracer, path = self._traces.tracer, str(scope.get("path", ""))[:_LONGEST_PATH]
        asked = {"http.request.method": scope.get("method", ""), "url.path": path}
        with tracer.start_as_current_span(f"{asked['http.request.method']} {path}", above, kind=SpanKind.SERVER, attributes=asked) as span:
            own: dict[str, str] = {}
            _CONTEXT.inject(own)
            others = [(name, value) for name, value in scope["headers"] if name not in {_PARENT, _STATE}]
            scope = {**scope, "headers": [*others, *((name.encode(), value.encode()) for name, value in own.items())]}
            context = span.get_span_context()
            token = AROUND.set({"trace_id": trace.format_trace_id(context.trace_id), "span_id": trace.format_span_id(context.span_id)})
            try:
                await self._app(scope, receive, _told(send, span))
            finally:
                AROUND.reset(token)


class Stages:
    """Spans of what happens to the rows of a request: how they wait, their features, their model, and the journal."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces
        self._open: OrderedDict[tuple[int, int, str], list[tuple[str, float]]] = OrderedDict()

    def begin(self, group: Group) -> None:
        """A version is about to be asked."""
        now = self._traces.now()
        for asked, _ in group.owners:
            self._open[id(asked), group.version.number, group.route] = [("queue", now)]
        while len(self._open) > _MOST:  # of requests that failed on the way
            self._open.popitem(last=False)

    def mark(self, group: Group, stage: str) -> None:
        """The stage has ended."""
        now = self._traces.now()
        for asked, _ in group.owners:
            found = self._open.get((id(asked), group.version.number, group.route))
            if found is not None:
                found.append((stage, now))

    def done(self, group: Group) -> None:
        """The journal has it, and the answer leaves."""
        self.mark(group, "journal")
        for asked, own in group.owners:
            marks = self._open.pop((id(asked), group.version.number, group.route), [])
            parent = getattr(asked.asker, "trace", "")
            if parent:
                self._tell(parent, asked.arrived, marks=marks, facts=_facts(group, rows=len(own)))

    def _tell(self, parent: str, start: float, *, marks: list[tuple[str, float]], facts: dict[str, str | int]) -> None:
        above = _CONTEXT.extract({"traceparent": parent})
        for stage, end in marks:
            span = self._traces.tracer.start_span(stage, above, start_time=self._traces.at(start), attributes=facts)
            span.end(self._traces.at(end))
            start = end


def _facts(group: Group, *, rows: int) -> dict[str, str | int]:
    return {
        "flyball.endpoint": group.endpoint.name, "flyball.version": group.version.number, "flyball.route": group.route,
        "flyball.rows": rows, "flyball.batch_rows": group.rows.n,
    }  # fmt: skip


def _told(send: Send, span: Span) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            span.set_attribute("http.response.status_code", message["status"])
            if message["status"] >= 500:
                span.set_status(StatusCode.ERROR)
        await send(message)

    return sent


def _named() -> Resource:
    """Our name, where OTEL_SERVICE_NAME says no other."""
    found = Resource.create().attributes.get(SERVICE_NAME, "")
    return Resource({SERVICE_NAME: SERVICE}) if str(found).startswith("unknown_service") else Resource({})
