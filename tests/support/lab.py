"""A platform with people in it and a schema for experiments, for the tests of `org_common.db`."""

import time
from collections.abc import Callable
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from cora_modules import demo
from org_common.config.settings import Settings
from org_common.tools.database.local import LocalDatabase
from org_common.values.identity import Identity
from org_common.values.model import Model

ISSUER = "https://issuer.test"

SCHEMA = """
create schema lab;
grant usage on schema lab to authenticated, anon;

create table lab.notes (
  id integer primary key,
  owner uuid not null default auth.uid(),
  body text not null,
  size smallint check (size >= 0),
  label varchar(10) unique,
  parent integer references lab.notes
);
alter table lab.notes enable row level security, force row level security;
create policy own on lab.notes to authenticated
  using (owner = (select auth.uid())) with check (owner = (select auth.uid()));
grant select, insert, update, delete on lab.notes to authenticated;

-- Checked at COMMIT only.
create table lab.promises (
  id integer primary key,
  note integer references lab.notes deferrable initially deferred
);
alter table lab.promises enable row level security, force row level security;
create policy everyone on lab.promises to authenticated using (true) with check (true);
grant select, insert on lab.promises to authenticated;

create table lab.bookings (
  seat int4range,
  exclude using gist (seat with &&)
);
alter table lab.bookings enable row level security, force row level security;
create policy everyone on lab.bookings to authenticated using (true) with check (true);
grant insert on lab.bookings to authenticated;

create table lab.hidden (secret text);
insert into lab.hidden values ('swordfish');

create function lab.fail(state text, message text, detail text default null) returns void
  language plpgsql set search_path = ''
as $$
begin
  if fail.detail is null then
    raise exception using errcode = fail.state, message = fail.message;
  end if;
  raise exception using errcode = fail.state, message = fail.message, detail = fail.detail;
end
$$;
grant execute on function lab.fail(text, text, text) to authenticated;

-- What a handler's own text may not do, a function of a module's can.
create function lab.move(name text, value text, only_here boolean default true) returns text
  language plpgsql set search_path = ''
as $$
begin
  return set_config(move.name, move.value, move.only_here);
end
$$;
grant execute on function lab.move(text, text, boolean) to authenticated;
"""
# A superuser's: it ends the connection that it is called on.
DIE = """
create function lab.die() returns void
  language plpgsql security definer set search_path = ''
as $$ begin perform pg_terminate_backend(pg_backend_pid()); end $$;
"""

INSERT = "insert into lab.notes (id, body) values (%(id)s, %(body)s)"
WHO = "select current_user::text"


class Note(Model):
    """A row of `lab.notes`, as far as most tests care."""

    id: int
    body: str


def person(name: str) -> Identity:
    """Somebody with a valid token. The platform knows alice, carol, bob and root (`cora_modules.demo`)."""
    return Identity(issuer=ISSUER, subject=f"local|{name}", expires_at=time.time() + 3600)


ALICE = person("alice")
BOB = person("bob")
CAROL = person("carol")
ROOT = person("root")
STRANGER = person("stranger")


class Lab:
    """The platform from behind: its superuser sees what was kept, whatever the code under test believes."""

    def __init__(self, local: LocalDatabase) -> None:
        self.local = local
        self.settings = local.settings
        self._admin = psycopg.connect(local.admin_url, autocommit=True)

    def close(self) -> None:
        self._admin.close()

    def furnish(self) -> None:
        """Bring in the people and the schema."""
        demo.seed(self.local.admin_url, ISSUER)
        with psycopg.connect(self.local.migrator_url) as migrator:
            migrator.execute(SCHEMA)
        self.tell(DIE)
        self.tell("grant execute on function lab.die() to authenticated")

    def clear(self) -> None:
        """No rows. A transaction that another test has left open is found here."""
        self.tell("set lock_timeout = '5s'")
        for table in ("lab.promises", "lab.notes", "lab.bookings"):
            self.tell("delete from " + table)

    def tell(self, statement: LiteralString, *values: object) -> None:
        self._admin.execute(statement, values)

    def ask(self, query: LiteralString, *values: object) -> Any:
        """The first column of the first row."""
        row = self._admin.execute(query, values).fetchone()
        return None if row is None else row[0]

    def configure(self, setting: LiteralString, value: str) -> None:
        """Of this database, for connections to come."""
        database = sql.Identifier(self.local.name)
        self._admin.execute(sql.SQL("alter database {} set {} = {}").format(database, sql.SQL(setting), value))

    def limit(self, *, connections: int) -> None:
        """How many may be connected to this database, superusers not among those refused."""
        database, number = sql.Identifier(self.local.name), sql.Literal(connections)
        self._admin.execute(sql.SQL("alter database {} connection limit {}").format(database, number))

    def notes(self) -> list[int]:
        """The ids that are really there, whoever may see them."""
        return [row[0] for row in self._admin.execute("select id from lab.notes order by id")]

    def user_id(self, identity: Identity) -> str:
        return str(self.ask("select user_id from access.user_identities where subject = %s", identity.subject))

    def terminate(self, pid: int) -> None:
        """End a backend and wait until it is gone."""
        assert self.ask("select pg_terminate_backend(%s, 5000)", pid)

    def is_quiet(self) -> bool:
        """No login of the SDK's is in a transaction, as soon as the server has noticed who hung up."""
        busy: LiteralString = """
            select count(*) from pg_stat_activity
            where datname = current_database() and usename = 'app_login' and state <> 'idle'"""
        return until(lambda: self.ask(busy) == 0)

    def through(self, url: str, *, profile: str = "transaction-pooler") -> Settings:
        """The settings with another way to the same database."""
        keys = self.settings.cursor_keys
        return Settings(database_url=url, database_profile=profile, cursor_keys=keys, application_name="lab")


MODULES = ("cora_modules.access", "cora_modules.mgmt", "cora_modules.ws")
"""Those that the demo has data of."""


def until(holds: Callable[[], bool], *, within_s: float = 20.0) -> bool:
    """Whether it came to hold."""
    end = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True
