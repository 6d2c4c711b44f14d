import psycopg
import pytest

from org_common.tools.database import difference
from org_common.tools.database.local import LocalDatabase
from org_common.tools.database.objects import read

pytestmark = pytest.mark.db

EVERYTHING = """
create schema s;
create type s.state as enum ('open', 'it''s closed');
create domain s.code as text check (value ~ '^[a-z]+$');
create sequence s.numbers start 5;
create table s.items (
  id bigint generated always as identity primary key, state s.state not null default 'open', code s.code,
  size numeric(8, 2) check (size > 0), twice numeric generated always as (size * 2) stored,
  name text collate "C" not null
);
create table s.parts (item bigint not null references s.items on delete cascade, "odd Name" text, unique (item));
create index parts_name on s.parts (lower("odd Name")) where item > 3;
create view s.large with (security_invoker = true) as select id from s.items where size > 100;
create function s.twice(n integer) returns integer language sql immutable as 'select n * 2';
create function s.touch() returns trigger language plpgsql as 'begin return new; end';
create trigger touch before update on s.items for each row execute function s.touch();
alter table s.items enable row level security;
alter table s.items force row level security;
create policy own on s.items as restrictive for update to app_login using (size > 1) with check (size > 2);
grant usage on schema s to app_login;
grant select, insert on s.items to app_login;
grant update (name) on s.items to app_login;
grant usage on sequence s.numbers to app_login;
grant execute on function s.twice to app_login with grant option;
alter default privileges in schema s grant select on tables to app_login;
"""
KINDS = {
    "extension", "schema", "type", "sequence", "table", "column", "constraint", "index", "view", "function", "trigger",
    "row-level security", "policy", "grant", "default grant",
}  # fmt: skip


def execute(database: LocalDatabase, sql: str) -> None:
    with psycopg.connect(database.migrator_url, autocommit=True) as conn:
        conn.execute(sql.encode())


def test_all_kinds_are_read_by_a_role_without_rights(database: LocalDatabase) -> None:
    execute(database, EVERYTHING)

    objects = read(database.login_url)

    assert {each.kind for each in objects} == KINDS
    assert len({(each.kind, each.name) for each in objects}) == len(objects)
    assert not difference.compare(objects, read(database.admin_url))
    found = {(each.kind, each.name): each for each in objects}
    assert found["column", "s.items.size"].definition == "numeric(8,2)"
    assert found["column", "s.items.twice"].definition == ("numeric generated always as ((size * (2)::numeric)) stored")
    assert found["type", "s.state"].definition == "enum ('open', 'it''s closed')"
    assert found["policy", "own on s.items"].definition == (
        "as restrictive for update to app_login using ((size > (1)::numeric)) with check ((size > (2)::numeric))"
    )
    assert ("grant", "update (name) on table s.items to app_login") in found
    assert ("grant", "execute on routine s.twice(n integer) to app_login with grant option") in found


def test_statements_of_missing_objects_make_them(database: LocalDatabase) -> None:
    before = read(database.login_url)
    execute(database, EVERYTHING)
    ours = read(database.login_url)
    execute(database, "drop schema s cascade")

    missing = difference.compare(ours, read(database.login_url))
    assert {each.change for each in missing} == {"missing"}
    execute(database, ";\n".join(each.sql for each in missing if each.sql is not None))

    # Default privileges have no statement.
    left = {f"{each.object.kind} {each.object.name}" for each in difference.compare(ours, read(database.login_url))}
    assert left == {"default grant select on tables of app_migrator in s to app_login"}
    assert len(before) < len(ours)
