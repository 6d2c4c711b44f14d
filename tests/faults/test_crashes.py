"""The server crashes, and backends are killed, under eight writers: what they were told is what the ledger says."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import psycopg
import pytest

from org_common.config.settings import Settings
from org_common.db.connections.connection import Single, Source
from org_common.db.connections.pool import Pooled
from org_common.tools.database.postgres import EmbeddedPostgres
from tests.faults.bench import add_counters, without_tls
from tests.faults.conftest import revived
from tests.faults.writers import Books, Writers, close_books, open_books
from tests.support.lab import Lab, until
from tests.support.report import Report

pytestmark = [pytest.mark.db, pytest.mark.fault]

SEED = 20261123
WRITERS = 8
KILL_EACH_S = 0.1
# The promise is half a second; a machine that is busy with other tests may take longer.
RECOVERED_S = 5.0

MakeSources = Callable[[Settings], Sequence[Source]]


def singles(settings: Settings) -> list[Source]:
    """As many Lambda environments."""
    return [Single(settings) for _ in range(WRITERS)]


def pooled(settings: Settings) -> list[Source]:
    """One process of the ASGI server."""
    return [Pooled(settings, size=WRITERS)] * WRITERS


SOURCES = pytest.mark.parametrize("make", [singles, pooled], ids=["one connection each", "one pool"])


@pytest.fixture
def writers(durable_lab: Lab, make: MakeSources, moved: Counter[str]) -> Iterator[Writers]:
    open_books(durable_lab, WRITERS)
    settings = durable_lab.through(without_tls(durable_lab.local.login_url))
    sources = make(settings)
    with ExitStack() as stack:
        for source in dict.fromkeys(sources):
            stack.callback(source.close)
            stack.callback(add_counters, moved, source)
        yield Writers(settings, sources)


def judge(books: Books, writers: Writers, report: Report, run: str) -> None:
    """The figure is acknowledgements that are there, once, of those given."""
    found = report.run(run)
    found.of += books.acknowledged
    found.good += books.acknowledged - books.lost - books.doubled
    facts = Counter(found.facts.get("counted", {}))
    told = {f"told {answer}": count for answer, count in books.refused.items()}
    facts.update({**told, "unknown": books.unknown, "unknown, saved": books.unknown_saved})
    facts.update(lost=books.lost, doubled=books.doubled)
    found.facts["counted"] = {**facts}

    assert [error for told in writers.told for error in told.broken] == []
    assert (books.lost, books.doubled, books.saved_though_refused, books.torn) == (0, 0, 0, 0), books
    assert books.acknowledged > 100, "too few to show anything"


@SOURCES
def test_restarts(
    durable_server: EmbeddedPostgres, durable_lab: Lab, writers: Writers, report: Report, *, long_form: bool
) -> None:
    run = "acknowledged writes over `pg_ctl restart -m immediate`, fsync on: there, and once"
    back_s: list[float] = []
    with writers:
        for _ in range(20 if long_form else 1):
            time.sleep(0.7)
            durable_server.restart(immediate=True)
            back_s.append(time.monotonic())
            assert until(lambda: len(writers.acknowledged_since(back_s[-1])) == WRITERS, within_s=RECOVERED_S)

    lab = revived(durable_lab)
    try:
        books = close_books(lab, writers)
    finally:
        lab.close()
    firsts = [[at_s - moment_s for at_s in writers.acknowledged_since(moment_s)] for moment_s in back_s]
    report.sample(run, "first success after the server is back, s", *map(min, firsts))
    report.sample(run, "first success of the last writer, s", *map(max, firsts))
    report.run(run).facts["restarts"] = report.run(run).facts.get("restarts", 0) + len(back_s)
    judge(books, writers, report, run)


@SOURCES
def test_killed_backends(durable_lab: Lab, writers: Writers, report: Report, *, long_form: bool) -> None:
    run = "acknowledged writes while a backend is killed each 100 ms: there, and once"
    chance = random.Random(SEED)
    killed = 0
    with writers, psycopg.connect(durable_lab.local.admin_url, autocommit=True) as admin:
        end_s = time.monotonic() + (60 if long_form else 1.5)
        while time.monotonic() < end_s:
            time.sleep(KILL_EACH_S)
            backends = admin.execute(
                "select pid from pg_stat_activity where usename = 'app_login' and datname = current_database()"
            ).fetchall()
            if backends:
                admin.execute("select pg_terminate_backend(%s)", chance.choice(backends))
                killed += 1

    books = close_books(durable_lab, writers)
    report.run(run, seed=SEED).facts["killed"] = report.run(run).facts.get("killed", 0) + killed
    judge(books, writers, report, run)
    assert killed > 5
