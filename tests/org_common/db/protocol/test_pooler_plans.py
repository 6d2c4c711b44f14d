"""Prepared statements through PgBouncer: used where it keeps track of them, and nowhere else."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import LiteralString
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from org_common.auth.rules import SIGNED_IN
from org_common.db.connections.connection import Single
from org_common.db.connections.pool import Pooled
from org_common.db.database import Database, transaction
from org_common.db.protocol.plans import Plans
from org_common.values.identity import Identity
from org_common.values.types import Deadline
from tests.support.handles import OwnedReader, open_reader
from tests.support.lab import ALICE, BOB, CAROL, INSERT, Lab, Note
from tests.support.pgbouncer import BUILT, PgBouncer, tracking_program
from tests.support.proxy import Proxy

pytestmark = [pytest.mark.db, pytest.mark.pooler]

NOTES: LiteralString = "select id, body from lab.notes order by id"
ASK = "select count(*) from pg_prepared_statements where name = $1"


def program() -> str:
    found = tracking_program()
    if found is None:
        pytest.skip("needs PgBouncer 1.21 or later: run tests/support/build_pgbouncer.sh build/pgbouncer")
    return found


def start(lab: Lab, *, pool_size: int = 2, settings: dict[str, str], program: str | None) -> PgBouncer:
    users = {"app_login": urlsplit(lab.local.login_url).password or ""}
    return PgBouncer.start(lab.local.login_url, users=users, pool_size=pool_size, settings=settings, program=program)


@pytest.fixture
def tracking(lab: Lab) -> Iterator[PgBouncer]:
    """Two server connections for all clients."""
    with start(lab, settings={"max_prepared_statements": "100"}, program=program()) as pgbouncer:
        yield pgbouncer


@pytest.fixture(params=["the installed one", "one that is set to keep track of nothing"])
def unaware(request: pytest.FixtureRequest, lab: Lab) -> Iterator[PgBouncer]:
    """A PgBouncer that passes names on to the server."""
    untold = "installed" in request.param
    # An installed one may be new enough to keep track by default.
    settings = {} if untold and tracking_program() == str(BUILT) else {"max_prepared_statements": "0"}
    with start(lab, settings=settings, program=None if untold else program()) as pgbouncer:
        yield pgbouncer


def connected(stack: ExitStack, lab: Lab, peer: PgBouncer, profile: str = "pgbouncer") -> tuple[Database, Proxy]:
    proxy = stack.enter_context(Proxy("127.0.0.1", peer.port))
    database = Database(lab.through(proxy.url(lab.local.login_url), profile=profile))
    stack.callback(database.close)
    return database, proxy


def reader(db: Database, identity: Identity = ALICE) -> OwnedReader:
    return open_reader(db, SIGNED_IN, identity, {}, Deadline.after(20))


def test_text_is_sent_once(lab: Lab, tracking: PgBouncer) -> None:
    with ExitStack() as stack:
        db, proxy = connected(stack, lab, tracking)
        reader(db).all(Note, NOTES)
        assert proxy.statements().count(ASK) == 1
        assert proxy.round_trips() == 1
        reader(db).all(Note, NOTES)
        proxy.reset()

        for _ in range(3):
            reader(db).all(Note, NOTES)
        assert proxy.statements() == []
        assert proxy.round_trips() == 3


def test_where_names_reach_the_server_nothing_is_prepared(lab: Lab, unaware: PgBouncer) -> None:
    with ExitStack() as stack:
        db, proxy = connected(stack, lab, unaware)
        for _ in range(4):
            assert reader(db).all(Note, NOTES) == []

        assert proxy.statements().count(ASK) == 1
        assert proxy.statements().count(NOTES) == 4
        # What the question prepared is gone.
        assert reader(db).value("select count(*) from pg_prepared_statements") == 0


def test_straight_to_the_server_nothing_is_prepared(lab: Lab, proxy: Proxy) -> None:
    db = Database(lab.through(proxy.url(lab.local.login_url), profile="pgbouncer"))
    for _ in range(3):
        reader(db).all(Note, NOTES)

    assert proxy.statements().count(NOTES) == 3
    assert reader(db).value("select count(*) from pg_prepared_statements") == 0
    db.close()


def test_other_profiles_do_not_ask(lab: Lab, tracking: PgBouncer) -> None:
    with ExitStack() as stack:
        db, proxy = connected(stack, lab, tracking, "transaction-pooler")
        reader(db).all(Note, NOTES)
        reader(db).all(Note, NOTES)

        assert ASK not in proxy.statements()
        assert proxy.statements().count(NOTES) == 2


def test_each_sees_their_own_through_two_shared_connections(lab: Lab, tracking: PgBouncer) -> None:
    """Eight clients with the same names for other statements, whose transactions move between two connections."""
    people = [ALICE, BOB, CAROL]
    for number, who in enumerate((ALICE, BOB)):
        with ExitStack() as stack, transaction(who, database=connected(stack, lab, tracking)[0]) as tx:
            tx.run(INSERT, {"id": number, "body": who.subject}, rows=1)
    texts: list[LiteralString] = [
        "select array_agg(body) from lab.notes where id >= %(least)s",
        "select array_agg(body order by id) from lab.notes where id >= %(least)s and true",
    ]

    def client(number: int) -> list[tuple[Identity, object]]:
        found: list[tuple[Identity, object]] = []
        with ExitStack() as stack:
            db, _ = connected(stack, lab, tracking)
            for turn in range(100):
                who = people[(number + turn) % 3]
                # In another order for each client, so that a name means something else to it.
                ordered = texts if number % 2 else texts[::-1]
                found += [(who, reader(db, who).value(text, {"least": 0})) for text in ordered]
        return found

    with ThreadPoolExecutor(8) as threads:
        everything = [pair for pairs in threads.map(client, range(8)) for pair in pairs]

    assert len(everything) == 1600
    assert all(value == (None if who is CAROL else [who.subject]) for who, value in everything)


def test_each_connection_of_a_pool_asks_once(lab: Lab, tracking: PgBouncer) -> None:
    with Proxy("127.0.0.1", tracking.port) as proxy:
        settings = lab.through(proxy.url(lab.local.login_url), profile="pgbouncer")
        db = Database(settings, Pooled(settings, size=4))
        reader(db).all(Note, NOTES)
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(lambda _: reader(db).all(Note, NOTES), range(40))) == [[]] * 40

        asked = proxy.statements().count(ASK)
        assert 1 <= asked <= 4
        # Twice at most on each connection: with the question, and when it is prepared.
        assert proxy.statements().count(NOTES) <= 2 * asked
        db.close()


def test_after_a_restart_of_the_pooler_statements_are_prepared_again(lab: Lab, tracking: PgBouncer) -> None:
    with ExitStack() as stack:
        db, proxy = connected(stack, lab, tracking)
        for _ in range(3):
            reader(db).all(Note, NOTES)
        tracking.restart()
        proxy.reset()

        for _ in range(3):
            assert reader(db).all(Note, NOTES) == []
        # On the new connection: with the question, and when it is prepared.
        assert proxy.statements().count(NOTES) == 2


def test_pooler_that_no_longer_keeps_track_is_found_out(lab: Lab, tracking: PgBouncer) -> None:
    with ExitStack() as stack:
        db, proxy = connected(stack, lab, tracking)
        for _ in range(3):
            reader(db).all(Note, NOTES)
        tracking.restart({"max_prepared_statements": "0"})
        proxy.reset()

        for _ in range(3):
            assert reader(db).all(Note, NOTES) == []
        assert (proxy.statements().count(ASK), proxy.statements().count(NOTES)) == (1, 3)


def plans_of(db: Database) -> Plans:
    source = db._source
    assert isinstance(source, Single)
    assert source._connection is not None
    assert source._connection._pooler is not None
    assert source._connection._pooler.plans is not None
    return source._connection._pooler.plans


def test_two_clients_never_use_one_name(lab: Lab, tracking: PgBouncer) -> None:
    """If a pooler passed a name on after all, it would be the name of no other client's statement."""
    with ExitStack() as stack:
        both = [connected(stack, lab, tracking)[0] for _ in range(2)]
        for db in both:
            reader(db).all(Note, NOTES)
            reader(db).all(Note, NOTES)

        one, other = ({*plans_of(db)._names.values()} for db in both)
        assert len(one) == len(other) > 1
        assert one.isdisjoint(other)


