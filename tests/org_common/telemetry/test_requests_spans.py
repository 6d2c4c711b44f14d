"""A request as a span, and each request's context where many are answered at a time: behind ASGI."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace as api

from org_common import PUBLIC, App, Database, Event, Reader, Settings, Stream, count, get_logger, span
from org_common.asgi import Asgi, Scope
from org_common.telemetry.log import configure
from org_common.telemetry.otel import OpenTelemetry
from org_common.testing.client import Client
from org_common.tools.database.local import LocalDatabase
from tests.support.lines import Sink, untouched_logging
from tests.support.spans import finished, record

ID, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACED = {"traceparent": f"00-{ID}-{PARENT}-01"}


@pytest.fixture
def sink() -> Iterator[Sink]:
    with untouched_logging():
        sink = Sink()
        handler = logging.NullHandler()
        handler.log_sink = sink  # type: ignore[attr-defined]
        logging.getLogger().addHandler(handler)
        configure()
        yield sink


@pytest.fixture
def _traced(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORG_COMMON_TRACES", "otel")
    record()


@pytest.mark.usefixtures("_traced")
def test_span_of_a_stream_ends_with_it(sink: Sink) -> None:
    app = App("shop")

    @app.get("/stream", allow=PUBLIC)
    def stream() -> Stream:
        def items() -> Iterator[Event]:
            with span("produce"):
                yield Event("a")
            raise ValueError

        return Stream(items())

    with Client(app).stream("GET", "/stream", headers=TRACED) as answer:
        first = next(iter(answer))
        before = finished()
        assert not api.get_current_span().get_span_context().is_valid
        rest = list(answer)

    spans = finished()
    assert (first, [event.event for event in rest]) == (Event("a"), ["error"])
    assert "GET /stream" not in before
    assert spans["GET /stream"].status.status_code is api.StatusCode.ERROR
    assert spans["produce"].parent is not None
    assert spans["produce"].parent.span_id == spans["GET /stream"].context.span_id


@pytest.mark.usefixtures("_traced")
def test_request_is_a_span_of_the_caller_s_trace(sink: Sink) -> None:
    app = App("shop")

    @app.get("/orders/{order_id}", allow=PUBLIC)
    def get_order(order_id: int) -> None:
        with span("price"):
            pass

    Client(app).get("/orders/7", headers=TRACED)

    spans = finished()
    request = spans["GET /orders/{order_id}"]
    assert request.kind is api.SpanKind.SERVER
    assert request.parent is not None
    assert (format(request.context.trace_id, "032x"), format(request.parent.span_id, "016x")) == (ID, PARENT)
    assert dict(request.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": "/orders/{order_id}",
        "http.response.status_code": 204,
        "faas.invocation_id": "test",
    }
    assert spans["price"].parent is not None
    assert spans["price"].parent.span_id == request.context.span_id
    assert sink.lines[-1]["trace_id"] == ID


@pytest.mark.usefixtures("_traced")
def test_failed_request_s_span_is_in_error_without_its_words(sink: Sink) -> None:
    app = App("shop")

    @app.get("/fails", allow=PUBLIC)
    def fail() -> None:
        raise RuntimeError("hunter2")

    Client(app).get("/fails")

    request = finished()["GET /fails"]
    assert request.status.status_code is api.StatusCode.ERROR
    assert "hunter2" not in request.to_json()


@pytest.mark.usefixtures("_traced")
def test_trace_begins_with_opentelemetry_s_id_in_the_log(sink: Sink) -> None:
    app = App("shop")

    @app.get("/hello", allow=PUBLIC)
    def hello() -> None: ...

    Client(app).get("/hello")

    assert sink.lines[-1]["trace_id"] == format(finished()["GET /hello"].context.trace_id, "032x")


@pytest.mark.parametrize(("time_s", "most_s"), [(0.5, 0.3), (10, 2.0)])
@pytest.mark.usefixtures("_traced")
def test_flush_takes_no_more_than_the_request_has_left(
    monkeypatch: pytest.MonkeyPatch, time_s: float, most_s: float
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    given: list[float] = []
    monkeypatch.setattr(OpenTelemetry, "flush", lambda _, timeout_s: given.append(timeout_s))
    app = App("shop")

    @app.get("/hello", allow=PUBLIC)
    def hello() -> None: ...

    Client(app, timeout_s=time_s).get("/hello")

    assert 0 < given[0] <= most_s


@pytest.mark.db
@pytest.mark.usefixtures("_traced")
def test_round_trip_of_the_database_is_a_span_of_the_request(database: LocalDatabase, sink: Sink) -> None:
    app = App("shop")
    app.use(Database(database.settings))

    @app.get("/tables", allow=PUBLIC)
    def tables(db: Reader) -> dict[str, int]:
        return {"n": db.value("select count(*) from pg_catalog.pg_class where relname <> %(a)s", {"a": "hunter2"})}

    Client(app).get("/tables")
    app.database().close()

    spans = finished()
    exchange = spans["SELECT pg_catalog.pg_class"]
    assert exchange.parent is not None
    assert exchange.parent.span_id == spans["GET /tables"].context.span_id
    assert "hunter2" not in exchange.to_json()
    assert sink.lines[-1]["DatabaseRoundTrips"] == 1


def test_requests_behind_asgi_never_see_each_other_s_context(sink: Sink) -> None:
    app = App("shop")
    logger = get_logger("shop")

    @app.get("/orders/{order_id}", allow=PUBLIC)
    def get_order(order_id: int) -> None:
        logger.info("within", extra={"order_id": order_id})
        count("Seen")

    asgi = Asgi([app], database=Database(Settings()), authorize=lambda _: "")

    async def ask(at: int) -> None:
        traced = f"00-{at:032x}-{PARENT}-01".encode()
        scope: Scope = {
            "type": "http",
            "method": "GET",
            "path": f"/orders/{at}",
            "query_string": b"",
            "headers": [(b"traceparent", traced)],
        }

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(0)
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            assert message.get("status", 204) == 204

        await asgi(scope, receive, send)

    async def all_at_once() -> None:
        await asyncio.gather(*[ask(at) for at in range(1, 201)])

    asyncio.run(all_at_once())

    within = [line for line in sink.lines if line["message"] == "within"]
    requests = [line for line in sink.lines if "status" in line]
    assert len(within) == len(requests) == 200
    assert all(line["order_id"] == int(line["trace_id"], 16) for line in within)
    assert all(line["Seen"] == 1 for line in requests)
    assert len({json.dumps(line["request_id"]) for line in requests}) == 200
