"""Tenants for the soak: organizations with one owner each, and a table of items that belong to them."""

from dataclasses import dataclass
from typing import Any, LiteralString
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from org_common.config.settings import Settings
from org_common.tools.database.local import LocalDatabase
from org_common.values.identity import Identity
from org_common.values.model import Model
from tests.support.lab import until

ISSUER = "https://issuer.test"
# Somebody whom a token speaks for all day long.
EXPIRES_AT = 4_000_000_000.0

SCHEMA = """
create schema soak;
grant usage on schema soak to authenticated, anon, app_sys;

create table soak.items (
  org_id uuid not null references access.orgs on delete cascade,
  id integer not null,
  body text not null,
  size integer not null default 0 check (size >= 0),
  primary key (org_id, id)
);
alter table soak.items enable row level security, force row level security;
create policy members on soak.items to authenticated
  using (org_id = any (array(select access.org_ids()))) with check (org_id = any (array(select access.org_ids())));
grant select, insert, update, delete on soak.items to authenticated;
-- No policy lets them see one.
grant select on soak.items to anon, app_sys;

-- Nothing here is unique: what happened twice stands here twice.
create table soak.effects (
  org_id uuid not null references access.orgs on delete cascade,
  id uuid not null default gen_random_uuid(),
  key text not null,
  step integer not null,
  place bigint generated always as identity
);
alter table soak.effects enable row level security, force row level security;
create policy members on soak.effects to authenticated
  using (org_id = any (array(select access.org_ids()))) with check (org_id = any (array(select access.org_ids())));
grant select, insert on soak.effects to authenticated;

-- What a module's function could do by mistake, and an attacker would like to.
create function soak.move(name text, value text) returns text
  language plpgsql set search_path = ''
as $$ begin return set_config(name, value, true); end $$;
grant execute on function soak.move(text, text) to authenticated, anon, app_sys;
"""


class Item(Model):
    org_id: UUID
    id: int
    body: str
    size: int


@dataclass(frozen=True)
class Tenant:
    """One organization and its owner."""

    name: str
    org_id: UUID
    user_id: UUID
    identity: Identity


def identity(name: str) -> Identity:
    return Identity(issuer=ISSUER, subject=f"soak|{name}", expires_at=EXPIRES_AT)


# A valid token that belongs to nobody.
STRANGER = identity("stranger")


class Platform:
    """One database with tenants in it, and an eye that sees all rows."""

    def __init__(self, local: LocalDatabase, tenants: int) -> None:
        self.local = local
        with psycopg.connect(local.migrator_url) as migrator:
            migrator.execute(SCHEMA)
        self.admin = psycopg.connect(local.admin_url, autocommit=True, row_factory=dict_row)
        self.tenants = [self._tenant(f"tenant{number}") for number in range(tenants)]
        # Known, and in no organization.
        self.drifter = self._user("drifter")

    def close(self) -> None:
        self.admin.close()

    def ask(self, query: LiteralString, *values: object) -> Any:
        """The first column of the first row."""
        row = self.admin.execute(query, values).fetchone()
        return None if row is None else next(iter(row.values()))

    def clear(self) -> None:
        """No items and no messages."""
        self.admin.execute("set lock_timeout = '5s'")
        self.admin.execute("truncate soak.items, soak.effects, app.outbox, app.stored_responses")

    def terminate(self, *pids: int) -> None:
        """End backends and wait until they are gone; pg_terminate_backend itself would look only each 100 ms."""
        self.admin.execute("select pg_terminate_backend(pid) from unnest(%s::int[]) pid", [list(pids)])
        gone: LiteralString = "select count(*) = 0 from pg_stat_activity where pid = any(%s)"
        assert until(lambda: self.ask(gone, list(pids)))

    def terminate_all(self) -> None:
        """All of the login's."""
        mine: LiteralString = (
            "select pid from pg_stat_activity where usename = 'app_login' and datname = current_database()"
        )
        self.terminate(*[row["pid"] for row in self.admin.execute(mine)])

    def settings(self, url: str | None = None, profile: str = "direct") -> Settings:
        given = self.local.settings
        return Settings(
            database_url=url or given.database_url,
            database_profile=profile,
            cursor_keys=given.cursor_keys,
            application_name="soak",
        )

    @property
    def password(self) -> str:
        """Of app_login."""
        return urlsplit(self.local.login_url).password or ""

    def _tenant(self, name: str) -> Tenant:
        user_id = self._user(name)
        org_id = self.ask("insert into access.orgs (name, slug) values (%s, %s) returning id", name, name)
        self.join(org_id, user_id, "org_owner")
        return Tenant(name, org_id, user_id, identity(name))

    def join(self, org_id: UUID, user_id: UUID, role: str) -> None:
        self.admin.execute(
            "insert into access.org_members (org_id, user_id, org_role) values (%s, %s, %s)", [org_id, user_id, role]
        )

    def _user(self, name: str) -> UUID:
        made: UUID = self.ask("insert into access.users (email) values (%s) returning id", f"{name}@soak.example")
        self.admin.execute(
            "insert into access.user_identities (issuer, subject, user_id) values (%s, %s, %s)",
            [ISSUER, f"soak|{name}", made],
        )
        return made
