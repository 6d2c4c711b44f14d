from typing import Any, Self

import psycopg
import pytest
from psycopg import sql

from org_common.tools.database.local import LocalDatabase
from org_common.tools.lint.reader import read, read_url
from tests.org_common.tools.lint.shop import snapshot

pytestmark = pytest.mark.db


def test_objects_are_read_with_their_parts(conn: psycopg.Connection) -> None:
    catalog = snapshot(
        conn,
        """comment on column shop.notes.text is 'What it says';
        create unique index notes_text on shop.notes (org_id, lower(text)) where deleted_at is null;
        create function shop.t() returns trigger language plpgsql as 'begin return new; end';
        create trigger t before update on shop.notes for each row execute function shop.t()""",
    )

    (notes,) = [relation for relation in catalog.relations.values() if relation.full_name == "shop.notes"]
    text = notes.column("text")
    index = next(index for index in notes.indexes if index.name == "shop.notes_text")
    assert text is not None
    assert (text.type, text.nullable, text.comment) == ("text", True, "What it says")
    assert (index.unique, index.usable, index.columns) == (True, False, (1, 0))
    assert [(trigger.on_insert, trigger.on_update) for trigger in notes.triggers] == [(False, True)]
    assert [(policy.name, policy.command) for policy in notes.policies] == [("own", "select")]
    assert catalog.functions[notes.triggers[0].function].is_trigger


def test_number_of_queries_does_not_depend_on_the_number_of_tables(conn: psycopg.Connection) -> None:
    def queries(tables: int) -> int:
        with conn.transaction(force_rollback=True):
            conn.execute("create schema shop")
            for number in range(tables):
                conn.execute(f"create table shop.t{number} (id int primary key)".encode())
            counter = Counting(conn)
            read(counter)  # type: ignore[arg-type]
            return counter.count

    assert queries(1) == queries(20) <= 14


class Counting:
    """A connection whose cursors count their queries."""

    def __init__(self, conn: psycopg.Connection) -> None:
        self._conn = conn
        self.count = 0

    def cursor(self, **options: Any) -> psycopg.Cursor:
        outer = self

        class Cursor(psycopg.Cursor):
            def execute(self, *args: Any, **kwargs: Any) -> Self:
                outer.count += 1
                return super().execute(*args, **kwargs)

        return Cursor(self._conn, **options)


def test_any_role_that_can_log_in_reads_the_same_catalog(database: LocalDatabase) -> None:
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        name = sql.Identifier(f"guest_of_{database.name}")
        admin.execute(sql.SQL("create role {} login password 'guest'").format(name))
        try:
            guest = read_url(
                psycopg.conninfo.make_conninfo(database.admin_url, user=f"guest_of_{database.name}", password="guest")
            )
            whole = read_url(database.admin_url)
        finally:
            admin.execute(sql.SQL("drop role {}").format(name))

    assert guest.relations == whole.relations
    assert guest.functions == whole.functions
    assert guest.roles.keys() == whole.roles.keys()


def test_nothing_can_be_written_while_reading(database: LocalDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    from org_common.tools.lint import reader

    def write(conn: psycopg.Connection) -> None:
        conn.execute("create table written (id int)")

    monkeypatch.setattr(reader, "read", write)
    with pytest.raises(Exception, match="read-only transaction"):
        read_url(database.admin_url)
