"""A record with one statement takes two round trips: BEGIN, look-up, claim, rule and statement, then COMMIT."""

from collections.abc import Iterator
from typing import Any

import pytest

from org_common import App, AsService, Database, OrgCheck, Record, Transaction
from org_common.db.inbox import sender_of
from tests.support.jobs import ACME, ADD, Jobs, NewDocument, furnished_jobs, ingest_app, invoke
from tests.support.lab import Lab
from tests.support.pgbouncer import PgBouncer
from tests.support.proxy import Proxy
from tests.support.queues import batch, context, record

pytestmark = pytest.mark.db


@pytest.fixture(scope="module")
def shared_jobs(shared_lab: Lab) -> Iterator[Jobs]:
    with furnished_jobs(shared_lab) as jobs:
        yield jobs
    shared_lab.tell("drop schema jobs cascade")


@pytest.fixture
def jobs(shared_jobs: Jobs) -> Jobs:
    shared_jobs.clear()
    return shared_jobs


def trips(proxy: Proxy, app: App, *messages: Any) -> int:
    proxy.reset()
    assert invoke(app, *messages) == {"batchItemFailures": []}
    return proxy.round_trips()


@pytest.mark.parametrize("count", [1, 10])
@pytest.mark.parametrize("profile", ["direct", "transaction-pooler"])
def test_round_trips(jobs: Jobs, proxy: Proxy, count: int, profile: str) -> None:
    database = Database(jobs.lab.through(proxy.url(jobs.local.login_url), profile=profile))
    app = ingest_app(jobs)
    app.use(database)
    first, *messages = jobs.send(*(f"n{number}" for number in range(count + 1)))
    invoke(app, first)

    assert trips(proxy, app, *messages) == 2 * count
    # The message was handled: the claim fails, and is rolled back.
    assert trips(proxy, app, *messages) == 2 * count
    database.close()


def test_round_trips_of_a_handler_that_may_do_something_first(jobs: Jobs, proxied: Database, proxy: Proxy) -> None:
    app, names = App("jobs"), []

    @app.sqs("ingest", allow=OrgCheck("org_user"))
    def ingest(tx: Transaction, document: NewDocument) -> None:
        names.append(document.name)
        tx.run(ADD, document, rows=1)

    @app.sqs("mail", allow=OrgCheck("org_user"))
    def mail(document: NewDocument) -> None:
        names.append(document.name)

    app.use(proxied)
    first, second = jobs.send("a", "b")
    (third,) = jobs.send("c", queue="mail")
    invoke(app, first)

    assert trips(proxy, app, second) == 3
    assert trips(proxy, app, third) == 2
    assert names == ["a", "b", "c"]


def test_through_a_pooler(jobs: Jobs, pooler: PgBouncer) -> None:
    database = Database(jobs.lab.through(pooler.url(jobs.local.login_url)))
    app = ingest_app(jobs)
    app.use(database)
    messages = jobs.send("a", "b")

    for _ in range(2):
        assert invoke(app, *messages) == {"batchItemFailures": []}
    assert jobs.documents() == ["a", "b"]
    database.close()


def test_set_local_profile(jobs: Jobs) -> None:
    database = Database(jobs.lab.through(jobs.local.login_url, profile="rds-proxy-set-local"))
    app = ingest_app(jobs)
    app.use(database)

    assert invoke(app, *jobs.send("a")) == {"batchItemFailures": []}
    assert jobs.documents() == ["a"]
    database.close()


def test_record_from_outside_is_claimed_too(jobs: Jobs) -> None:
    app, seen = App("jobs"), []

    @app.sqs("bounces", outside=True, allow=AsService("a test"))
    def bounced(tx: Transaction, record: Record) -> None:
        seen.append(record.id)

    jobs.use(app)
    sent = record({"orgId": str(ACME), "name": "x"}, queue="bounces")
    app(batch(sent, sent), context())

    assert seen == [sent["messageId"]]


def test_sender_of_claims() -> None:
    sender = sender_of(b'{"iss": "https://issuer.test", "outer_sub": "local|alice", "sub": null}')

    assert (sender.issuer, sender.subject) == ("https://issuer.test", "local|alice")
