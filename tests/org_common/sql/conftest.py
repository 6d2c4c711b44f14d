"""The SDK's own SQL on each PostgreSQL that there is here: the wheel's, and the oldest that is supported."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from org_common.tools.database.local import LocalDatabase, provision
from org_common.tools.database.migrations import load
from org_common.tools.database.postgres import EmbeddedPostgres
from tests.org_common.sql.shop import SHOP, Unit

OLDEST = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture(scope="session", params=["bundled", "oldest"])
def server(request: pytest.FixtureRequest) -> Iterator[EmbeddedPostgres]:
    """Of our own, since the session's has one version only."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "oldest":
            if not OLDEST.is_dir():
                pytest.skip(f"no PostgreSQL 15 in {OLDEST}: apt-get install postgresql-15")
            patch.setenv("ORG_COMMON_POSTGRES_BIN", str(OLDEST))
        started = EmbeddedPostgres.start(durable=False)
    with started:
        yield started


@pytest.fixture(scope="session")
def bare(server: EmbeddedPostgres) -> LocalDatabase:
    """Our migrations and nobody else's."""
    return provision(server.url, "bare", load([]))


@pytest.fixture(scope="session")
def platform(server: EmbeddedPostgres) -> LocalDatabase:
    """A database of a small platform; tests leave it as it is."""
    return provision(server.url, "platform", [*load([]), SHOP])


@pytest.fixture(scope="session")
def unit(platform: LocalDatabase) -> Iterator[Unit]:
    """Requests to the platform, as the powerless login."""
    made = Unit(platform.login_url)
    yield made
    made.close()


@pytest.fixture(scope="session")
def role_server() -> Iterator[EmbeddedPostgres]:
    """Behind `virgin`; not for tests."""
    with EmbeddedPostgres.start(durable=False) as started:
        yield started


@pytest.fixture
def virgin(role_server: EmbeddedPostgres) -> Iterator[str]:
    """The superuser of a server with an empty database shop and no roles of ours; what is made goes with the test."""
    with psycopg.connect(role_server.url, autocommit=True) as conn:
        conn.execute("create database shop strategy file_copy")
        yield role_server.url
        names = conn.execute("select datname from pg_database where datname !~ '^(postgres$|template)'").fetchall()
        for (name,) in names:
            conn.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
        conn.execute("""
            do $$ declare name text; begin
                for name in select rolname from pg_roles where rolname !~ '^(pg_|postgres$)' loop
                    execute format('drop owned by %I cascade', name);
                end loop;
                for name in select rolname from pg_roles where rolname !~ '^(pg_|postgres$)' loop
                    execute format('drop role %I', name);
                end loop;
            end $$""")
