"""Prepared statements of a direct connection: fewer words on the wire, and never another caller's rows."""

from collections.abc import Iterator
from random import Random
from typing import LiteralString

import pytest

from org_common.auth.rules import PUBLIC, SIGNED_IN, OrgCheck, SysCheck
from org_common.db.connections.connection import Single
from org_common.db.database import Database, transaction
from org_common.db.protocol.plans import LIMIT
from org_common.db.protocol.statement import prepare_own
from org_common.values.errors import Forbidden, OrgError
from org_common.values.identity import Identity
from org_common.values.types import Deadline
from tests.support.handles import OwnedReader, open_reader
from tests.support.lab import ALICE, BOB, CAROL, INSERT, ROOT, Lab, Note
from tests.support.proxy import Proxy

pytestmark = pytest.mark.db

NOTES = "select id, body from lab.notes order by id"


@pytest.fixture
def direct(lab: Lab, proxy: Proxy) -> Iterator[Database]:
    database = Database(lab.through(proxy.url(lab.local.login_url), profile="direct"))
    yield database
    database.close()


def reader(db: Database, identity: Identity = ALICE) -> OwnedReader:
    return open_reader(db, SIGNED_IN, identity, {}, Deadline.after(20))


def prepared(db: Database) -> int:
    """How many the server keeps for the connection."""
    source = db._source
    assert isinstance(source, Single)
    assert source._connection is not None
    probe = prepare_own("select count(*) from pg_prepared_statements").bind(None)
    return int(source._connection.exchange([probe], Deadline.after(5).at_s)[0].get_value(0, 0) or 0)


def test_a_text_is_sent_once(direct: Database, proxy: Proxy) -> None:
    reader(direct).all(Note, NOTES)
    proxy.reset()

    for _ in range(3):
        reader(direct).all(Note, NOTES)

    # What it begins with has no plan.
    assert proxy.statements() == ["reset all"] * 3
    assert proxy.round_trips() == 3


@pytest.mark.parametrize("profile", ["transaction-pooler", "rds-proxy", "rds-proxy-set-local"])
def test_behind_a_pooler_nothing_is_prepared(lab: Lab, profile: str) -> None:
    db = Database(lab.through(lab.local.login_url, profile=profile))
    for _ in range(3):
        reader(db).all(Note, NOTES)

    assert prepared(db) == 0
    db.close()


def test_each_sees_his_own_whoever_was_planned_for(direct: Database) -> None:
    """The same text for callers and roles in any order, far past the point where a plan becomes a generic one."""
    random = Random(40)
    for number, who in enumerate((ALICE, BOB)):
        with transaction(who, database=direct) as tx:
            tx.run(INSERT, {"id": number, "body": who.subject}, rows=1)
    text: LiteralString = "select array_agg(body) from lab.notes where id >= %(least)s"

    for _ in range(600):
        caller = random.choice([ALICE, BOB, CAROL, None])
        if caller is None:
            with pytest.raises(Forbidden):
                open_reader(direct, PUBLIC, None, {}, Deadline.after(20)).value(text, {"least": 0})
        else:
            expected = None if caller is CAROL else [caller.subject]
            assert reader(direct, caller).value(text, {"least": 0}) == expected


def test_rules_are_planned_for_nobody_either(direct: Database) -> None:
    member, path = OrgCheck("org_user"), {"org_id": "0198a000-0000-7000-8000-00000000ac3e"}

    for _ in range(20):
        assert (
            open_reader(direct, member, ALICE, path, Deadline.after(20)).value("select current_user::text")
            == "authenticated"
        )
        with pytest.raises(OrgError):
            open_reader(direct, member, BOB, path, Deadline.after(20)).value("select current_user::text")
        sys = open_reader(direct, SysCheck("sys_owner"), ROOT, {}, Deadline.after(20))
        assert sys.value("select current_user::text") == "app_sys"


def test_types_of_parameters_make_another_statement(direct: Database) -> None:
    text: LiteralString = "select pg_typeof(%(x)s)::text"

    for _ in range(3):
        assert [reader(direct).value(text, {"x": x}) for x in (1, 2**40, 1.5, True)] == [
            "integer",
            "bigint",
            "double precision",
            "boolean",
        ]


def test_a_table_that_changes_is_planned_anew(lab: Lab, direct: Database) -> None:
    lab.tell("create table if not exists lab.changing (id integer)")
    lab.tell("grant select, insert on lab.changing to authenticated")
    text: LiteralString = "select count(*) from (select * from lab.changing) c"
    whole: LiteralString = "select * from lab.changing"
    reader(direct).value(text)
    reader(direct).value(whole)

    for name in ("a", "b"):
        lab.tell("alter table lab.changing add column " + name + " integer")
        assert reader(direct).value(text) == 0
        with pytest.raises(Exception, match=r"value\(\) expected one column"):
            reader(direct).value(whole)
    lab.tell("drop table lab.changing")


def test_what_failed_is_prepared_all_the_same(direct: Database, proxy: Proxy) -> None:
    for _ in range(3):
        with pytest.raises(OrgError):
            reader(direct).value("select 1 / %(zero)s::int", {"zero": 0})
        with pytest.raises(KeyError), transaction(ALICE, database=direct) as tx:
            tx.run(INSERT, {"id": 1, "body": "x"}, rows=1)
            raise KeyError

    assert proxy.statements().count("select 1 / $1::int") == 1
    assert len([text for text in proxy.statements() if text.startswith("insert into lab.notes")]) == 1


def test_a_batch_is_prepared_once(direct: Database, proxy: Proxy) -> None:
    with transaction(ALICE, database=direct) as tx:
        tx.many(INSERT, [{"id": number, "body": "x"} for number in range(500)])

    assert len([text for text in proxy.statements() if text.startswith("insert into lab.notes")]) == 1
    assert prepared(direct) < 20


def test_texts_that_are_put_together_do_not_fill_the_server(direct: Database) -> None:
    for number in range(LIMIT + 50):
        number_text: str = str(number)
        reader(direct).value("select " + number_text)

    assert prepared(direct) <= LIMIT
    assert reader(direct).value("select 'still served'") == "still served"


def test_a_new_connection_knows_none_of_the_old_ones(lab: Lab, direct: Database) -> None:
    for _ in range(3):
        reader(direct).all(Note, NOTES)
        lab.terminate(reader(direct).value("select pg_backend_pid()"))

    assert reader(direct).all(Note, NOTES) == []
