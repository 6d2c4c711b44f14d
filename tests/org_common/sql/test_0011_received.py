"""Who sent a message, whether it is theirs unchanged, and that each consumer handles it once."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
import pytest

from org_common.tools.database.local import LocalDatabase
from tests.org_common.sql.shop import ALICE, CLAIMS, Unit
from tests.support.lab import until

pytestmark = pytest.mark.db

RECEIVES = '{"receives":true}'
RECEIVE = "select app.receive('user', true, 'jobs', %s, %s, %s)"
MINE = {"iss": CLAIMS["iss"], "outer_sub": CLAIMS["sub"], "sub": ALICE}
BOB = "00000000-0000-0000-0000-0000000000b0"


class World:
    """One transaction of a superuser, in which the roles take turns."""

    def __init__(self, conn: psycopg.Connection) -> None:
        self.conn = conn

    def become(self, role: str, claims: object = "") -> None:
        text = claims if isinstance(claims, str) else json.dumps(claims)
        self.conn.execute("reset role")
        self.conn.execute("select set_config('request.jwt.claims', %s, true)", [text])
        self.conn.execute("select set_config('role', %s, true)", [role])

    def ask(self, query: str, *values: object) -> Any:
        cursor = self.conn.execute(query.encode(), values)
        row = cursor.fetchone() if cursor.description else None
        return row and row[0]

    def sent(self, message: str = "{}", claims: object = MINE, role: str = "authenticated") -> int:
        self.become(role, claims)
        self.ask("select app.send('ingest', null, %s)", message)
        self.conn.execute("reset role")
        return int(self.ask("select max(id) from app.outbox"))

    def deliver(self) -> None:
        self.become("app_service")
        self.ask("select app.mark_delivered(array(select id from app.outbox))")

    def receive(
        self, message: object, *, queue: str = "ingest", body: str = "{}", sender: str = "user", required: bool = True
    ) -> dict[str, Any]:
        self.become("app_service" if sender == "service" else "authenticated", RECEIVES)
        claims: dict[str, Any] = json.loads(
            self.ask("select app.receive(%s, %s, 'jobs', %s, %s, %s)", sender, required, queue, str(message), body)
        )
        assert json.loads(self.ask("select current_setting('request.jwt.claims')")) == claims
        return claims


@pytest.fixture
def world(platform: LocalDatabase) -> Iterator[World]:
    with psycopg.connect(platform.admin_url) as conn:
        yield World(conn)
        conn.rollback()


@contextmanager
def refused(state: str, code: str = "") -> Iterator[None]:
    with pytest.raises(psycopg.Error) as raised:
        yield
    assert raised.value.sqlstate == state
    assert code in str(raised.value)


@pytest.mark.parametrize("is_delivered", [False, True])
def test_consumer_gets_the_claims_of_the_sender(world: World, is_delivered: bool) -> None:
    message = world.sent()
    if is_delivered:
        world.deliver()

    assert world.receive(message) == {**MINE, "role": "authenticated", "hops": 0}


def test_message_of_the_service_names_no_user(world: World) -> None:
    message = world.sent()

    assert world.receive(message, sender="service") == {"role": "app_service"}


def test_message_from_outside_is_not_looked_up(world: World) -> None:
    assert world.receive("5b1a", sender="outside") == {"role": "authenticated"}


@pytest.mark.parametrize("sender", ["user", "service"])
@pytest.mark.parametrize("is_delivered", [False, True])
@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"message": 2**63 - 1}, "unknown_message"),
        ({"message": 0}, "unknown_message"),
        ({"queue": "mail"}, "other_queue"),
        ({"body": '{"org": 2}'}, "changed_message"),
        ({"body": '{"org": 1, "org": 2}'}, "changed_message"),
        ({"body": '{"org": 1, "role": "x"}'}, "changed_message"),
        ({"body": "{}"}, "changed_message"),
        ({"body": "[]"}, "changed_message"),
        ({"body": "null"}, "changed_message"),
    ],
)
def test_forged_message_is_refused(
    world: World, sender: str, is_delivered: bool, wrong: dict[str, Any], code: str
) -> None:
    sent = world.sent('{"org": 1}')
    if is_delivered:
        world.deliver()

    with refused("OC403", code):
        world.receive(**{"message": sent, "body": '{"org":1}', "sender": sender, **wrong})


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ('{"a": 1, "b": [1.5, null, "\u00e9"]}', '{"b":[1.5,null,"\\u00e9"],"a":1}'),
        ('{"a": 1.0}', '{"a":1}'),
        ('{"a": 1.10}', '{"a": 1.1}'),
        ('{"a": 1e3}', '{"a": 1000}'),
    ],
)
def test_message_is_the_same_however_it_is_written(world: World, sent: str, received: str) -> None:
    assert world.receive(world.sent(sent), body=received)["sub"] == ALICE


def test_deactivated_sender_is_refused(world: World) -> None:
    message = world.sent()
    world.ask("delete from shop.users")

    with refused("OCUSR"):
        world.receive(message, required=False)


def test_login_that_belongs_to_another_user_today_is_refused(world: World) -> None:
    message = world.sent()
    world.ask("update shop.users set id = %s", BOB)

    with refused("OC403", "other_sender"):
        world.receive(message)


def test_sender_who_was_unknown_then(world: World) -> None:
    stranger = {**MINE, "outer_sub": "new", "sub": None}
    message = world.sent(claims=stranger)

    assert world.receive(message, required=False) == {**stranger, "role": "authenticated", "hops": 0}


def test_unknown_sender_is_refused_where_the_rule_needs_a_user(world: World) -> None:
    message = world.sent(claims={**MINE, "outer_sub": "new", "sub": None})

    with refused("OCUSR"):
        world.receive(message)


def test_unknown_sender_who_has_an_account_today(world: World) -> None:
    message = world.sent(claims={**MINE, "sub": None})

    assert world.receive(message)["sub"] == ALICE


def test_caller_cannot_name_another_sender(unit: Unit) -> None:
    for column in ("sender_issuer", "sender_subject", "hops"):
        with unit({"sub": ALICE}) as ask, pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(f"insert into app.outbox (queue, message, {column}) values ('mail', '{{}}', null)")


def test_consumers_that_send_to_each_other_in_a_circle_are_stopped(world: World) -> None:
    claims: object = MINE
    for hops in range(5):
        claims = world.receive(world.sent(claims=claims))
        assert claims["hops"] == hops

    with refused("OC403", "hop_limit"):
        world.receive(world.sent(claims=claims))


@pytest.mark.parametrize("sender", ["user", "service", "outside"])
def test_message_is_handled_once(world: World, sender: str) -> None:
    message = world.sent()
    world.receive(message, sender=sender)

    with refused("OCRPL"):
        world.receive(message, sender=sender)


def test_id_has_one_spelling(world: World) -> None:
    message = world.sent()
    world.receive(message)

    with refused("OCRPL"):
        world.receive(f"00{message}")


def test_each_consumer_handles_it(world: World) -> None:
    message = world.sent()
    world.receive(message)
    world.become("authenticated", RECEIVES)

    assert world.ask("select app.receive('user', true, 'search', 'ingest', %s, '{}')", str(message))


CALLERS: dict[str, tuple[str, object]] = {
    "user": ("authenticated", MINE),
    "unknown user": ("authenticated", {**MINE, "sub": None}),
    "administrator": ("app_sys", MINE),
    "anyone": ("anon", {"role": "anon"}),
    "service": ("app_service", {"role": "app_service"}),
    "no claims": ("authenticated", ""),
    "another spelling": ("authenticated", '{"receives": true}'),
    "more claims": ("authenticated", {"receives": True, "sub": ALICE}),
}


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("sender", ["user", "service", "outside"])
def test_handler_receives_nothing(world: World, caller: str, sender: str) -> None:
    message = world.sent()
    world.become(*CALLERS[caller])

    with refused("42501"):
        world.ask("select app.receive(%s, false, 'jobs', 'ingest', %s, '{}')", sender, str(message))


def test_consumer_receives_one_message(world: World) -> None:
    message, other = world.sent(), world.sent()
    world.receive(message)

    with refused("42501"):
        world.ask(RECEIVE, "ingest", str(other), "{}")


@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
@pytest.mark.parametrize(
    "statement",
    [
        "select from app.delivered_messages",
        "insert into app.delivered_messages (id, queue, message, created_at, hops) values (1, 'q', '{}', now(), 0)",
        "update app.delivered_messages set sender_subject = 'bob'",
        "delete from app.delivered_messages",
        "select from app.consumed_messages",
        "insert into app.consumed_messages (consumer, message_id) values ('jobs', '1')",
        "delete from app.consumed_messages",
        "select app.mark_delivered('{1}')",
        "select app.purge_delivered()",
    ],
)
def test_request_neither_sees_nor_changes_them(unit: Unit, role: str, statement: str) -> None:
    with unit({"sub": ALICE}, role) as ask, pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "insert into app.outbox (queue, message) values ('q', '{}')",
        "insert into app.delivered_messages (id, queue, message, created_at, hops) values (1, 'q', '{}', now(), 0)",
        "update app.delivered_messages set sender_subject = 'bob'",
        "update app.outbox set sender_subject = 'bob'",
        "delete from app.consumed_messages",
    ],
)
def test_relay_cannot_write_in_the_name_of_others(world: World, statement: str) -> None:
    world.become("app_service")

    with refused("42501"):
        world.ask(statement)


def test_delivered_message_leaves_the_outbox(world: World) -> None:
    message = world.sent()
    world.deliver()

    assert world.ask("select count(*) from app.outbox") == 0
    assert world.ask("select id from app.delivered_messages where created_by = %s", ALICE) == message


def test_old_ones_are_purged_and_what_was_handled_later(world: World) -> None:
    old, new = world.sent(), world.sent()
    world.receive(old)
    world.deliver()
    world.conn.execute("reset role")
    world.ask("update app.delivered_messages set delivered_at = now() - interval '31 days' where id = %s", old)
    world.ask("update app.consumed_messages set consumed_at = now() - interval '31 days'")

    def left() -> tuple[list[int], int]:
        world.become("app_service")
        world.ask("select app.purge_delivered()")
        world.conn.execute("reset role")
        delivered = world.ask("select array_agg(id) from app.delivered_messages")
        return delivered, world.ask("select count(*) from app.consumed_messages")

    assert left() == ([new], 1)
    world.ask("update app.consumed_messages set consumed_at = now() - interval '61 days'")
    assert left() == ([new], 0)


def test_retried_delivery_waits_for_the_first(platform: LocalDatabase) -> None:
    """Two deliveries at once: the second has no effect if the first commits, and handles it if it rolls back."""
    with psycopg.connect(platform.admin_url) as conn:
        message = World(conn).sent()
    try:
        for ends, expected in (("rollback", "handled"), ("commit", "OCRPL")):
            with psycopg.connect(platform.admin_url) as first, psycopg.connect(platform.admin_url) as second:
                World(first).receive(message)
                World(second).become("authenticated", RECEIVES)
                second.pgconn.send_query(
                    RECEIVE.replace("%s", "'%s'").encode() % (b"ingest", str(message).encode(), b"{}")
                )
                pid = second.info.backend_pid
                blocked = partial(World(first).ask, "select cardinality(pg_blocking_pids(%s)) > 0", pid)
                assert until(blocked, within_s=30)
                first.execute(ends.encode())
                result = second.pgconn.get_result()
                assert result is not None
                state = result.error_field(psycopg.pq.DiagnosticField.SQLSTATE)
                assert (state.decode() if state else "handled") == expected
                while second.pgconn.get_result() is not None:
                    pass
                second.rollback()
    finally:
        with psycopg.connect(platform.admin_url, autocommit=True) as conn:
            conn.execute("delete from app.outbox")
            conn.execute("delete from app.consumed_messages")
