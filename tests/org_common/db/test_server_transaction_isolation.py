"""One connection, used by one caller after the other: nothing of the one is there for the next."""

from collections.abc import Callable
from random import Random
from typing import Any, LiteralString

import pytest
from psycopg.adapt import Transformer

from org_common.auth.rules import PUBLIC, SIGNED_IN, TOKEN, Check, SysCheck
from org_common.db.connections.connection import Single
from org_common.db.database import Database, transaction
from org_common.db.protocol.statement import StatementError, prepare_own
from org_common.values.errors import OrgError
from org_common.values.identity import Identity
from org_common.values.types import Deadline
from tests.support.handles import open_reader
from tests.support.lab import ALICE, BOB, CAROL, INSERT, ROOT, STRANGER, Lab
from tests.support.pgbouncer import PgBouncer

pytestmark = pytest.mark.db

OUTSIDE: LiteralString = """
    select current_user::text, session_user::text, current_setting('role'),
           nullif(current_setting('request.jwt.claims', true), ''),
           current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout'),
           current_setting('transaction_read_only'), current_setting('search_path')"""
UNTOUCHED = ("app_login", "app_login", "none", None, "0", "0", "off", '"$user", public')


def outside(db: Database) -> tuple[int, tuple[Any, ...]]:
    """Backend and settings as an ordinary statement finds them on the connection between two units."""
    # No public way leads past the prelude, and that is the point: the probe takes the connection itself.
    source = db._source
    assert isinstance(source, Single)
    connection = source._connection
    assert connection is not None
    probes = [prepare_own("select pg_backend_pid()").bind(None), prepare_own(OUTSIDE).bind(None)]
    deadline_s = Deadline.after(5).at_s
    pid, settings = connection.exchange(probes, deadline_s)
    transformer = Transformer()
    transformer.set_pgresult(settings)
    row = transformer.load_row(0, tuple)
    assert row is not None
    return int(pid.get_value(0, 0) or 0), row


def value(db: Database, identity: Identity | None, sql: LiteralString) -> Any:
    rule = PUBLIC if identity is None else SIGNED_IN
    return open_reader(db, rule, identity, {}, Deadline.after(10)).value(sql)


def test_after_one_caller_the_next_sees_nothing_of_him(db: Database) -> None:
    with transaction(ALICE, database=db) as tx:
        tx.run(INSERT, {"id": 1, "body": "secret"}, rows=1)
        assert "local|alice" in tx.value("select auth.jwt()::text")
    before, _ = outside(db)

    claims = "select current_setting('request.jwt.claims')"
    assert "local|bob" in value(db, BOB, claims)
    assert "alice" not in value(db, BOB, claims)
    assert value(db, BOB, "select count(*) from lab.notes") == 0
    assert value(db, None, claims) == '{"role":"anon"}'
    assert value(db, None, "select auth.uid()") is None
    with pytest.raises(OrgError) as raised:
        value(db, None, "select count(*) from lab.notes")
    assert raised.value.status == 403

    assert outside(db) == (before, UNTOUCHED)


def test_settings_of_a_transactions_own_end_with_it(db: Database) -> None:
    with transaction(ALICE, database=db) as tx:
        tx.value("select lab.move('app.note', 'mine')")

    assert value(db, BOB, "select nullif(current_setting('app.note', true), '')") is None


def test_the_login_itself_reaches_nothing(db: Database) -> None:
    """Should a statement ever run without its prelude, it finds no table, no function and no schema."""
    value(db, ALICE, "select 1")
    source = db._source
    assert isinstance(source, Single)
    assert source._connection is not None
    texts: list[LiteralString] = [
        "select count(*) from lab.notes",
        "select app.identify(true)",
        "select app.has_sys_role('sys_user')",
        "select access.create_org('a', 'aa', null, null, null, null, null)",
        "create table public.mine (a int)",
        "create temporary table mine (a int)",
    ]
    for text in texts:
        with pytest.raises(Exception, match="SQLSTATE 42501"):
            source._connection.exchange([prepare_own(text).bind(None)], Deadline.after(5).at_s)


Unit = Callable[[Database, Identity, int], None]


def reads(db: Database, who: Identity, number: int) -> None:
    reader = open_reader(db, SIGNED_IN, who, {}, Deadline.after(10))
    assert reader.value("select bool_and(owner = auth.uid()) from lab.notes") in (True, None)


def reads_as_nobody(db: Database, who: Identity, number: int) -> None:
    assert open_reader(db, PUBLIC, None, {}, Deadline.after(10)).value("select auth.uid()") is None


def reads_as_stranger(db: Database, who: Identity, number: int) -> None:
    assert open_reader(db, TOKEN, STRANGER, {}, Deadline.after(10)).value("select count(*) from lab.notes") == 0


def reads_as_sys(db: Database, who: Identity, number: int) -> None:
    assert (
        open_reader(db, SysCheck("sys_owner"), ROOT, {}, Deadline.after(10)).value("select count(*) from access.orgs")
        == 2
    )


def is_refused(db: Database, who: Identity, number: int) -> None:
    open_reader(db, Check("false"), who, {}, Deadline.after(10)).value("select 1")


def is_unknown(db: Database, who: Identity, number: int) -> None:
    open_reader(db, SIGNED_IN, STRANGER, {}, Deadline.after(10)).value("select 1")


def fails_while_reading(db: Database, who: Identity, number: int) -> None:
    open_reader(db, SIGNED_IN, who, {}, Deadline.after(10)).value("select 1 / 0")


def has_a_typo(db: Database, who: Identity, number: int) -> None:
    open_reader(db, SIGNED_IN, who, {}, Deadline.after(10)).value("select 1 from from")


