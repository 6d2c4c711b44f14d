"""What a request costs: its round_trips, counted on the wire, and the SQL that they carry."""

from collections.abc import Iterator
from itertools import groupby
from urllib.parse import urlsplit

import pytest

from org_common.auth.rules import PUBLIC, SIGNED_IN, TOKEN, OrgCheck, Rule
from org_common.db.database import Database
from org_common.values.errors import Forbidden, NotFound, OrgError
from org_common.values.identity import Identity
from org_common.values.paging import PageRequest
from org_common.values.types import Deadline
from tests.support.handles import OwnedReader, OwnedTransaction, open_reader, open_transaction
from tests.support.lab import ALICE, BOB, CAROL, INSERT, Lab, Note
from tests.support.proxy import Proxy

pytestmark = pytest.mark.db

ACME = {"org_id": "0198a000-0000-7000-8000-00000000ac3e"}
ADMIN = OrgCheck("org_admin")
NOTES = "select id, body from lab.notes"
MB = 1_000_000
# Asked for behind each write, should its COMMIT be lost.
XID = "select pg_current_xact_id_if_assigned()::text, (pg_stat_get_wal()).stats_reset::text"


class Way:
    """The SDK and the proxy that counts its round trips; a connection is open and nothing counted yet."""

    def __init__(self, database: Database, proxy: Proxy) -> None:
        self.proxy = proxy
        self._database = database
        self.reader(TOKEN).value("select 1")
        proxy.reset()

    def reader(self, rule: Rule = ADMIN, identity: Identity | None = ALICE) -> OwnedReader:
        return open_reader(self._database, rule, identity, ACME, Deadline.after(20))

    def transaction(self, rule: Rule = ADMIN, identity: Identity | None = ALICE) -> OwnedTransaction:
        return open_transaction(self._database, rule, identity, ACME, Deadline.after(20))


WAYS = [
    pytest.param(("direct", "direct"), id="direct"),
    pytest.param(("direct", "rds-proxy-set-local"), id="set-local"),
    pytest.param(("pooler", "transaction-pooler"), id="pooler", marks=pytest.mark.pooler),
]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, lab: Lab) -> Iterator[Way]:
    """Straight to the server, and through a real PgBouncer in transaction mode."""
    peer, profile = request.param
    address = urlsplit(lab.local.login_url)
    port = address.port if peer == "direct" else request.getfixturevalue("pooler").port
    with Proxy("127.0.0.1", port or 0) as proxy:
        database = Database(lab.through(proxy.url(lab.local.login_url), profile=profile))
        yield Way(database, proxy)
        database.close()


@pytest.fixture
def direct(proxied: Database, proxy: Proxy) -> Way:
    return Way(proxied, proxy)


@pytest.mark.parametrize("rule", [PUBLIC, TOKEN, SIGNED_IN, ADMIN, ADMIN | ADMIN & ADMIN], ids=repr)
def test_a_guarded_read_is_one_round_trip(way: Way, rule: Rule) -> None:
    way.reader(rule).value("select 1")

    assert way.proxy.round_trips() == 1


def test_each_verb_of_a_reader_is_one_round_trip(way: Way) -> None:
    db = way.reader()

    db.all(Note, NOTES)
    db.maybe(Note, NOTES)
    db.value("select 1")
    db.one(Note, "select 1 as id, 'x' as body")
    db.page(Note, NOTES, page=PageRequest(limit=2), by=("id",))

    assert way.proxy.round_trips() == 5


@pytest.mark.parametrize("count", [1, 2, 3, 10])
def test_a_transaction_of_n_statements_is_n_and_one_round_trips(way: Way, count: int) -> None:
    tx = way.transaction()

    for number in range(count):
        tx.run(INSERT, {"id": number, "body": "x"}, rows=1)
    tx.commit()

    assert way.proxy.round_trips() == count + 1


def test_reads_within_a_transaction_cost_the_same(way: Way) -> None:
    tx = way.transaction()

    tx.run(INSERT, {"id": 1, "body": "x"}, rows=1)
    assert tx.one(Note, NOTES) == Note(id=1, body="x")
    tx.commit()

    assert way.proxy.round_trips() == 3


def test_many_is_one_round_trip_and_the_commit(way: Way) -> None:
    tx = way.transaction()

    assert tx.many(INSERT, [{"id": number, "body": "x"} for number in range(100)]) == 100
    tx.commit()

    assert way.proxy.round_trips() == 2


def test_many_of_nothing_is_no_round_trip(way: Way) -> None:
    tx = way.transaction()

    assert tx.many(INSERT, []) == 0
    tx.commit()

    assert way.proxy.round_trips() == 0


@pytest.mark.parametrize(("identity", "error"), [(CAROL, Forbidden), (BOB, NotFound)], ids=["403", "404"])
def test_a_refused_read_is_one_round_trip(way: Way, identity: Identity, error: type[OrgError]) -> None:
    with pytest.raises(error):
        way.reader(identity=identity).all(Note, NOTES)

    assert way.proxy.round_trips() == 1


