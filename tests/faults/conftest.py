"""A furnished platform, the proxy in front of it, and the report that the suite writes."""

import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest

from org_common.db.connections.connection import Source
from org_common.tools.database.local import LocalDatabase, clone, drop, provision
from org_common.tools.database.migrations import load
from org_common.tools.database.postgres import EmbeddedPostgres
from tests.faults.bench import Bench, add_counters, single
from tests.faults.provocations import SCHEMA
from tests.support.lab import MODULES, Lab
from tests.support.proxy import Proxy
from tests.support.report import Report

LONG = os.environ.get("ORG_COMMON_FAULTS") == "long"


@pytest.fixture(scope="session")
def long_form() -> bool:
    """`ORG_COMMON_FAULTS=long`, as `nox -s faults` sets it."""
    return LONG


@pytest.fixture(scope="session")
def report(postgres: str) -> Iterator[Report]:
    report = Report("faults", "long" if LONG else "short")
    with psycopg.connect(postgres) as admin:
        report.versions["postgresql"] = admin.info.parameter_status("server_version") or ""
    report.versions["libpq"] = str(psycopg.pq.version())
    yield report
    report.write()


@pytest.fixture(scope="session")
def moved() -> Counter[str]:
    """What all counters of all connections came to."""
    return Counter()


@contextmanager
def furnished(template: LocalDatabase) -> Iterator[Lab]:
    local = clone(template, f"faults_{uuid.uuid4().hex}")
    lab = Lab(local)
    try:
        lab.furnish()
        lab.tell(SCHEMA)
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
    """The session's platform, its experiments cleared."""
    clear(shared_lab)
    return shared_lab


def clear(lab: Lab) -> None:
    lab.clear()
    lab.tell("truncate lab.receipts")
    lab.tell("alter table lab.batches alter number type integer")


@pytest.fixture
def proxy(lab: Lab) -> Iterator[Proxy]:
    address = urlsplit(lab.local.login_url)
    with Proxy(address.hostname or "", address.port or 0) as proxy:
        yield proxy


@pytest.fixture
def make_bench(lab: Lab, proxy: Proxy, moved: Counter[str]) -> Iterator[Callable[[Source], Bench]]:
    """A bench on a source of the test's own."""
    with ExitStack() as stack:

        def make(source: Source) -> Bench:
            stack.callback(source.close)
            stack.callback(add_counters, moved, source)
            return Bench(lab, proxy, source)

        yield make
        proxy.restore()


@pytest.fixture
def profile() -> str:
    """Parametrise it for another one."""
    return "transaction-pooler"


@pytest.fixture
def fresh(lab: Lab, proxy: Proxy, make_bench: Callable[[Source], Bench], profile: str) -> Callable[[], Bench]:
    """A bench on one connection through the proxy, as in a Lambda, and a clean lab; for each part of a test."""

    def make() -> Bench:
        proxy.restore()
        clear(lab)
        return make_bench(single(lab, proxy, profile=profile))

    return make


@pytest.fixture
def bench(fresh: Callable[[], Bench]) -> Bench:
    return fresh()


@pytest.fixture(scope="session")
def durable_server() -> Iterator[EmbeddedPostgres]:
    """A server that may be crashed, and keeps what it has promised."""
    with EmbeddedPostgres.start(durable=True) as server:
        yield server


@pytest.fixture(scope="session")
def durable_template(durable_server: EmbeddedPostgres) -> LocalDatabase:
    return provision(durable_server.url, "faults", load(MODULES))


@pytest.fixture
def durable_lab(durable_template: LocalDatabase) -> Iterator[Lab]:
    """A platform on that server. Its own connection does not outlive a restart either: see `revived`."""
    with furnished(durable_template) as lab:
        yield lab


def revived(lab: Lab) -> Lab:
    """The same platform with a new connection."""
    return Lab(lab.local)
