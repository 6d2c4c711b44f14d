"""A declaration that can never work is a `TypeError` that says what to do."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from org_common import (
    PUBLIC,
    SIGNED_IN,
    TOKEN,
    App,
    AsService,
    Check,
    Deadline,
    Identity,
    Model,
    OrgCheck,
    Reader,
    Record,
    Request,
    S3Object,
    Transaction,
)

SERVICE = AsService("a test")


class Note(Model):
    org_id: UUID
    text: str


def plain(note: Note) -> None:
    """Handle a note."""


def takes_reader(db: Reader, note: Note) -> None: ...
def takes_request(request: Request) -> None: ...
def takes_identity(identity: Identity) -> None: ...
def takes_sender_and_tx(identity: Identity, tx: Transaction) -> None: ...
def takes_scalar(number: int) -> None: ...
def takes_two(note: Note, other: Note) -> None: ...
def takes_object(found: S3Object) -> None: ...
def takes_nothing() -> None: ...
def takes_default(note: Note | None = None) -> None: ...
def returns(note: Note) -> int:
    return 1


async def coroutine(note: Note) -> None: ...
def unannotated(note) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001


WRONG: dict[str, tuple[dict[str, Any], Callable[..., Any], str]] = {
    "no rule": ({}, plain, "SQS ingest has no access rule: add allow=SIGNED_IN"),
    "rule of another type": ({"allow": "SIGNED_IN"}, plain, "has no access rule"),
    "unknown option": ({"allow": SIGNED_IN, "idempotent": True}, plain, "unknown option 'idempotent'"),
    "no caller": ({"allow": PUBLIC}, plain, "with allow=PUBLIC the handler has no caller"),
    "caller from outside": ({"allow": SIGNED_IN, "outside": True}, plain, "messages from elsewhere have none"),
    "token from outside": ({"allow": TOKEN, "outside": True}, plain, "messages from elsewhere have none"),
    "check from outside": ({"allow": Check("true"), "outside": True}, plain, "messages from elsewhere have none"),
    "placeholder": (
        {"allow": OrgCheck("org_user", parameter="tenant_id")},
        plain,
        r"needs %\(tenant_id\)s, and the message has org_id, text",
    ),
    "placeholder without a model": ({"allow": OrgCheck("org_user")}, takes_nothing, "the message has no model"),
    "placeholder of an optional message": ({"allow": OrgCheck("org_user")}, takes_default, "remove the default"),
    "Reader": ({"allow": SIGNED_IN}, takes_reader, "takes 'db', .*A Transaction reads, too"),
    "Request": ({"allow": SIGNED_IN}, takes_request, "takes 'request', and a trigger's handler takes a Model"),
    "sender from outside": ({"allow": SERVICE, "outside": True}, takes_identity, "takes 'identity'"),
    "sender of the platform": ({"allow": SERVICE}, takes_identity, "takes 'identity'"),
    "sender with a transaction": ({"allow": SIGNED_IN}, takes_sender_and_tx, "Remove one of them"),
    "scalar": ({"allow": SIGNED_IN}, takes_scalar, "takes 'number'"),
    "two messages": ({"allow": SIGNED_IN}, takes_two, "two bodies"),
    "object": ({"allow": SIGNED_IN}, takes_object, "takes 'found'"),
    "result": ({"allow": SIGNED_IN}, returns, "returns a value, and there is no response"),
    "async": ({"allow": SIGNED_IN}, coroutine, "async"),
    "no annotation": ({"allow": SIGNED_IN}, unannotated, "has no annotation"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_declaration(wrong: str) -> None:
    options, handler, message = WRONG[wrong]
    app = App("worker")

    with pytest.raises(TypeError, match=message):
        app.sqs("ingest", **options)(handler)
    assert list(app.triggers) == []


@pytest.mark.parametrize("reason", ["", " ", None])
def test_service_needs_a_reason(reason: Any) -> None:
    with pytest.raises(TypeError, match="needs a reason"):
        AsService(reason)


def test_service_is_no_rule_of_a_route() -> None:
    with pytest.raises(TypeError, match="has no access rule"):
        App("worker").get("/x", allow=SERVICE)(takes_nothing)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "declare",
    [
        lambda app, options: app.s3("uploads", **options),
        lambda app, options: app.event(source="aws.ec2", detail_type="x", **options),
        lambda app, options: app.schedule("rate(1 day)", **options),
    ],
)
def test_sources_without_a_sender_have_no_caller(declare: Any) -> None:
    with pytest.raises(TypeError, match="messages from elsewhere have none"):
        declare(App("worker"), {"allow": SIGNED_IN})(takes_nothing)


def test_message_of_the_outbox_on_a_bus_has_a_sender() -> None:
    app = App("worker")
    app.event(source="org-common", detail_type="ingest", allow=OrgCheck("org_user"))(plain)

    assert not app.triggers[0].outside


def test_model_of_an_object_event_is_refused() -> None:
    with pytest.raises(TypeError, match="takes 'note', and a trigger's handler takes S3Object"):
        App("worker").s3("uploads", allow=SERVICE)(plain)


@pytest.mark.parametrize(
    "expression",
    [
        *("", "1 day", "rate(1 day", "rate()", "rate(0 days)", "rate(1 days)", "rate(2 day)", "rate(-1 days)"),
        *("rate(1.5 hours)", "rate(1 week)", "rate(\u0661 day)", "cron(0 3 * * *)", "cron(0 3 * * * *)", "at(noon)"),
    ],
)
def test_wrong_schedule(expression: str) -> None:
    with pytest.raises(TypeError, match="expected a rate"):
        App("worker").schedule(expression, allow=SERVICE)


@pytest.mark.parametrize(
    "expression",
    ["rate(1 day)", "rate(15 minutes)", "cron(0 3 * * ? *)", "cron(0 8 ? * MON-FRI *)", "at(2027-01-01T00:00:00)"],
)
def test_schedule(expression: str) -> None:
    app = App("worker")
    app.schedule(expression, timezone="Europe/Berlin", allow=SERVICE)(takes_nothing)

    (trigger,) = app.triggers
    assert (trigger.kind, trigger.name) == ("SCHEDULE", "takes_nothing")
    assert trigger.details == {"expression": expression, "timezone": "Europe/Berlin"}


def test_declared_twice() -> None:
    app = App("worker")
    app.sqs("ingest", allow=SIGNED_IN)(plain)

    with pytest.raises(TypeError, match=r"SQS ingest is declared twice: the handler 'plain' in .*test_trigger\.py"):
        app.sqs("ingest", allow=TOKEN)(plain)
    with pytest.raises(TypeError, match="declared twice"):
        app.s3("uploads", queue="ingest", allow=SERVICE)(takes_object)


@pytest.mark.parametrize("name", ["", None, 1])
def test_queue_needs_a_name(name: Any) -> None:
    app = App("worker")
    if name is None:
        app.schedule("rate(1 day)", name=name, allow=SERVICE)(plain)
        assert app.triggers[0].name == "plain"
        return
    with pytest.raises(TypeError, match="is not a name"):
        app.sqs(name, allow=SIGNED_IN)(plain)


def test_names_have_a_length() -> None:
    with pytest.raises(TypeError, match="more than 200 characters"):
        App("worker").sqs("q" * 200, allow=SIGNED_IN)(plain)


def test_summary_is_the_first_line() -> None:
    app = App("worker")
    app.sqs("ingest", allow=SIGNED_IN)(plain)
    app.sqs("other", allow=SIGNED_IN, summary="Another.")(plain)

    assert [trigger.summary for trigger in app.triggers] == ["Handle a note.", "Another."]


def handler_of(source: str) -> Any:
    names = {"Transaction": Transaction, "Note": Note, "Record": Record, "Deadline": Deadline, "other": print}
    exec(source, names)
    return names["handler"]


@pytest.mark.parametrize(
    ("source", "waits"),
    [
        ("def handler(tx: Transaction, note: Note) -> None: tx.run('select 1', note, rows=None)", False),
        ("def handler(tx: Transaction, r: Record) -> None: tx.value('select 1', {'id': r.id, 'n': r.attempt})", False),
        ("def handler(tx: Transaction, note: Note) -> None: other(note); tx.value('select 1')", True),
        ("def handler(note: Note) -> None: pass", True),
    ],
)
def test_claim_goes_with_the_first_statement_where_nothing_happens_before(source: str, waits: bool) -> None:
    app = App("worker")
    app.sqs("ingest", allow=SIGNED_IN)(handler_of(source))

    assert app.triggers[0].waits_for_claim() is waits