@pytest.mark.parametrize(("identity", "error"), [(CAROL, Forbidden), (BOB, NotFound)], ids=["403", "404"])
def test_a_refused_transaction_is_two_round_trips(way: Way, identity: Identity, error: type[OrgError]) -> None:
    tx = way.transaction(identity=identity)

    with pytest.raises(error):
        tx.run(INSERT, {"id": 1, "body": "x"}, rows=1)
    tx.rollback()

    assert way.proxy.round_trips() == 2
    assert way.proxy.statements()[-1] == "rollback"


def test_a_route_without_statements_asks_its_rule_in_one_round_trip(way: Way) -> None:
    way.reader().ensure_authorized()
    assert way.proxy.round_trips() == 1

    tx = way.transaction()
    tx.ensure_authorized()
    tx.commit()
    assert way.proxy.round_trips() == 2


def test_a_statement_takes_the_rule_along(way: Way) -> None:
    db = way.reader()

    db.value("select 1")
    db.ensure_authorized()

    assert way.proxy.round_trips() == 1


def test_a_transaction_that_sent_nothing_is_no_round_trip(way: Way) -> None:
    way.transaction().commit()
    way.transaction().rollback()

    assert way.proxy.round_trips() == 0


def test_a_parameter_of_three_megabytes_is_one_round_trip(way: Way) -> None:
    sent = "x" * (3 * MB)

    assert way.reader().value("select length(%(sent)s::text)", {"sent": sent}) == 3 * MB

    assert way.proxy.round_trips() == 1
    assert way.proxy.sent_bytes > 3 * MB


def test_three_megabytes_both_ways_at_once_are_one_round_trip(way: Way) -> None:
    # Both buffers are full at the same time: whoever only writes would wait for ever.
    sent = "x" * (3 * MB)

    assert way.reader().value("select %(sent)s::text", {"sent": sent}) == sent

    assert way.proxy.round_trips() == 1


def test_many_large_parameters_are_one_round_trip(way: Way) -> None:
    tx = way.transaction()

    tx.many(INSERT, [{"id": number, "body": "x" * MB} for number in range(3)])
    tx.rollback()

    assert way.proxy.round_trips() == 2


def test_after_a_failed_statement_the_next_read_costs_no_more(way: Way) -> None:
    with pytest.raises(OrgError):
        way.reader().value("select 1 / 0")
    way.proxy.reset()

    way.reader().value("select 1")

    assert way.proxy.round_trips() == 1


def test_a_read_sends_settings_identity_rule_and_statement(direct: Way) -> None:
    direct.reader().value("select 1")

    settings, *rest = direct.proxy.statements()
    assert settings.startswith("select set_config('role', $1, true), set_config('request.jwt.claims', $2, true), ")
    assert settings.endswith(", set_config('transaction_read_only', 'on', true)")
    assert rest == ["select app.identify(true)", "select app.require(app.has_org_role($1, 'org_admin'))", "select 1"]


def test_nobody_is_identified_where_the_route_asks_nobody(direct: Way) -> None:
    direct.reader(PUBLIC, None).value("select 1")

    assert len(direct.proxy.statements()) == 2


def test_a_transaction_begins_sets_and_rechecks(direct: Way) -> None:
    tx = direct.transaction()

    tx.value("select 1")
    tx.value("select 2")
    tx.commit()

    messages = [each for each in direct.proxy.messages() if each.kind in "PQ"]
    first, second, third = [[each.text for each in turn] for _, turn in groupby(messages, lambda each: each.request)]
    assert first[0] == "begin"
    assert first[1].startswith("select set_config('role', $1, true), ")
    assert "transaction_read_only" not in first[1]
    assert first[2:] == [
        "select app.identify(true)",
        "select app.require(app.has_org_role($1, 'org_admin'))",
        "select 1",
        XID,
    ]
    assert second == ["select set_config('statement_timeout', $1, true)", "select 2", XID]
    assert third == ["select app.recheck($1, $2)", "commit"]


def test_nothing_is_ever_set_for_the_session(direct: Way) -> None:
    direct.reader().value("select 1")
    direct.reader(PUBLIC, None).value("select 1")
    tx = direct.transaction()
    tx.many(INSERT, [{"id": 1, "body": "x"}, {"id": 2, "body": "x"}])
    tx.commit()
    with pytest.raises(Forbidden):
        direct.reader(identity=CAROL).value("select 1")

    for statement in direct.proxy.statements():
        assert statement.split()[0] in {"begin", "select", "insert", "commit"}
        assert statement.count("set_config(") == statement.count(", true)")
    # Of the simple protocol one text could hold several statements.
    assert "Q" not in {message.kind for message in direct.proxy.messages()}
