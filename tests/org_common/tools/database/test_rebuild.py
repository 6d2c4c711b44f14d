"""A local database is made anew, with the rows that still fit."""

import hashlib
import uuid
from collections.abc import Iterator

import psycopg
import pytest

from org_common.tools.database.local import LocalDatabase, drop_database, provision
from org_common.tools.database.migrations import Migration, SchemaError, load
from org_common.tools.database.rebuild import rebuild

pytestmark = pytest.mark.db

FIRST = """
create schema shop;
create table shop.orders (id int generated always as identity primary key, title text not null, doubled int generated
  always as (length(title) * 2) stored);
create table shop.items (order_id int not null references shop.orders, name text);
create table shop.colors (name text primary key);
insert into shop.colors values ('red');
"""
GONE = "create table shop.gone (id int);"


def migrations(*texts: str) -> list[Migration]:
    return [
        *load([]),
        *(
            Migration("shop", number, f"step{number}", text, hashlib.sha256(text.encode()).hexdigest())
            for number, text in enumerate(texts, 1)
        ),
    ]


@pytest.fixture
def dev(postgres: str) -> Iterator[LocalDatabase]:
    """A database with two migrations and rows."""
    name = f"rebuild_{uuid.uuid4().hex}"
    local = provision(postgres, name, migrations(FIRST, GONE))
    with psycopg.connect(local.admin_url) as admin:
        admin.execute("insert into shop.orders (title) values ('a'), ('bb')")
        admin.execute("insert into shop.items values (2, 'item')")
        admin.execute("insert into shop.colors values ('green')")
        admin.execute("insert into shop.gone values (1)")
    yield local
    drop_database(postgres, name)


def query(local: LocalDatabase, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(local.admin_url) as admin:
        return admin.execute(sql.encode()).fetchall()


def test_rows_are_kept_under_the_edited_migrations(dev: LocalDatabase) -> None:
    said: list[str] = []

    made = rebuild(
        dev.admin_url,
        dev.name,
        migrations(FIRST, "alter table shop.orders add color text default 'red'"),
        say=said.append,
    )

    assert made == dev
    assert query(dev, "select id, title, doubled, color from shop.orders order by id") == [
        (1, "a", 2, "red"),
        (2, "bb", 4, "red"),
    ]
    assert query(dev, "select * from shop.items") == [(2, "item")]
    assert query(dev, "select * from shop.colors order by 1") == [("green",), ("red",)]
    assert said == ["left behind: the rows of shop.gone, a table that no migration creates any more"]


def test_numbers_go_on_where_they_were(dev: LocalDatabase) -> None:
    rebuild(dev.admin_url, dev.name, migrations(FIRST), say=lambda line: None)

    with psycopg.connect(dev.admin_url) as admin:
        assert admin.execute("insert into shop.orders (title) values ('c') returning id").fetchone() == (3,)


def test_rows_that_no_longer_fit_are_named(dev: LocalDatabase) -> None:
    said: list[str] = []

    rebuild(dev.admin_url, dev.name, migrations(FIRST.replace("name text)", "name int)")), say=said.append)

    assert said[-1] == 'left behind: the rows of shop.items: invalid input syntax for type integer: "item"'
    assert query(dev, "select count(*) from shop.orders") == [(2,)]


def test_migration_that_fails_leaves_the_database_as_it_was(dev: LocalDatabase) -> None:
    with pytest.raises(SchemaError, match=r"0002_step2\.sql"):
        rebuild(dev.admin_url, dev.name, migrations(FIRST, "create tabel x"), say=lambda line: None)

    assert query(dev, "select count(*) from shop.gone") == [(1,)]
    assert query(dev, f"select datname from pg_database where datname like '{dev.name}\\_%'") == []
