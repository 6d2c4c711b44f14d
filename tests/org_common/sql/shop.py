"""A platform in a few lines, and requests to it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg

from org_common.tools.database.migrations import Migration

# One user, alice, and what she is on the platform and in three organizations.
ALICE = "00000000-0000-0000-0000-00000000a11c"
CLAIMS = {"iss": "https://issuer.test", "sub": "alice", "role": "authenticated", "email": "alice@example.com"}
ORGS = {role: f"00000000-0000-0000-0000-00000000000{at}" for at, role in enumerate(("user", "admin", "owner"), 1)}

SQL = f"""
create schema shop;
grant usage on schema shop to authenticated, app_sys, app_rules;
create table shop.users (id uuid primary key, issuer text, subject text);
create table shop.roles (scope uuid, role text);
insert into shop.users values ('{ALICE}', '{CLAIMS["iss"]}', '{CLAIMS["sub"]}');
insert into shop.roles values (null, 'sys_admin'), ('{ORGS["user"]}', 'org_user'), ('{ORGS["admin"]}', 'org_admin'),
  ('{ORGS["owner"]}', 'org_owner');
grant select on shop.users, shop.roles to app_rules;

create or replace function app.find_user(token_issuer text, token_subject text) returns uuid
  language sql stable set search_path = ''
as $$
  select u.id from shop.users u where u.issuer = token_issuer and u.subject = token_subject
$$;
create or replace function app.find_sys_role() returns text
  language sql stable set search_path = ''
as $$
  select r.role from shop.roles r join shop.users u on u.id = app.uid() where r.scope is null
$$;
create or replace function app.find_org_role(wanted_org_id uuid) returns text
  language sql stable set search_path = ''
as $$
  select r.role from shop.roles r join shop.users u on u.id = app.uid() where r.scope = wanted_org_id
$$;

create table shop.notes (
  id integer primary key, body text,
  created_at timestamptz not null, created_by uuid, updated_at timestamptz not null, updated_by uuid
);
grant select, insert, update, delete on shop.notes to authenticated;
create trigger audit before insert or update on shop.notes for each row execute function app.audit();
"""
SHOP = Migration("shop", 1, "shop", SQL, "")

# The first column of the first row, None without one.
Ask = Callable[..., Any]


class Unit:
    """`with unit(claims, role) as ask`: a transaction as the SDK makes it, rolled back at its end.

    Without claims it is the first of a new connection, on which the setting has never been made.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: list[psycopg.Connection] = []

    @contextmanager
    def __call__(self, claims: dict[str, Any] | str | None = None, role: str = "authenticated") -> Iterator[Ask]:
        conn = self._idle.pop() if self._idle and claims is not None else psycopg.connect(self._url, autocommit=True)
        try:
            with conn.transaction(force_rollback=True):
                if claims is not None:
                    text = claims if isinstance(claims, str) else json.dumps(claims)
                    conn.execute("select set_config('request.jwt.claims', %s, true)", [text])
                conn.execute("select set_config('role', %s, true)", [role])
                yield partial(_ask, conn)
        finally:
            self._idle.append(conn)

    def close(self) -> None:
        for conn in self._idle:
            conn.close()


def _ask(conn: psycopg.Connection, query: str, *values: object) -> Any:
    cursor = conn.execute(query.encode(), values)
    row = cursor.fetchone() if cursor.description else None
    return row and row[0]
