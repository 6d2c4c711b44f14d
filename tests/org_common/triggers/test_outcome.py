"""A record has the log line and the metrics of a request."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from org_common import TOKEN, App, AsService, BadRequest, Model, OrgCheck, Record, Transaction
from org_common.telemetry import log, metrics
from org_common.telemetry.process import Process
from org_common.telemetry.pseudonym import Pseudonyms
from org_common.testing import Client, Person, records
from tests.support import emf
from tests.support.jobs import ACME, ADD, Jobs, NewDocument, invoke
from tests.support.lab import ALICE, ISSUER
from tests.support.lines import Sink, untouched_logging
from tests.support.queues import batch, context, record

KEY = "9f3c" * 8
TRACE_ID = "5759e988bd862e3fe1be46a994272793"
logger = log.get_logger("jobs")


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    """A Lambda environment, as far as it shows."""
    monkeypatch.setattr("org_common.telemetry.requests.process", Process())
    for name, value in {
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
        "AWS_LAMBDA_FUNCTION_NAME": "jobs-ingest",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "ORG_COMMON_LOG_PSEUDONYM_KEY": KEY,
        "ORG_COMMON_TRACES": "off",
    }.items():
        monkeypatch.setenv(name, value)
    with untouched_logging():
        sink = Sink()
        handler = logging.StreamHandler()
        handler.log_sink = sink  # type: ignore[attr-defined]
        logging.getLogger().addHandler(handler)
        yield sink


def lines(sink: Sink) -> list[dict[str, Any]]:
    return [line for line in sink.lines if "status" in line]


class Order(Model):
    number: int


def worker() -> App:
    app = App("orders")

    @app.sqs("orders", outside=True, allow=AsService("a test"))
    def take(order: Order, record: Record) -> None:
        logger.info("taken")
        metrics.count("OrdersTaken")
        if order.number == 0:
            raise BadRequest("No orders of nothing.", code="nothing")
        if order.number < 0:
            raise RuntimeError("password=hunter2")

    return app


def test_line_of_a_record(sink: Sink) -> None:
    sent = record(
        {"number": 1}, queue="prod-orders", attempt=2, attributes={"traceparent": f"00-{TRACE_ID}-{'1' * 16}-01"}
    )

    worker()(batch(sent), context())

    taken, line = sink.lines
    said = {name: line[name] for name in ("level", "message", "route", "status", "function", "queue", "attempt")}
    assert said == {
        "level": "INFO",
        "message": "SQS orders 200",
        "route": "SQS orders",
        "status": 200,
        "function": "jobs-ingest",
        "queue": "prod-orders",
        "attempt": 2,
    }
    assert (line["request_id"], line["lambda_request_id"]) == (sent["messageId"], "invocation")
    assert line["trace_id"] == TRACE_ID
    for name in ("function", "request_id", "lambda_request_id", "trace_id", "route", "queue", "attempt"):
        assert taken[name] == line[name]
    values = emf.metrics(line)
    assert (values["OrdersTaken"][1], values["Faults"][1]) == (1, 0)
    assert "Duration" in values


def test_lines_of_failures(sink: Sink) -> None:
    records = [record({"number": number}, queue="orders") for number in (1, 0, -1)]
    records.append(record("no JSON", queue="orders"))

    worker()(batch(*records), context())

    outcomes = [(line["status"], line.get("code"), emf.metrics(line)["Faults"][1]) for line in lines(sink)]
    assert outcomes == [(200, None, 0), (400, "nothing", 0), (500, "internal_error", 1), (400, "invalid_json", 0)]
    counted = [emf.metrics(line) for line in lines(sink)]
    assert [(each["BatchRecords"][1], each["BatchFailures"][1]) for each in counted] == [(1, 0), (1, 1), (1, 1), (1, 1)]
    told = [(line["level"], line["message"]) for line in sink.lines if "status" not in line and line["level"] != "INFO"]
    ids = [each["messageId"] for each in records]
    assert told[0] == ("WARNING", f"SQS orders, record {ids[1]} is refused: nothing. No orders of nothing.")
    assert told[1] == ("ERROR", f"SQS orders, record {ids[2]} failed: internal_error")
    assert told[2][1].startswith(f"SQS orders, record {ids[3]} is refused: invalid_json. The body is not valid JSON")
    assert told[3] == (
        "WARNING",
        "queue orders: 3 of 4 records are given back: 1 internal_error, 1 invalid_json, 1 nothing",
    )


def test_message_that_is_refused_is_not_logged(sink: Sink) -> None:
    secret = "hunter2hunter2"
    bodies = [f'{{"number": "{secret}"}}', f'{{"{secret}": 1}}', secret, f'{{"number": 1, "number": "{secret}"}}']

    worker()(
        batch(record({"number": 1}, queue="orders"), *(record(body, queue="orders") for body in bodies)), context()
    )

    assert len(lines(sink)) == 5
    assert all(secret not in line for _, line in sink.written)


@pytest.mark.db
def test_lines_of_the_consumer_name_the_trace_of_the_sender(
    sink: Sink, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = App("jobs")

    @app.post("/imports", allow=TOKEN)
    def start(tx: Transaction) -> None:
        tx.send("ingest", {"orgId": str(ACME), "name": "a"})

    @app.sqs("ingest", allow=OrgCheck("org_user"))
    def ingest(tx: Transaction, document: NewDocument) -> None:
        tx.run(ADD, document, rows=1)

    @app.event(source="org-common", detail_type="ingest", allow=OrgCheck("org_user"))
    def ingest_from_bus(tx: Transaction, document: NewDocument) -> None:
        tx.run(ADD, document, rows=1)

    jobs.use(app)
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root=1-{TRACE_ID[:8]}-{TRACE_ID[8:]};Parent={'a' * 16};Sampled=1")
    person = Person(ALICE.subject, issuer=ALICE.issuer)
    assert Client(app, person=person).post("/imports").status == 204
    (message,) = jobs.deliver()
    assert message.traceparent == f"00-{TRACE_ID}-{'a' * 16}-01"
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root=1-{'5' * 8}-{'b' * 24};Parent={'c' * 16}")
    app(batch(records.outbox_record(message)), context())
    detail = {"id": message.id, "queue": "ingest", "traceparent": message.traceparent, "message": message.message}
    app(records.bus_event("org-common", "ingest", detail), context())

    sent, *handled = lines(sink)
    assert sent["trace_id"] == TRACE_ID
    traces = [(line["route"], line["trace_id"], line["caller_trace_id"]) for line in handled]
    other = "5" * 8 + "b" * 24
    assert traces == [("SQS ingest", other, TRACE_ID), ("EVENT ingest", other, TRACE_ID)]


@pytest.mark.db
def test_line_names_the_sender_and_the_round_trips(sink: Sink, jobs: Jobs) -> None:
    app = App("jobs")

    @app.sqs("ingest", allow=OrgCheck("org_user"))
    def ingest(tx: Transaction, document: NewDocument) -> None:
        tx.run(ADD, document, rows=1)

    jobs.use(app)
    (message,) = jobs.send("a")
    invoke(app, message, message)

    first, second = lines(sink)
    assert first["user"] == Pseudonyms(KEY).of(ISSUER, ALICE.subject)
    assert first["request_id"] == second["request_id"] == str(message.id)
    assert emf.metrics(first)["DatabaseRoundTrips"][1] == 2
    assert (first.get("repeated"), second.get("repeated")) == (None, True)
    assert (first["status"], second["status"]) == (200, 200)