def writes(db: Database, who: Identity, number: int) -> None:
    with transaction(who, database=db) as tx:
        tx.run(INSERT, {"id": number, "body": "x"}, rows=1)


def writes_many(db: Database, who: Identity, number: int) -> None:
    with transaction(who, database=db) as tx:
        tx.many(INSERT, [{"id": number + 1000 * each, "body": "x"} for each in range(1, 4)])
        tx.value("select count(*) from lab.notes")


def changes_its_mind(db: Database, who: Identity, number: int) -> None:
    with transaction(who, database=db) as tx:
        tx.run(INSERT, {"id": number, "body": "x"}, rows=1)
        raise KeyboardInterrupt


def fails_while_writing(db: Database, who: Identity, number: int) -> None:
    with transaction(who, database=db) as tx:
        tx.run(INSERT, {"id": number, "body": "x"}, rows=1)
        tx.run(INSERT, {"id": number, "body": "again"}, rows=1)


def swallows(db: Database, who: Identity, number: int) -> None:
    with transaction(who, database=db) as tx, pytest.raises(OrgError):
        tx.run(INSERT, {"id": number, "body": None}, rows=1)


def moves(db: Database, who: Identity, number: int) -> None:
    with transaction(who, database=db) as tx:
        tx.run(INSERT, {"id": number, "body": "x"}, rows=1)
        tx.value("select lab.move('role', 'app_sys', false)")


def poses(db: Database, who: Identity, number: int) -> None:
    with transaction(who, database=db) as tx:
        tx.value("select lab.move('request.jwt.claims', '{\"sub\": \"0\"}', false)")


def fails_at_commit(db: Database, who: Identity, number: int) -> None:
    with transaction(who, database=db) as tx:
        tx.run("insert into lab.promises (id, note) values (1, 99)", rows=1)


KEEP: list[Unit] = [reads, reads_as_nobody, reads_as_stranger, reads_as_sys, writes, writes_many]
FAIL: list[Unit] = [
    is_refused,
    is_unknown,
    fails_while_reading,
    has_a_typo,
    changes_its_mind,
    fails_while_writing,
    swallows,
    moves,
    poses,
    fails_at_commit,
]


@pytest.mark.parametrize("seed", range(3))
def test_after_each_of_many_units_the_connection_is_as_new(lab: Lab, db: Database, seed: int) -> None:
    random = Random(seed)
    kept = 0
    reads(db, ALICE, 0)
    fresh = outside(db)
    assert fresh[1] == UNTOUCHED

    for number in range(100):
        unit, who = random.choice(KEEP + FAIL), random.choice([ALICE, BOB, CAROL])
        if unit in FAIL:
            with pytest.raises((OrgError, KeyboardInterrupt)):
                unit(db, who, number)
        else:
            unit(db, who, number)
        kept += 3 if unit is writes_many else 1 if unit is writes else 0

        assert outside(db) == fresh, unit.__name__

    assert len(lab.notes()) == kept
    owners = lab.ask("select array_agg(distinct owner::text) from lab.notes")
    assert set(owners) <= {lab.user_id(who) for who in (ALICE, BOB, CAROL)}


@pytest.mark.pooler
def test_clients_of_a_pooler_share_a_connection_and_nothing_else(lab: Lab, pooler: PgBouncer) -> None:
    settings = lab.through(pooler.url(lab.local.login_url), profile="transaction-pooler")
    clients = {who: Database(settings) for who in (ALICE, BOB)}
    backends = set()

    for number in range(100):
        for who, client in clients.items():
            with transaction(who, database=client) as tx:
                tx.run(INSERT, {"id": 2 * number + (who is BOB), "body": who.subject}, rows=1)
                backends.add(tx.value("select pg_backend_pid()"))
            assert value(client, who, "select array_agg(distinct body) from lab.notes") == [who.subject]
            assert value(client, None, "select auth.uid()") is None
            _, settings_outside = outside(client)
            assert settings_outside == UNTOUCHED

    assert len(backends) == 1
    assert len(lab.notes()) == 200
    for client in clients.values():
        client.close()


SESSION: list[LiteralString] = [
    "select set_config(%(name)s, %(value)s, false)",
    "select SET_CONFIG(%(name)s, %(value)s, false)",
    "select pg_catalog . set_config (%(name)s, %(value)s, false)",
    'select pg_catalog."set_config"(%(name)s, %(value)s, false)',
    "select set_config/**/(%(name)s, %(value)s, false)",
    "with moved as (select set_config(%(name)s, %(value)s, false)) select * from moved",
]


@pytest.mark.parametrize("text", SESSION)
def test_no_statement_sets_anything_by_itself(db: Database, text: LiteralString) -> None:
    """With `false` it would outlive the unit; behind a pooler, in somebody else's connection."""
    value(db, ALICE, "select 1")
    fresh = outside(db)

    for name, setting in (("role", "app_sys"), ("request.jwt.claims", "{}"), ("app.note", "mine")):
        params = {"name": name, "value": setting}
        with pytest.raises(StatementError, match="may not call set_config"):
            open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(10)).value(text, params)
        with pytest.raises(StatementError), transaction(ALICE, database=db) as tx:
            tx.value(text, params)

    assert outside(db) == fresh


@pytest.mark.parametrize(
    "text",
    [
        "select pg_advisory_lock(1)",
        "select pg_try_advisory_lock(1, 2)",
        'select pg_catalog."pg_advisory_lock_shared"(1)',
    ],
)
def test_no_statement_takes_a_lock_that_outlives_it(db: Database, text: LiteralString) -> None:
    with pytest.raises(StatementError, match="pg_advisory_xact_lock"):
        value(db, ALICE, text)

    assert value(db, ALICE, "select pg_try_advisory_xact_lock(1)") is True