def test_name_that_the_pooler_does_not_know_is_prepared_again(lab: Lab, tracking: PgBouncer) -> None:
    """PgBouncer ends the connection, and the read goes to a new one."""
    with ExitStack() as stack:
        db, proxy = connected(stack, lab, tracking)
        for _ in range(2):
            reader(db).all(Note, NOTES)
        names = plans_of(db)._names
        names.update(dict.fromkeys(names, b"oc_unknown"))
        proxy.reset()

        assert [reader(db).all(Note, NOTES) for _ in range(3)] == [[]] * 3
        # On the new connection: with the question, and when it is prepared.
        assert proxy.statements().count(NOTES) == 2


def test_statement_that_the_pooler_lost_ends_their_use(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    settings = {"max_prepared_statements": "100"}
    with ExitStack() as stack:
        pooler = stack.enter_context(start(lab, pool_size=1, settings=settings, program=program()))
        db, proxy = connected(stack, lab, pooler)
        for _ in range(2):
            reader(db).all(Note, NOTES)
        # Another client of the same server connection, behind the pooler's back.
        with psycopg.connect(pooler.url(lab.local.login_url), autocommit=True, prepare_threshold=None) as other:
            for (name,) in other.execute("select name from pg_prepared_statements").fetchall():
                other.execute(sql.SQL("deallocate {}").format(sql.Identifier(name)))
        proxy.reset()

        assert [reader(db).all(Note, NOTES) for _ in range(3)] == [[]] * 3
        assert proxy.statements().count(NOTES) == 3
        assert "a prepared statement is outdated or gone" in caplog.text
        assert ASK not in proxy.statements()


def test_table_that_changes_ends_their_use(lab: Lab, tracking: PgBouncer) -> None:
    """PgBouncer finds a statement by its text, and keeps the one that was planned for the old table."""
    lab.tell("create table if not exists lab.moving (id integer)")
    lab.tell("grant select on lab.moving to authenticated")
    text: LiteralString = "select * from lab.moving"
    with ExitStack() as stack:
        db, proxy = connected(stack, lab, tracking)
        for _ in range(3):
            assert reader(db).value(text) is None
        lab.tell("alter table lab.moving add column more integer")
        proxy.reset()

        for _ in range(3):
            with pytest.raises(Exception, match="expected one column"):
                reader(db).value(text)
        assert proxy.statements().count(text) == 3
    lab.tell("drop table lab.moving")
