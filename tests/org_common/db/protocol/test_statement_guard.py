"""What a handler may not send: refused before anything has left. Two statements in a text the server refuses."""

from itertools import product
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.pq import TransactionStatus

from org_common.auth.rules import SIGNED_IN
from org_common.db.database import Database, transaction
from org_common.db.protocol.statement import StatementError, prepare
from org_common.values.errors import OrgError
from org_common.values.types import Deadline
from tests.support.handles import open_reader, open_transaction
from tests.support.lab import ALICE, INSERT, Lab
from tests.support.proxy import Proxy

COMMANDS: list[LiteralString] = [
    "commit",
    "commit and chain",
    "commit prepared 'x'",
    "rollback",
    "rollback to savepoint a",
    "end",
    "abort",
    "begin",
    "begin isolation level serializable",
    "start transaction",
    "savepoint a",
    "release a",
    "release savepoint a",
    "prepare transaction 'x'",
    "prepare x as select 1",
    "execute x",
    "deallocate all",
    "set role app_sys",
    "set local role none",
    "set session role none",
    "set transaction read write",
    "set session characteristics as transaction read write",
    "set session authorization default",
    "set search_path = public",
    "set row_security = off",
    "set constraints all deferred",
    "reset role",
    "reset all",
    "reset session authorization",
    "show all",
    "discard all",
    "discard temp",
    "call lab.work()",
    "do $$ begin commit; end $$",
    "copy lab.notes to stdout",
    "copy lab.notes from stdin",
    "listen news",
    "unlisten *",
    "notify news",
    "lock table lab.notes",
    "vacuum",
    "analyze",
    "explain analyze delete from lab.notes",
    "explain (analyze) delete from lab.notes",
    "declare c cursor with hold for select 1",
    "fetch all from c",
    "move 1 from c",
    "close all",
    "checkpoint",
    "cluster",
    "reindex database x",
    "refresh materialized view x",
    "load 'x'",
    "import foreign schema x from server y into z",
    "create table x (a int)",
    "create temporary table x (a int)",
    "alter table lab.notes disable row level security",
    "drop table lab.notes",
    "truncate lab.notes",
    "grant all on lab.notes to anon",
    "revoke all on lab.notes from anon",
    "comment on table lab.notes is 'x'",
    "security label on table lab.notes is 'x'",
    "reassign owned by a to b",
    # No words of PostgreSQL's, but of what stands in front of it.
    "pause",
    "kill app",
    "shutdown",
]

DISGUISES: list[LiteralString] = [
    "COMMIT",
    "CoMmIt",
    " commit",
    "\tcommit",
    "\ncommit",
    "\r\ncommit",
    "\f commit",
    "\v commit",
    "commit;",
    "commit -- select",
    "commit/* select */",
    ";commit",
    ";;; commit",
    "; select 1",
    "(commit)",
    "((commit",
    "/**/commit",
    "/* x */commit",
    "/* /* nested */ */ commit",
    "/* /* nested */ select */ commit",
    "/* /*/ */ */ commit",
    "/*select*/commit",
    "/* -- */ commit",
    "/* \n */ commit",
    "--x\ncommit",
    "--\ncommit",
    "--select\n--select\ncommit",
    "--x\r\ncommit",
    # To PostgreSQL a carriage return ends a comment as well.
    "--x\rcommit",
    "--\rcommit --\nselect 1",
    "--\rcommit /*\nselect 1 */",
    "-- /*\rcommit -- */ select",
    "\ufeffcommit",
    "\ufeffselect 1",
    "\u00a0commit",
    "\u00a0select 1",
    "\u2003commit",
    "\u2028commit",
    "\u3000select 1",
    "\u200bcommit",
    "\x00commit",
    "\x1fselect 1",
    "\x85select 1",
    "ｃｏｍｍｉｔ",
    "ſelect 1",
    '"select" 1',
    "'select'",
    "$1",
    "%(word)s",
    "%%commit",
    "\\echo",
    "[select 1]",
    "selectcommit",
    "",
    " ",
    ";",
    "()",
    "--",
    "-- select 1",
    "/*",
    "/* select 1",
    "/* select 1 */",
    "/* /* */ select 1",
    "1",
    "- - select 1",
    "*/ select 1",
]


@pytest.mark.parametrize("text", COMMANDS + DISGUISES)
def test_it_is_refused(text: LiteralString) -> None:
    with pytest.raises(StatementError, match="a statement may not begin with"):
        prepare(text)


def test_there_are_enough_spellings() -> None:
    assert len(set(COMMANDS + DISGUISES)) >= 120


