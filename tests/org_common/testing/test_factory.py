import psycopg
import pytest

from cora_modules import demo
from org_common.testing import ISSUER, LocalDatabase, insert_row

pytestmark = pytest.mark.db

TABLE = """
create schema shop;
create type shop.color as enum ('red', 'green');
create domain shop.name as text;
create table shop.things (
  id uuid primary key default gen_random_uuid(), number int generated always as identity,
  name shop.name not null, title varchar(20) not null, color shop.color not null, size numeric(6, 2) not null,
  sold boolean not null, on_day date not null, at_time timestamptz not null, extra jsonb not null, code bigint not null,
  data bytea not null, note text
)
"""


def test_required_columns_are_filled_in(database: LocalDatabase) -> None:
    with psycopg.connect(database.admin_url) as admin:
        admin.execute(TABLE)

    first, second = insert_row(database.admin_url, "shop.things"), insert_row(database.admin_url, "shop.things")

    assert (first["color"], first["sold"], first["extra"], first["note"]) == ("red", False, {}, None)
    assert first["name"].startswith("text ")
    assert first["code"] != second["code"]


def test_named_columns_are_taken(database: LocalDatabase) -> None:
    demo.seed(database.admin_url, ISSUER)

    row = insert_row(database.admin_url, "access.orgs", name="Initech", slug="initech")

    assert (row["name"], row["created_at"] is None) == ("Initech", False)


def test_table_without_required_columns(database: LocalDatabase) -> None:
    with psycopg.connect(database.admin_url) as admin:
        admin.execute("create table app.counters (id int generated always as identity)")

    assert insert_row(database.admin_url, "app.counters") == {"id": 1}


def test_type_without_a_value_is_named(database: LocalDatabase) -> None:
    with psycopg.connect(database.admin_url) as admin:
        admin.execute("create table app.places (spot point not null)")

    with pytest.raises(ValueError, match=r"app\.places\.spot is of type point.*insert_row\(\.\.\., spot=\.\.\.\)"):
        insert_row(database.admin_url, "app.places")
