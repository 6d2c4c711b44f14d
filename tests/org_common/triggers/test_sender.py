"""Whose record it is: a message is looked up, never believed, and runs as its sender under the policies of today."""

import json
import logging
from collections.abc import Callable
from typing import Any, LiteralString
from uuid import uuid4

import pytest

from org_common import SIGNED_IN, TOKEN, App, AsService, Check, OrgCheck, SysCheck, Transaction
from org_common.db.database import transaction
from org_common.db.relay import Message
from org_common.testing import Client, Person
from org_common.triggers.batch import BatchFailed
from org_common.values.errors import Unavailable
from tests.support.jobs import ACME, ADD, GLOBEX, Jobs, NewDocument, ingest_app, invoke
from tests.support.lab import ALICE, BOB, CAROL, ROOT, STRANGER
from tests.support.queues import batch, context, given_back, outbox_record, record

pytestmark = pytest.mark.db

LEAVE: LiteralString = "delete from access.org_members where user_id = %s::uuid"

SET_ROLE: LiteralString = "update access.org_members set org_role = %s where user_id = %s::uuid"


def test_consumer_runs_as_the_sender(jobs: Jobs) -> None:
    messages = [*jobs.send("a", who=ALICE), *jobs.send("b", who=CAROL), *jobs.send("c", who=BOB, org_id=GLOBEX)]

    assert invoke(ingest_app(jobs), *messages) == {"batchItemFailures": []}

    authors = jobs.lab.ask("select array_agg(author::text order by name) from jobs.documents")
    assert authors == [jobs.lab.user_id(who) for who in (ALICE, CAROL, BOB)]


@pytest.fixture
def carols_membership(jobs: Jobs) -> Any:
    row = jobs.lab.ask("select to_jsonb(m) from access.org_members m where user_id = %s::uuid", jobs.lab.user_id(CAROL))
    yield
    jobs.lab.tell(
        "insert into access.org_members select (jsonb_populate_record(null::access.org_members, %s::jsonb)).* "
        "on conflict do nothing",
        json.dumps(row),
    )


# Of these, the record names no message of the outbox.
NO_MESSAGE = ("unknown_message", "unknown_sender")


def refused(
    jobs: Jobs, app: App, event: dict[str, Any], code: str, caplog: pytest.LogCaptureFixture, *, known: bool = True
) -> None:
    """It changes nothing, a line and a row say why, and the same with a good record next to it, which is handled.

    `known`: the record names a message of the outbox.
    """
    with caplog.at_level(logging.WARNING), pytest.raises(BatchFailed, match=code):
        app(event, context())
    assert jobs.documents() == []
    assert f": {code}" in caplog.text
    assert jobs.lab.ask("select count(*) from app.consumed_messages") == 0
    (good,) = jobs.send("good")
    records = [*event["Records"], outbox_record(good)]

    assert given_back(app(batch(*records), context()), records) == [0]
    assert jobs.documents() == ["good"]
    id = event["Records"][0]["messageAttributes"].get("org-common-id", {}).get("stringValue")
    [(consumer, message_id, found, attempts)] = jobs.refusals()
    assert (consumer, found, attempts) == ("jobs SQS ingest", code, 2)
    assert message_id == (int(id) if known and code not in NO_MESSAGE else 0)


@pytest.mark.usefixtures("carols_membership")
def test_removed_member(jobs: Jobs, caplog: pytest.LogCaptureFixture) -> None:
    (message,) = jobs.send("late", who=CAROL)
    jobs.lab.tell(LEAVE, jobs.lab.user_id(CAROL))

    refused(jobs, ingest_app(jobs), batch(outbox_record(message)), "not_found", caplog)


@pytest.mark.usefixtures("carols_membership")
def test_lowered_role(jobs: Jobs, caplog: pytest.LogCaptureFixture) -> None:
    app = ingest_app(jobs, allow=OrgCheck("org_admin"))
    jobs.lab.tell(
        "update access.org_members set org_role = 'org_admin' where user_id = %s::uuid", jobs.lab.user_id(CAROL)
    )
    (message,) = jobs.send("late", who=CAROL)
    jobs.lab.tell(
        "update access.org_members set org_role = 'org_user' where user_id = %s::uuid", jobs.lab.user_id(CAROL)
    )

    refused(jobs, app, batch(outbox_record(message)), "forbidden", caplog)


def test_deactivated_sender(jobs: Jobs, caplog: pytest.LogCaptureFixture) -> None:
    (message,) = jobs.send("late", who=CAROL)
    set_active: LiteralString = "update access.users set is_active = %s where id = %s::uuid"
    jobs.lab.tell(set_active, False, jobs.lab.user_id(CAROL))
    try:
        refused(jobs, ingest_app(jobs), batch(outbox_record(message)), "not_provisioned", caplog)
    finally:
        jobs.lab.tell(set_active, True, jobs.lab.user_id(CAROL))


