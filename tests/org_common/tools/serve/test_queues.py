"""The project's triggers under the local server: from `tx.send` to the handler, through moto, a fake of AWS."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from org_common import App, AsService, OrgCheck, Record, S3Object, Transaction
from org_common.db.connections.pool import Pooled
from org_common.db.database import Database, transaction
from org_common.tools.database.local import LocalDatabase
from org_common.tools.serve.fake_aws import FakeAws as LocalAws
from org_common.tools.serve.queues import LocalQueues, has_queues
from org_common.values.errors import Conflict
from tests.org_common.db.conftest import furnished
from tests.support.aws import FakeAws
from tests.support.jobs import ACME, ADD, Jobs, NewDocument, furnished_jobs
from tests.support.lab import ALICE

WAIT_S = 60.0
SERVICE = AsService("a test")


@pytest.fixture(scope="module")
def jobs(database_template: LocalDatabase) -> Iterator[Jobs]:
    with furnished(database_template) as lab, furnished_jobs(lab) as jobs:
        yield jobs


class Worker:
    """An app with triggers, and what its handlers were given."""

    def __init__(self) -> None:
        self.app = App("worker")
        self.seen: list[Any] = []
        app = self.app

        @app.sqs("ingest", allow=OrgCheck("org_user"))
        def ingest(tx: Transaction, document: NewDocument, record: Record) -> None:
            self.seen.append((document.name, record.attempt))
            if document.name == "poison":
                raise Conflict("never")
            tx.run(ADD, document, rows=1)

        @app.s3("uploads", allow=SERVICE)
        def take_upload(found: S3Object) -> None:
            self.seen.append((found.bucket, found.key))

        @app.s3("scans", queue="scan-events", allow=SERVICE)
        def take_scan(found: S3Object) -> None:
            self.seen.append((found.bucket, found.key))


@contextmanager
def running(aws: FakeAws, app: App, url: str, said: list[str]) -> Iterator[LocalQueues]:
    queues = LocalQueues(LocalAws(aws.url), [app], url, visibility_s=1, say=said.append)
    queues.start()
    try:
        yield queues
    finally:
        queues.stop()


def until(condition: Callable[[], object]) -> None:
    end_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end_s, "nothing happened in a minute"
        threading.Event().wait(0.02)


@pytest.mark.db
def test_message_runs_from_the_outbox_to_its_handler_or_the_dead_letters(aws: FakeAws, jobs: Jobs) -> None:
    jobs.clear()
    worker, said = Worker(), list[str]()
    settings = jobs.lab.settings
    worker.app.use(Database(settings, Pooled(settings)), service=jobs.service)
    with transaction(ALICE, database=jobs.database) as tx:
        for name in ("a", "poison", "b"):
            tx.send("ingest", {"orgId": str(ACME), "name": name})
        tx.send("unread", {})

    with running(aws, worker.app, jobs.local.service_url, said) as queues:
        until(lambda: any(line.startswith("dead letter in ingest-dlq: ") for line in said))
        until(lambda: sorted(jobs.documents()) == ["a", "b"])
        until(lambda: queues.delivered == 4)
        status = {each["name"]: each for each in queues.status()}

    assert [len(status[name]["dead"]) for name in sorted(status)] == [1, 0, 0, 0]
    assert "poison" in status["ingest"]["dead"][0]["body"]
    assert (status["unread"]["waiting"], status["unread"]["in_flight"]) == (1, 0)
    assert [message.queue for message in queues.recent].count("ingest") == 3
    assert [attempt for name, attempt in worker.seen if name == "poison"] == [1, 2, 3, 4, 5]
    assert "poison" in next(line for line in said if line.startswith("dead letter"))
    assert any(line.startswith("If a queue is a FIFO queue in AWS: here, ") for line in said)
    assert sorted(queues.dead) == ["ingest-dlq", "scan-events-dlq", "unread-dlq", "uploads-s3-dlq"]
    assert jobs.lab.ask("select count(*) from app.outbox") == 0


@pytest.mark.db
@pytest.mark.parametrize("bucket", ["uploads", "scans", "prod-uploads"])
def test_object_invokes_its_handler(aws: FakeAws, jobs: Jobs, bucket: str) -> None:
    """The demo's bucket may be named as a deployed one."""
    worker = Worker()
    worker.app.use(jobs.database, service=jobs.service)
    if bucket == "prod-uploads":
        location = {"LocationConstraint": "eu-central-1"}
        aws.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=location)

    with running(aws, worker.app, jobs.local.service_url, []):
        aws.client("s3").put_object(Bucket=bucket, Key="a+b c/ü.pdf", Body=b"x")
        until(lambda: (bucket, "a+b c/ü.pdf") in worker.seen)


@pytest.mark.db
def test_event_invokes_its_handler(aws: FakeAws, jobs: Jobs) -> None:
    """Those of the outbox run as their sender; your own reach the default bus through boto3."""
    jobs.clear()
    app, seen = App("bus worker"), []

    @app.event(source="org-common", detail_type="ingest", allow=OrgCheck("org_user"))
    def ingest(tx: Transaction, document: NewDocument) -> None:
        tx.run(ADD, document, rows=1)

    @app.event(source="shop.orders", detail_type="Order Placed", allow=SERVICE)
    def placed(record: Record) -> None:
        seen.append(record.body)
        if len(seen) == 1:
            raise Conflict("later")

    settings = jobs.lab.settings
    app.use(Database(settings, Pooled(settings)), service=jobs.service)
    with transaction(ALICE, database=jobs.database) as tx:
        tx.send("ingest", {"orgId": str(ACME), "name": "by bus"})

    with running(aws, app, jobs.local.service_url, []) as queues:
        entry = {"Source": "shop.orders", "DetailType": "Order Placed", "Detail": '{"n":1}'}
        other = {"Source": "shop.orders", "DetailType": "Order Lost", "Detail": "{}"}
        aws.client("events").put_events(Entries=[other, entry])
        until(lambda: len(seen) == 2)
        until(lambda: jobs.documents() == ["by bus"])

    assert seen == ['{"n":1}'] * 2
    assert jobs.lab.ask("select author::text from jobs.documents") == jobs.lab.user_id(ALICE)
    # What only the bus takes does not pile up in a queue.
    assert list(queues.dead) == ["bus-worker-events-dlq"]


def test_app_without_queues_needs_no_fake() -> None:
    app = App("plain")

    assert not has_queues([app])

    @app.schedule("rate(1 day)", allow=SERVICE)
    def purge() -> None: ...

    assert not has_queues([app])
    assert has_queues([app, Worker().app])