@pytest.mark.db
def test_nothing_is_sent(proxied: Database, proxy: Proxy) -> None:
    db = open_reader(proxied, SIGNED_IN, ALICE, {}, Deadline.after(10))
    with transaction(ALICE, database=proxied) as tx:
        tx.value("select 1")
        proxy.reset()

        for text in COMMANDS + DISGUISES:
            for send in (tx.value, db.value, lambda text: tx.run(text, rows=None), lambda text: tx.many(text, [None])):
                with pytest.raises(StatementError):
                    send(text)

        assert proxy.round_trips() == 0
        assert proxy.sent_bytes == 0


PIECES = ["--", "/*", "*/", "\r", "\n", "("]


@pytest.mark.db
def test_it_reads_blanks_and_comments_as_the_server_does(lab: Lab) -> None:
    """Whatever mix of them stands around a COMMIT: what the guard lets through never ends a transaction."""
    texts = [
        "".join([*before, "commit", *between, "select 1", end])
        for size in (0, 1, 2, 3)
        for before in product(PIECES, repeat=size)
        for between in [(), *product(PIECES, repeat=1), *product(PIECES, repeat=2)]
        for end in ("", " */")
    ]
    let_through = [text for text in texts if is_let_through(text)]

    with psycopg.connect(lab.local.login_url, autocommit=True) as conn:
        for text in let_through:
            conn.pgconn.exec_(b"begin")
            conn.pgconn.exec_params(text.encode(), [])
            assert conn.pgconn.transaction_status != TransactionStatus.IDLE, repr(text)
            conn.pgconn.exec_(b"rollback")

    assert len(let_through) > 100
    assert len(texts) > 20_000


def is_let_through(text: str) -> bool:
    try:
        prepare(text)
    except StatementError:
        return False
    return True


TWO: list[LiteralString] = [
    "select 1; commit",
    "select 1; reset role",
    "select 1;;commit;",
    "select 1; -- \n commit",
    "insert into lab.notes (id, body) values (2, 'x'); commit",
    "values (1); set role app_sys",
    "select 1 /* ; */ ; commit",
    "with x as (select 1) select * from x; commit; select 1",
]


@pytest.mark.db
@pytest.mark.parametrize("text", TWO)
def test_two_statements_in_a_text_are_refused_by_the_server(lab: Lab, db: Database, text: LiteralString) -> None:
    handle = open_transaction(db, SIGNED_IN, ALICE, {}, Deadline.after(10))
    handle.run(INSERT, {"id": 1, "body": "x"}, rows=1)

    with pytest.raises(OrgError) as raised:
        handle.run(text, rows=None)
    handle.rollback()

    assert raised.value.status == 500
    assert getattr(raised.value.__cause__, "sqlstate", None) == "42601"
    assert lab.notes() == []
    assert lab.is_quiet()


@pytest.mark.db
@pytest.mark.parametrize("text", TWO)
def test_nor_does_a_reader_send_two(lab: Lab, db: Database, text: LiteralString) -> None:
    with pytest.raises(OrgError) as raised:
        open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(10)).value(text)

    assert getattr(raised.value.__cause__, "sqlstate", None) == "42601"
    assert lab.notes() == []


@pytest.mark.db
@pytest.mark.parametrize(
    "text", ["insert into lab.notes (id, body) values (1, 'x') returning 1", "(values (1))", "table lab.notes limit 0"]
)
def test_what_is_allowed_runs(lab: Lab, db: Database, text: LiteralString) -> None:
    with transaction(ALICE, database=db) as tx:
        tx.value(text) if "table" not in text else tx.run(text, rows=0)


@pytest.mark.db
def test_a_merge_runs(lab: Lab, db: Database) -> None:
    merge: LiteralString = """
        merge into lab.notes n using (values (1)) v (id) on n.id = v.id
        when not matched then insert (id, body) values (v.id, 'merged')"""
    with transaction(ALICE, database=db) as tx:
        assert tx.run(merge, rows=1) == 1

    assert lab.notes() == [1]


@pytest.mark.db
def test_a_name_from_outside_stays_a_name(db: Database) -> None:
    """Composed SQL quotes: what would be a second statement is an odd column."""
    odd = 'x" ; commit; --'
    text = sql.SQL("select 1 as {}").format(sql.Identifier(odd))

    assert open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(10)).value(text) == 1


@pytest.mark.parametrize(
    "call", ["lo_create(0)", 'pg_catalog."lo_creat"(-1)', "LO_FROM_BYTEA(0, 'x')", "lowrite (1, 'x')"]
)
def test_large_objects_are_refused(call: str) -> None:
    with pytest.raises(StatementError, match="large objects"):
        prepare(sql.SQL(f"select {call}"))


@pytest.mark.parametrize("text", ["select lo_price from lab.notes", "select x.lo, x.hello_create from lab.notes x"])
def test_columns_of_similar_names_are_allowed(text: LiteralString) -> None:
    prepare(text)
