"""A furnished platform for the session, and ways to it: direct, through the proxy, through a pooler."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from org_common.db.database import Database
from org_common.tools.database.local import LocalDatabase, clone, drop
from tests.support.lab import Lab
from tests.support.pgbouncer import PgBouncer
from tests.support.proxy import Proxy


@contextmanager
def furnished(template: LocalDatabase) -> Iterator[Lab]:
    local = clone(template, f"lab_{uuid.uuid4().hex}")
    lab = Lab(local)
    try:
        lab.furnish()
        yield lab
    finally:
        lab.close()
        drop(local)


@pytest.fixture(scope="session")
def shared_lab(database_template: LocalDatabase) -> Iterator[Lab]:
    with furnished(database_template) as lab:
        yield lab


@pytest.fixture
def lab(shared_lab: Lab) -> Lab:
    """The session's platform, its experiments cleared: a copy for each test would take most of the time."""
    shared_lab.clear()
    return shared_lab


@pytest.fixture
def own_lab(database_template: LocalDatabase) -> Iterator[Lab]:
    """A platform of this test's own: it may change the settings of the database."""
    with furnished(database_template) as lab:
        yield lab


@pytest.fixture
def db(lab: Lab) -> Iterator[Database]:
    """The SDK's way to the platform, on one connection."""
    database = Database(lab.settings)
    yield database
    database.close()


@pytest.fixture
def proxy(lab: Lab) -> Iterator[Proxy]:
    """In front of the server."""
    address = urlsplit(lab.local.login_url)
    with Proxy(address.hostname or "", address.port or 0) as proxy:
        yield proxy


@pytest.fixture
def proxied(lab: Lab, proxy: Proxy) -> Iterator[Database]:
    """The SDK's way to the platform through the proxy, nothing sent yet."""
    database = Database(lab.through(proxy.url(lab.local.login_url)))
    yield database
    database.close()


@pytest.fixture
def pooler(lab: Lab) -> Iterator[PgBouncer]:
    """PgBouncer in transaction mode; all share one connection to the server."""
    users = {"app_login": urlsplit(lab.local.login_url).password or ""}
    with PgBouncer.start(lab.local.login_url, users=users, pool_size=1) as pgbouncer:
        yield pgbouncer
