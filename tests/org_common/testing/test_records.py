"""A test sends records to triggers as it sends requests to routes."""

from collections.abc import Iterator
from typing import Any

import pytest

from org_common import SIGNED_IN, App, AsService, Model, OrgCheck, Record, S3Object, Transaction
from org_common.db.database import transaction
from org_common.testing import Client, Person
from org_common.testing.records import bus_event, s3_event, schedule_event, sqs_record
from org_common.tools.database.local import LocalDatabase
from org_common.values.errors import Conflict
from tests.org_common.db.conftest import furnished
from tests.support.jobs import ACME, ADD, GLOBEX, Jobs, NewDocument, furnished_jobs
from tests.support.lab import ALICE as SENDER
from tests.support.lab import ISSUER

ALICE = Person("local|alice", issuer=ISSUER)


class Order(Model):
    number: int


@pytest.fixture(scope="module")
def jobs(database_template: LocalDatabase) -> Iterator[Jobs]:
    with furnished(database_template) as lab, furnished_jobs(lab) as jobs:
        yield jobs


def shop(calls: list[Any]) -> App:
    app = App("shop")

    @app.post("/documents", allow=SIGNED_IN)
    def post(tx: Transaction, document: NewDocument) -> None:
        tx.send("ingest", {"orgId": str(document.org_id), "name": document.name})
        tx.send("elsewhere", {})

    @app.sqs("ingest", allow=OrgCheck("org_user"))
    def ingest(tx: Transaction, document: NewDocument) -> None:
        tx.run(ADD, document, rows=1)

    @app.sqs("orders", outside=True, allow=AsService("a test"))
    def take(order: Order) -> None:
        calls.append(order.number)

    @app.s3("uploads", allow=AsService("a test"))
    def uploaded(found: S3Object) -> None:
        calls.append(found.key)

    @app.event(source="shop", detail_type="Order Placed", allow=AsService("a test"))
    def placed(order: Order) -> None:
        calls.append(order.number)

    @app.schedule("rate(1 day)", allow=AsService("a test"))
    def purge(record: Record) -> None:
        calls.append(record.queue)

    return app


@pytest.mark.db
def test_outbox_is_delivered(jobs: Jobs) -> None:
    app = jobs.use(shop([]))
    client = Client(app, person=ALICE)
    for number in range(12):
        assert client.post("/documents", {"orgId": str(ACME), "name": f"n{number}"}).status == 204
    assert client.post("/documents", {"orgId": str(GLOBEX), "name": "theirs"}).status == 204

    delivery = client.deliver(jobs.local.service_url)

    assert (delivery.handled, len(delivery.failed)) == (12, 1)
    assert repr(delivery) == "Delivery(handled=12, failed=1)"
    assert sorted(jobs.documents()) == sorted(f"n{number}" for number in range(12))
    assert jobs.lab.ask("select count(*) from app.outbox where queue = 'elsewhere'") == 13
    assert client.deliver(jobs.local.service_url).handled == 0


@pytest.mark.db
def test_fifo_queue_keeps_the_order_of_a_key(jobs: Jobs) -> None:
    """After a failure the later messages of its key come again, in their order and behind it; other keys go on."""
    jobs.clear()
    app, fails = App("worker"), [True]

    @app.sqs("ingest", allow=OrgCheck("org_user"))
    def ingest(tx: Transaction, document: NewDocument, record: Record) -> None:
        if document.name == "a2" and fails:
            fails.clear()
            raise Conflict("later")
        tx.run(ADD, document, rows=1)

    client = Client(jobs.use(app), person=ALICE)
    with transaction(SENDER, database=jobs.database) as tx:
        for name in ("a1", "b1", "a2", "b2", "a3", "a4"):
            tx.send("ingest", {"orgId": str(ACME), "name": name}, key=name[0])

    delivery = client.deliver(jobs.local.service_url, fifo=True)
    again = client.invoke({"Records": delivery.failed})

    assert delivery.handled == 3
    assert again == {"batchItemFailures": []}
    assert [name for name in jobs.documents() if name[0] == "a"] == ["a1", "a2", "a3", "a4"]
    assert jobs.documents()[:3] == ["a1", "b1", "b2"]


def test_record_from_outside() -> None:
    calls: list[Any] = []
    client = Client(shop(calls))

    assert client.deliver_record("orders", {"number": 1}).handled == 1
    assert len(client.deliver_record("orders", "no JSON").failed) == 1
    assert calls == [1]


def test_events() -> None:
    calls: list[Any] = []
    client = Client(shop(calls))
    client.invoke(s3_event("prod-uploads", "a b+c/\u00e9"))
    client.invoke(bus_event("shop", "Order Placed", {"number": 2}))
    client.invoke(schedule_event("prod-purge"))
    client.invoke({"Records": [sqs_record("orders.fifo", {"number": 3}, group="g")]})

    assert calls == ["a b+c/\u00e9", 2, "prod-purge", 3]
