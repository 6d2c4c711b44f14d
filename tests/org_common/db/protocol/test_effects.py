"""What a statement changes: counted by its command, and notifications found in its text."""

from typing import LiteralString

import pytest

from org_common.db.database import Database, transaction
from org_common.db.protocol.effects import emitted_by, may_notify
from org_common.db.protocol.statement import StatementError
from org_common.db.transaction import Transaction
from org_common.values.errors import NotFound
from tests.support.lab import ALICE, INSERT, Lab

# Statements for the note 1 of three; `%(id)s` is another one where nothing is to be changed.
COUNTED: dict[str, LiteralString] = {
    "update": "update lab.notes set body = 'y' where id = %(id)s",
    "delete": "delete from lab.notes where id = %(id)s",
    "delete returning": "delete from lab.notes where id = %(id)s returning id",
    "insert": "insert into lab.notes (id, body) select n.id + 10, 'x' from lab.notes n where n.id = %(id)s",
    "merge": "merge into lab.notes n using (values (%(id)s::int)) v (id) on n.id = v.id "
    "when matched then update set body = 'y'",
    "with, delete": "with one as (select %(id)s::int as id) delete from lab.notes n using one where n.id = one.id",
    "with select, insert": "with one as (select id from lab.notes where id = %(id)s) "
    "insert into lab.notes (id, body) select id + 10, 'x' from one",
    "with delete, insert": "with gone as (delete from lab.notes where id = %(id)s returning id) "
    "insert into lab.notes (id, body) select id + 10, 'x' from gone",
}
# They end in SELECT, whose number is that of rows returned.
UNCOUNTED: dict[str, LiteralString] = {
    "count": "with gone as (delete from lab.notes where id = %(id)s returning id) select count(*) from gone",
    "rows": "with gone as (delete from lab.notes where id = %(id)s returning id) select id from gone",
    "update": "with new as (update lab.notes set body = 'y' where id = %(id)s returning id) select count(*) from new",
    "insert": "with new as (insert into lab.notes (id, body) select 10, 'x' from lab.notes where id = %(id)s "
    "returning id) select count(*) from new",
    "merge": "with old as materialized (select 1), gone as (delete from lab.notes where id = %(id)s returning id) "
    "table gone",
}
READS: list[LiteralString] = [
    "select 1",
    "select id from lab.notes",
    "values (1)",
    "table lab.notes",
    "select 1 where false",
    "with a as (select 1) select * from a",
    "select lab.move('lab.x', 'y')",
    "select count(*) from lab.notes where body = %(id)s::text",
]


@pytest.fixture
def notes(lab: Lab, db: Database) -> list[int]:
    with transaction(ALICE, database=db) as tx:
        tx.many(INSERT, [{"id": number, "body": "x"} for number in (1, 2, 3)])
    return [1, 2, 3]


def write(db: Database, text: LiteralString, id: int, rows: int | None, *, has_written: bool = False) -> int:
    with transaction(ALICE, database=db) as tx:
        if has_written:
            tx.run(INSERT, {"id": 50, "body": "x"}, rows=1)
        return tx.run(text, {"id": id}, rows=rows)


@pytest.mark.db
@pytest.mark.usefixtures("notes")
@pytest.mark.parametrize("has_written", [False, True])
@pytest.mark.parametrize("name", COUNTED)
def test_writes_are_counted(lab: Lab, db: Database, name: str, *, has_written: bool) -> None:
    text = COUNTED[name]

    with pytest.raises(NotFound):
        write(db, text, 99, 1, has_written=has_written)
    with pytest.raises(StatementError, match="it changed 1"):
        write(db, text, 1, 2, has_written=has_written)
    assert lab.notes() == [1, 2, 3]
    assert write(db, text, 99, 0) == 0
    assert write(db, text, 99, None) == 0
    assert write(db, text, 1, 1, has_written=has_written) == 1


@pytest.mark.db
@pytest.mark.usefixtures("notes")
@pytest.mark.parametrize("name", UNCOUNTED)
def test_a_select_behind_a_write_is_not_its_number(lab: Lab, db: Database, name: str) -> None:
    text = UNCOUNTED[name]

    with pytest.raises(NotFound):
        write(db, text, 99, 1)
    for rows in (0, 1, 2):
        with pytest.raises(StatementError, match="rows= counts the changes"):
            write(db, text, 1, rows)
        with pytest.raises(StatementError, match="rows= counts the changes"):
            write(db, text, 99, rows, has_written=True)
    assert lab.notes() == [1, 2, 3]
    assert write(db, text, 99, 0) == 0
    assert write(db, text, 99, None) == 0
    assert write(db, text, 1, None) == 0


@pytest.mark.db
@pytest.mark.usefixtures("notes")
@pytest.mark.parametrize("text", READS)
@pytest.mark.parametrize("rows", [1, 3])
def test_a_read_changes_nothing(lab: Lab, db: Database, text: LiteralString, rows: int) -> None:
    with pytest.raises(StatementError, match="rows= counts the changes"):
        write(db, text, 1, rows)
    with pytest.raises(StatementError, match="rows= counts the changes"):
        write(db, text, 1, rows, has_written=True)

    assert lab.notes() == [1, 2, 3]
    assert write(db, text, 1, None) == 0
    if "lab.move" not in text:
        # A function may have written: then not even 0 is certain.
        assert write(db, text, 1, 0) == 0


@pytest.mark.db
@pytest.mark.usefixtures("notes")
@pytest.mark.parametrize("text", [*UNCOUNTED.values(), *READS])
def test_many_adds_up_changes_alone(db: Database, text: LiteralString) -> None:
    def many(tx: Transaction) -> int:
        return tx.many(text, [{"id": 50}, {"id": 51}])

    with transaction(ALICE, database=db) as tx:
        assert many(tx) == 0


NOTIFYING = [
    "select pg_notify('a', 'b')",
    'select "pg_notify"(1)',
    "select pg_catalog.pg_notify('a', 'b')",
    "select PG_Notify/* x */ ('a', 'b')",
    "select pg_notify --x\n('a', 'b')",
    "select pg_logical_emit_message(false, 'a', 'b')",
]


@pytest.mark.parametrize("text", NOTIFYING)
def test_what_takes_effect_in_a_read_only_transaction(text: str) -> None:
    assert emitted_by(text.encode()) in ("pg_notify", "pg_logical_emit_message")
    assert may_notify(text.encode(), has_search_path=False)


@pytest.mark.parametrize(
    ("text", "by_schema", "by_path"),
    [
        ("select shop.announce()", True, True),
        ('select "shop" . "announce" (1)', True, True),
        ("select * from shop.announce(1)", True, True),
        ("select announce()", False, True),
        ("select count(*) from lab.notes", False, True),
        ("select auth.uid(), app.x()", False, True),
        ("insert into lab.notes (id) values (1)", False, True),
        ("select a.b from x a", False, False),
        ("select 'pg_notify'", False, False),
    ],
)
def test_functions_of_the_project_may_notify(text: str, *, by_schema: bool, by_path: bool) -> None:
    assert emitted_by(text.encode()) is None
    assert may_notify(text.encode(), has_search_path=False) is by_schema
    assert may_notify(text.encode(), has_search_path=True) is by_path