def test_deleted_tenant(jobs: Jobs, caplog: pytest.LogCaptureFixture) -> None:
    org = uuid4()
    jobs.lab.tell("insert into access.orgs (id, name, slug) values (%s, 'Gone', 'gone')", org)
    jobs.lab.tell(
        "insert into access.org_members (org_id, user_id, org_role) values (%s, %s, 'org_owner')",
        org,
        jobs.lab.user_id(BOB),
    )
    (message,) = jobs.send("late", who=BOB, org_id=org)
    jobs.lab.tell("set session_replication_role = replica")
    jobs.lab.tell("delete from access.org_members where org_id = %s", org)
    jobs.lab.tell("delete from access.orgs where id = %s", org)
    jobs.lab.tell("reset session_replication_role")

    refused(jobs, ingest_app(jobs), batch(outbox_record(message)), "not_found", caplog)


# What somebody who can write to the queue may send in place of a message of alice's to acme.
FORGERIES: dict[str, tuple[Callable[[Message], dict[str, Any]], str]] = {
    "other tenant in the body": (
        lambda sent: outbox_record(sent, body={**sent.message, "orgId": str(GLOBEX)}),
        "changed_message",
    ),
    "other text": (lambda sent: outbox_record(sent, body={**sent.message, "name": "mine"}), "changed_message"),
    "the same field twice": (
        lambda sent: outbox_record(sent, body=f'{{"name":"mine",{json.dumps(sent.message)[1:]}'),
        "invalid_json",
    ),
    "another id": (
        lambda sent: outbox_record(sent, attributes={"org-common-id": str(sent.id + 1_000)}),
        "unknown_message",
    ),
    "id too large": (
        lambda sent: outbox_record(sent, attributes={"org-common-id": str(2**63)}),
        "unknown_sender",
    ),
    "negative id": (lambda sent: outbox_record(sent, attributes={"org-common-id": "-1"}), "unknown_sender"),
    "no number": (lambda sent: outbox_record(sent, attributes={"org-common-id": "1 or 1=1"}), "unknown_sender"),
    "digits of another script": (
        lambda sent: outbox_record(sent, attributes={"org-common-id": "\u0661"}),
        "unknown_sender",
    ),
    "no id": (lambda sent: outbox_record(sent, attributes={}), "unknown_sender"),
    "id in the body": (
        lambda sent: outbox_record(sent, attributes={}, body={**sent.message, "org-common-id": str(sent.id)}),
        "validation_failed",
    ),
}


@pytest.mark.parametrize("forgery", FORGERIES)
@pytest.mark.parametrize("allow", [OrgCheck("org_user"), AsService("a test")], ids=["sender", "service"])
def test_forged_message(jobs: Jobs, forgery: str, allow: Any, caplog: pytest.LogCaptureFixture) -> None:
    (sent,) = jobs.send("mine?")
    forge, code = FORGERIES[forgery]
    app = ingest_app(jobs, allow=allow)
    refused(jobs, app, batch(forge(sent)), code, caplog, known=forgery != "id in the body")


@pytest.mark.parametrize("allow", [OrgCheck("org_user"), AsService("a test")], ids=["sender", "service"])
def test_replayed_under_another_queue(jobs: Jobs, allow: Any, caplog: pytest.LogCaptureFixture) -> None:
    (sent,) = jobs.send("mail me", queue="mail")
    replayed = outbox_record(
        sent, queue="ingest", attributes={"org-common-id": str(sent.id), "org-common-queue": "ingest"}
    )

    refused(jobs, ingest_app(jobs, allow=allow), batch(replayed), "other_queue", caplog)


def test_message_of_another_tenant_as_ones_own(jobs: Jobs, caplog: pytest.LogCaptureFixture) -> None:
    """Bob writes into the queue what would be alice's right: the id is his own message's."""
    (mine,) = jobs.send("bobs", who=BOB, org_id=GLOBEX)
    forged = outbox_record(mine, body={"orgId": str(ACME), "name": "bobs"})

    refused(jobs, ingest_app(jobs), batch(forged), "changed_message", caplog)


def test_sender_cannot_send_for_others(jobs: Jobs, caplog: pytest.LogCaptureFixture) -> None:
    (message,) = jobs.send("bobs", who=BOB, org_id=ACME)

    refused(jobs, ingest_app(jobs), batch(outbox_record(message)), "not_found", caplog)


