"""An authorized read on loopback, in one round trip with identity, access rule, role and policies, and alternatives."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import harness
import psycopg
from psycopg.rows import class_row

sys.path.insert(0, str(Path(__file__).parents[1]))

from org_common import Check, Deadline, Identity, Model, Settings
from org_common.db.database import Database
from org_common.tools.database.local import LocalDatabase, provision
from org_common.tools.database.migrations import load
from org_common.tools.database.postgres import EmbeddedPostgres
from tests.support.pgbouncer import PgBouncer, tracking_program

ISSUER = "https://issuer.test"
RULE = "app.has_org_role(%(org_id)s, 'org_user')"
ITERATIONS = 60
PROFILES = ("transaction-pooler", "pgbouncer", "direct")
SETUP = """
create schema bench;
create table bench.notes (
  org_id uuid not null, id int not null, title text not null, body text not null, done boolean not null,
  created_at timestamptz not null default now(), size int not null, primary key (org_id, id)
);
alter table bench.notes enable row level security, force row level security;
create policy members on bench.notes for select to authenticated using (org_id = any (array(select access.org_ids())));
grant usage on schema bench to authenticated;
grant select on bench.notes to authenticated;
"""
NOTES = "select id, title, body, done, created_at, size from bench.notes where org_id = %(org_id)s order by id limit "


class Note(Model):
    id: int
    title: str
    body: str
    done: bool
    created_at: datetime
    size: int


def child(rows: int, profile: str) -> None:
    with EmbeddedPostgres.start(durable=False) as server:
        database = provision(server.url, "bench", load(["cora_modules.access"], root=Path.cwd()))
        org_id = fill(database)
        sql = NOTES + str(rows)
        with reached(database, profile) as (url, session_url):
            variants: dict[str, Callable[[], object]] = {
                "one pipeline": _ours(url, profile, sql, org_id),
                "separate statements": _separate(url, sql, org_id),
                "the query alone, role and policies in place": _bare(session_url, sql, org_id),
            }
            counts = {name: len(call()) for name, call in variants.items()}  # type: ignore[arg-type]
            assert set(counts.values()) == {rows}, counts
            print(json.dumps(harness.blocks(variants, iterations=ITERATIONS)))


@contextmanager
def reached(database: LocalDatabase, profile: str) -> Iterator[tuple[str, str]]:
    """Two URLs of the login for this profile: for transactions, and for a client that keeps a session."""
    with ExitStack() as stack:
        if profile == "pgbouncer":
            yield stack.enter_context(pooled(database, "transaction")), stack.enter_context(pooled(database, "session"))
        else:
            yield database.login_url, database.login_url


@contextmanager
def pooled(database: LocalDatabase, mode: str) -> Iterator[str]:
    """The URL of the login through a PgBouncer that keeps track of prepared statements."""
    program = tracking_program()
    if program is None:
        sys.exit("needs PgBouncer 1.21 or later: run tests/support/build_pgbouncer.sh build/pgbouncer")
    users = {"app_login": urlsplit(database.login_url).password or ""}
    settings = {"max_prepared_statements": "100", "pool_mode": mode}
    with PgBouncer.start(database.login_url, users=users, settings=settings, program=program) as pgbouncer:
        yield pgbouncer.url(database.login_url)


def fill(database: LocalDatabase) -> UUID:
    with psycopg.connect(database.admin_url) as admin:
        admin.execute(SETUP)
        user, org = uuid4(), uuid4()
        admin.execute("insert into access.users (id, email) values (%s, 'a@b.test')", [user])
        admin.execute("insert into access.user_identities values (%s, 'local|alice', %s)", [ISSUER, user])
        for number in range(20):
            org_id = org if number == 0 else uuid4()
            admin.execute("insert into access.orgs (id, name, slug) values (%s, 'O', %s)", [org_id, f"org-{number}"])
            admin.execute(
                "insert into bench.notes select %s, n, 'Title ' || n, repeat('x', 80), false, now(), 15 "
                "from generate_series(1, 100) n",
                [org_id],
            )
        admin.execute(
            "insert into access.org_members (org_id, user_id, org_role) values (%s, %s, 'org_user')", [org, user]
        )
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("vacuum analyze")
    return org


def caller() -> Identity:
    return Identity(issuer=ISSUER, subject="local|alice", expires_at=time.time() + 3600)


def _ours(url: str, profile: str, sql: str, org_id: UUID) -> Callable[[], object]:
    ours = Database(Settings(database_url=url, database_profile=profile))
    rule, identity, path = Check(RULE), caller(), {"org_id": org_id}  # created once, like the rule of a route
    return lambda: ours.open_reader(rule, identity, path, Deadline.after(29))[1].all(Note, sql, path)  # type: ignore[arg-type]


def _separate(url: str, sql: str, org_id: UUID) -> Callable[[], object]:
    """The same work written by hand: BEGIN, settings, identity, access rule, query, COMMIT as separate statements."""
    connection = psycopg.connect(url, autocommit=True, prepare_threshold=None)
    identity = caller()

    def read() -> object:
        execute = connection.execute
        execute("begin read only")
        execute(
            "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %s, true), "
            "set_config('search_path', '', true), set_config('statement_timeout', '28500', true)",
            [identity.claims("authenticated")],
        )
        execute("select app.identify(true)")
        execute("select app.require(" + RULE + ")", {"org_id": org_id})  # type: ignore[call-overload]
        with connection.cursor(row_factory=class_row(Note)) as cursor:
            notes = cursor.execute(sql, {"org_id": org_id}).fetchall()  # type: ignore[arg-type]
        execute("commit")
        return notes

    return read


def connect_as_caller(url: str) -> psycopg.Connection:
    """A connection on which role and claims stay set."""
    connection = psycopg.connect(url, autocommit=True, prepare_threshold=None)
    claims = caller().claims("authenticated")
    connection.execute(
        "select set_config('role', 'authenticated', false), set_config('request.jwt.claims', %s, false)", [claims]
    )
    connection.execute("select set_config('request.jwt.claims', app.identify(true), false)")
    connection.execute("set search_path to ''")
    return connection


def _bare(url: str, sql: str, org_id: UUID) -> Callable[[], object]:
    """The lower bound: role and claims are set once for the connection, which no real request can do."""
    connection = connect_as_caller(url)

    def read() -> object:
        with connection.cursor(row_factory=class_row(Note)) as cursor:
            return cursor.execute(sql, {"org_id": org_id}).fetchall()  # type: ignore[arg-type]

    return read


def main() -> None:
    for profile, rows, budget in ((profile, *each) for profile in PROFILES for each in ((1, 1.5), (50, 1.2))):
        pipeline, separate, bare = "one pipeline", "separate statements", "the query alone, role and policies in place"
        runs = harness.in_fresh_processes(__file__, [str(rows), profile], processes=3)
        harness.report(
            f"Authorized read, {rows} row{'s' if rows > 1 else ''} as models, profile {profile}",
            runs,
            [
                harness.Ratio("pipeline / separate statements", pipeline, separate, 0.5),
                harness.Ratio("pipeline / the query alone", pipeline, bare, budget),
            ],
        )


if __name__ == "__main__":
    child(int(sys.argv[2]), sys.argv[3]) if "child" in sys.argv else main()
