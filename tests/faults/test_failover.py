"""A standby is promoted: what was acknowledged is there, writes go on within 5 s, and no standby is written to."""

import dataclasses
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import LiteralString

import psycopg
import pytest

from org_common.db.connections.connection import Single
from org_common.db.database import Database, reader, transaction
from org_common.tools.database.local import LocalDatabase, provision
from org_common.tools.database.migrations import load
from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.values.errors import OrgError, Unavailable
from tests.faults.bench import without_tls
from tests.faults.test_crashes import WRITERS, judge
from tests.faults.writers import Writers, close_books, open_books
from tests.support.lab import ALICE, INSERT, MODULES, Lab, until
from tests.support.proxy import relocated
from tests.support.report import Report
from tests.support.standby import promote, standby_of

pytestmark = [pytest.mark.db, pytest.mark.fault]

RUN = "acknowledged writes over a failover to a real standby: there, and once"
NOTIFY: LiteralString = "select pg_notify('news', 'x')"


@pytest.fixture
def primary() -> Iterator[EmbeddedPostgres]:
    """A server of the test's own: it will be gone."""
    with EmbeddedPostgres.start(durable=True) as server:
        yield server


@pytest.fixture
def primary_lab(primary: EmbeddedPostgres) -> Iterator[Lab]:
    lab = Lab(provision(primary.url, "failover", load(MODULES)))
    try:
        lab.furnish()
        yield lab
    finally:
        lab.close()


@pytest.fixture
def standby(primary: EmbeddedPostgres, primary_lab: Lab) -> Iterator[EmbeddedPostgres]:
    with standby_of(primary) as server:
        yield server


def moved(local: LocalDatabase, port: int) -> LocalDatabase:
    """The same database on the other server."""
    urls = {
        field.name: relocated(getattr(local, field.name), port)
        for field in dataclasses.fields(local)
        if field.name.endswith("_url")
    }
    return dataclasses.replace(local, **urls)


def both(lab: Lab, standby: EmbeddedPostgres) -> str:
    """A URL with both servers: libpq takes the one that accepts writes."""
    host, _, rest = without_tls(lab.local.login_url).partition("/failover")
    return f"{host},127.0.0.1:{standby.port}/failover{rest}"


def refused_writes(standby: EmbeddedPostgres) -> int:
    """How many writes reached the standby."""
    return (standby.data / "log").read_text(errors="replace").count("in a read-only transaction")


@pytest.mark.parametrize("immediate", [True, False], ids=["crash", "switchover"])
def test_failover(
    primary: EmbeddedPostgres, primary_lab: Lab, standby: EmbeddedPostgres, report: Report, *, immediate: bool
) -> None:
    open_books(primary_lab, WRITERS)
    settings = primary_lab.through(both(primary_lab, standby))
    with ExitStack() as stack:
        sources = [Single(settings) for _ in range(WRITERS)]
        for source in sources:
            stack.callback(source.close)
        with Writers(settings, sources) as writers:
            assert until(lambda: all(len(told.acknowledged) > 50 for told in writers.told), within_s=20)
            gone_s = time.monotonic()
            primary.pause(immediate=immediate)
            # Writers come to the standby, which does not accept writes yet, or ask it what became of their COMMIT.
            promoting_s = time.monotonic()
            promote(standby)
            assert until(lambda: len(writers.acknowledged_since(promoting_s)) == WRITERS, within_s=20)

    firsts_s = writers.acknowledged_since(promoting_s)
    report.sample(RUN, "first success after the primary went, s", min(firsts_s) - gone_s)
    report.sample(RUN, "first success of the last writer after pg_promote(), s", max(firsts_s) - promoting_s)
    assert refused_writes(standby) == 0
    lab = Lab(moved(primary_lab.local, standby.port))
    try:
        books = close_books(lab, writers)
    finally:
        lab.close()
    judge(books, writers, report, RUN)


def test_a_connection_that_is_left_on_a_standby(primary_lab: Lab, standby: EmbeddedPostgres, report: Report) -> None:
    """Reads go on there. A write is 503 and drops the connection, so that the next one finds the primary."""
    url = relocated(without_tls(primary_lab.local.login_url), standby.port) + "&target_session_attrs=any"
    database = Database(primary_lab.through(url))
    counters = database.counters
    with report.case("requests on a standby: reads answered, writes 503, the next one on a new connection"):
        with reader(ALICE, database=database) as db:
            assert db.value("select pg_is_in_recovery()") is True
        for number, attempt in enumerate((INSERT, NOTIFY, INSERT), 1):
            with pytest.raises(Unavailable), transaction(ALICE, database=database) as tx:
                tx.value(attempt + (" returning 1" if attempt is INSERT else ""), {"id": 1, "body": "x"})
            assert counters.opened == number
            with reader(ALICE, database=database) as db:
                assert db.value("select count(*) from lab.notes") == 0
            assert counters.opened == number + 1
        promote(standby)
        with transaction(ALICE, database=database) as tx:
            tx.run(INSERT, {"id": 1, "body": "x"}, rows=1)
            tx.value(NOTIFY)
        assert counters.dropped["in doubt"] + counters.dropped["dead"] == 3
    database.close()


def test_a_lost_commit_is_unknown_to_the_new_primary(
    primary: EmbeddedPostgres, primary_lab: Lab, standby: EmbeddedPostgres, report: Report
) -> None:
    """Its statistics have another age, so its word on a transaction of the old one is not taken."""
    database = Database(primary_lab.through(both(primary_lab, standby)))
    with report.case("COMMIT lost with the primary: not reported as saved"):
        with pytest.raises(OrgError) as raised, transaction(ALICE, database=database) as tx:
            tx.run(INSERT, {"id": 1, "body": "x"}, rows=1)
            primary.pause(immediate=True)
            promote(standby)
        assert (raised.value.status, raised.value.code) == (503, "commit_unknown")
        with psycopg.connect(moved(primary_lab.local, standby.port).admin_url) as admin:
            assert admin.execute("select count(*) from lab.notes").fetchone() == (0,)
    database.close()
