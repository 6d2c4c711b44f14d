"""A small database without faults, and what the lint finds after a change to it."""

import datetime
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

from org_common.tools.lint.catalog import Catalog
from org_common.tools.lint.context import Options
from org_common.tools.lint.reader import read
from org_common.tools.lint.report import Report, lint

TODAY = datetime.date(2026, 11, 30)

# `orgs()` runs as its owner and looks at its caller, as the modules' functions do.
SHOP: LiteralString = """
create schema shop;
grant usage on schema shop to anon, authenticated;
create function shop.me() returns uuid language sql stable
  return nullif(current_setting('app.user', true), '')::uuid;
create table shop.members (
  org_id uuid not null, user_id uuid not null, role text not null default 'user', primary key (org_id, user_id)
);
alter table shop.members enable row level security, force row level security;
create function shop.orgs() returns setof uuid language plpgsql stable security definer set search_path = '' as $$
begin
  return query select m.org_id from shop.members m where m.user_id = shop.me();
end $$;
revoke execute on function shop.me(), shop.orgs() from public;
grant execute on function shop.me(), shop.orgs() to authenticated;
create table shop.notes (
  org_id uuid not null, id uuid not null default gen_random_uuid(), owner_id uuid, text text, deleted_at timestamptz,
  primary key (org_id, id)
);
alter table shop.notes enable row level security, force row level security;
grant select on shop.members, shop.notes to authenticated;
create policy own on shop.members for select to authenticated using (org_id = any (array(select shop.orgs())));
create policy own on shop.notes for select to authenticated using (org_id = any (array(select shop.orgs())));
"""


@dataclass(frozen=True)
class Case:
    """A rule, with SQL that violates it and SQL that does not, on top of `SHOP`."""

    rule: str
    object: str
    bad: LiteralString
    good: LiteralString


def snapshot(conn: psycopg.Connection, sql: LiteralString) -> Catalog:
    """The catalog after SHOP and this SQL, which are rolled back."""
    with conn.transaction(force_rollback=True):
        conn.execute(SHOP)
        conn.execute(sql)
        return read(conn)


def report(conn: psycopg.Connection, sql: LiteralString, **options: Any) -> Report:
    return lint(snapshot(conn, sql), Options(**options), today=TODAY)


def found(conn: psycopg.Connection, sql: LiteralString, **options: Any) -> list[tuple[str, str]]:
    """The rule and object of each finding."""
    return [(finding.rule, finding.object) for finding in report(conn, sql, **options).findings]