def test_message_that_the_relay_has_not_yet_marked(jobs: Jobs) -> None:
    """The queue may be faster than the relay's COMMIT."""
    with transaction(ALICE, database=jobs.database) as tx:
        tx.send("ingest", {"orgId": str(ACME), "name": "quick"})
    id = jobs.lab.ask("select id from app.outbox")
    message = Message(id, "ingest", None, {"orgId": str(ACME), "name": "quick"})

    assert invoke(ingest_app(jobs), message) == {"batchItemFailures": []}
    assert jobs.documents() == ["quick"]


def test_handled_once_whatever_the_queue_does(jobs: Jobs) -> None:
    (message,) = jobs.send("once")
    app = ingest_app(jobs)

    for _ in range(3):
        assert invoke(app, message, message) == {"batchItemFailures": []}

    assert jobs.documents() == ["once"]


def test_failed_message_is_not_claimed(jobs: Jobs) -> None:
    (message,) = jobs.send("again")
    app, fails = App("jobs"), [True]

    @app.sqs("ingest", allow=OrgCheck("org_user"))
    def ingest(tx: Transaction, document: NewDocument) -> None:
        tx.run(ADD, document, rows=1)
        if fails:
            raise RuntimeError(fails.pop())

    jobs.use(app)
    with pytest.raises(BatchFailed):
        invoke(app, message)
    assert jobs.documents() == []
    assert jobs.refusals() == [("jobs SQS ingest", message.id, "internal_error", 1)]
    assert jobs.lab.ask("select reason from app.refused_messages") == "RuntimeError"
    invoke(app, message)
    assert jobs.documents() == ["again"]


def test_two_consumers_of_one_message(jobs: Jobs) -> None:
    (message,) = jobs.send("both")
    other = App("search")
    other.sqs("ingest", allow=OrgCheck("org_user"))(ingest)
    for app in (ingest_app(jobs), jobs.use(other)):
        invoke(app, message)

    assert jobs.documents() == ["both", "both"]


def ingest(tx: Transaction, document: NewDocument) -> None:
    tx.run(ADD, document, rows=1)


def test_service_sees_all_tenants(jobs: Jobs) -> None:
    messages = [*jobs.send("a"), *jobs.send("b", who=BOB, org_id=GLOBEX)]
    seen: list[int] = []
    app = App("usage")

    @app.sqs("ingest", allow=AsService("adds up the usage of all organizations"))
    def add_up(tx: Transaction, document: NewDocument) -> None:
        tx.run(ADD, document, rows=1)
        seen.append(tx.value("select count(*)::int from jobs.documents"))
        assert tx.value("select current_user::text") == "app_service"
        assert tx.value("select app.uid()") is None

    invoke(jobs.use(app), *messages)

    assert seen == [1, 2]


def test_unknown_user_sends_where_the_rule_allows(jobs: Jobs) -> None:
    app = App("welcome")

    @app.post("/hello", allow=TOKEN)
    def hello(tx: Transaction) -> None:
        tx.send("welcome", {"orgId": str(ACME), "name": "hello"})

    seen: list[Any] = []

    @app.sqs("welcome", allow=TOKEN)
    def welcome(tx: Transaction, document: NewDocument) -> None:
        seen.append((tx.value("select app.uid()"), tx.value("select app.claims() ->> 'outer_sub'")))

    jobs.use(app)
    person = Person(STRANGER.subject, issuer=STRANGER.issuer)
    assert Client(app, person=person).post("/hello").status == 204
    invoke(app, *jobs.deliver())

    assert seen == [(None, STRANGER.subject)]


@pytest.mark.parametrize(("who", "ok"), [(ROOT, True), (ALICE, False)])
def test_rule_of_the_platform(jobs: Jobs, who: Any, ok: bool) -> None:
    messages = jobs.send("sys", who=who)
    app = App("admin")

    @app.sqs("ingest", allow=SysCheck("sys_owner"))
    def visit(tx: Transaction, document: NewDocument) -> None:
        tx.run("insert into jobs.visits (name) values (%(name)s)", document, rows=1)

    jobs.use(app)
    if ok:
        invoke(app, *messages)
    else:
        with pytest.raises(BatchFailed, match="forbidden"):
            invoke(app, *messages)

    assert jobs.visits() == (["sys"] if ok else [])


def test_rule_is_checked_for_a_handler_without_statements(jobs: Jobs) -> None:
    messages = jobs.send("a", who=BOB)
    calls: list[str] = []
    app = App("mailer")

    @app.sqs("ingest", allow=OrgCheck("org_user"))
    def mail(document: NewDocument) -> None:
        calls.append(document.name)

    jobs.use(app)
    with pytest.raises(BatchFailed):
        invoke(app, *messages)
    assert calls == []
    message = jobs.send("b")
    invoke(app, *message, *message)

    assert calls == ["b"]


def test_rule_over_several_fields(jobs: Jobs) -> None:
    (message,) = jobs.send("secret")
    app = ingest_app(jobs, allow=Check("%(name)s <> 'secret' and app.has_org_role(%(org_id)s, 'org_user')"))

    with pytest.raises(BatchFailed, match="forbidden"):
        invoke(app, message)


def test_consumer_that_sends_goes_on_as_the_sender(jobs: Jobs) -> None:
    app = App("chain")

    @app.sqs("ingest", allow=OrgCheck("org_user"))
    def forward(tx: Transaction, document: NewDocument) -> None:
        tx.send("ingest", {"orgId": str(document.org_id), "name": f"{document.name}+"})
        tx.run(ADD, document, rows=1)

    jobs.use(app)
    messages = jobs.send("a", who=CAROL)
    for _ in range(5):
        invoke(app, *messages)
        messages = jobs.deliver()

    assert jobs.documents() == ["a" + "+" * hops for hops in range(5)]
    assert jobs.lab.ask("select count(distinct created_by) from app.delivered_messages") == 1
    with pytest.raises(BatchFailed, match="hop_limit"):
        invoke(app, *messages)
    assert jobs.refusals() == [("chain SQS ingest", messages[0].id, "hop_limit", 1)]


def test_handler_cannot_receive_another_message(jobs: Jobs) -> None:
    """Bob's message is handled by code that calls the look-up with the id and body of alice's."""
    (alices,) = jobs.send("alices")
    (bobs,) = jobs.send("bobs", who=BOB, org_id=GLOBEX)
    app = App("attack")

    @app.sqs("ingest", allow=SIGNED_IN)
    def attack(tx: Transaction, document: NewDocument) -> None:
        values = {"id": str(alices.id), "body": json.dumps(alices.message)}
        tx.value("select app.receive('user', true, 'other', 'ingest', %(id)s, %(body)s)", values)

    with pytest.raises(BatchFailed, match="forbidden"):
        invoke(jobs.use(app), bobs)


def test_outside_record_needs_no_sender(jobs: Jobs) -> None:
    app = App("bounces")

    @app.sqs("bounces", outside=True, allow=AsService("the mail provider reports for all tenants"))
    def bounced(tx: Transaction, document: NewDocument) -> None:
        tx.run(ADD, document, rows=1)

    jobs.use(app)
    sent = record({"orgId": str(ACME), "name": "bounce"}, queue="bounces")
    for _ in range(2):
        assert app(batch(sent, sent), context()) == {"batchItemFailures": []}

    assert jobs.documents() == ["bounce"]
    assert jobs.refusals() == []
    for number in range(3):
        with pytest.raises(BatchFailed):
            app(batch(record({"name": f"n{number}\0"}, queue="bounces", id=f"r{number}")), context())
    assert jobs.refusals() == [("bounces SQS bounces", 0, "validation_failed", 3)]
    reason, id = jobs.lab.ask("select jsonb_build_array(reason, record_id) from app.refused_messages")
    assert (reason.count("#/orgId"), id) == (1, "r2")


def test_reason_that_cannot_be_stored_changes_nothing(jobs: Jobs, caplog: pytest.LogCaptureFixture) -> None:
    (message,) = jobs.send("mine")
    app = ingest_app(jobs)
    jobs.lab.tell("alter function app.refuse_message rename to away")
    try:
        with pytest.raises(BatchFailed, match="changed_message"):
            invoke(app, message, body={"orgId": str(ACME), "name": "theirs"})
    finally:
        jobs.lab.tell("alter function app.away rename to refuse_message")
    (good,) = jobs.send("good")
    invoke(app, good)

    assert jobs.documents() == ["good"]
    assert f"the reason of record {message.id} could not be stored: " in caplog.text


def test_database_that_is_down_is_no_refusal(jobs: Jobs) -> None:
    (message,) = jobs.send("later")
    app = App("jobs")

    @app.sqs("ingest", allow=OrgCheck("org_user"))
    def ingest(tx: Transaction, document: NewDocument) -> None:
        raise Unavailable

    with pytest.raises(BatchFailed, match="unavailable"):
        invoke(jobs.use(app), message)
    assert jobs.refusals() == []


def test_reason_is_stored_in_a_transaction_of_its_own(jobs: Jobs) -> None:
    """The record's transaction was rolled back, and one that fails does not lose the next record's claim."""
    first, second = jobs.send("first", "second")
    app = ingest_app(jobs, allow=Check("%(name)s <> 'first'"))

    assert len(invoke(app, first, second)["batchItemFailures"]) == 1
    assert jobs.documents() == ["second"]
    assert jobs.refusals() == [("jobs SQS ingest", first.id, "forbidden", 1)]
