"""Sixteen writers that all change the same rows: the sums are exact, and no handler runs more than three times."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import LiteralString

import pytest

from org_common import App
from org_common.auth.rules import SIGNED_IN
from org_common.db.connections.connection import Single
from org_common.db.connections.retry import ATTEMPTS
from org_common.db.database import Database
from org_common.db.transaction import Transaction
from org_common.testing.client import Client
from org_common.values.isolation import Isolation
from tests.faults.bench import ALICE, without_tls
from tests.support.lab import Lab
from tests.support.report import Report

pytestmark = [pytest.mark.db, pytest.mark.fault]

WRITERS = 16
SCHEMA: LiteralString = """
create table if not exists lab.sums (id integer primary key, total integer not null);
grant select, update on lab.sums to authenticated;
truncate lab.sums;
insert into lab.sums values (1, 0), (2, 0);
"""
GET: LiteralString = "select total from lab.sums where id = %(id)s"
SET: LiteralString = "update lab.sums set total = %(total)s where id = %(id)s"
ADD: LiteralString = "update lab.sums set total = total + 1 where id = %(id)s"


def read_and_set(tx: Transaction, number: int) -> None:
    """Under SERIALIZABLE and REPEATABLE READ, the second of two is refused: 40001."""
    for id in (1, 2):
        total = tx.value(GET, {"id": id})
        tx.run(SET, {"id": id, "total": total + 1}, rows=1)


def add_crosswise(tx: Transaction, number: int) -> None:
    """Each locks the rows in the order of the other: 40P01."""
    for id in (1, 2) if number % 2 else (2, 1):
        tx.run(ADD, {"id": id}, rows=1)


KINDS: dict[str, tuple[Isolation, object]] = {
    "serializable": ("serializable", read_and_set),
    "repeatable read": ("repeatable read", read_and_set),
    "deadlocks": ("read committed", add_crosswise),
}


@pytest.fixture
def databases(lab: Lab) -> Iterator[list[Database]]:
    """As many Lambda environments."""
    lab.tell(SCHEMA)
    settings = lab.through(without_tls(lab.local.login_url))
    lab.configure("deadlock_timeout", "20")
    with ExitStack() as stack:
        made = [Database(settings, Single(settings)) for _ in range(WRITERS)]
        for database in made:
            stack.callback(database.close)
        yield made
    lab.configure("deadlock_timeout", "1000")


@pytest.mark.parametrize("kind", KINDS)
def test_sums_are_exact(lab: Lab, databases: list[Database], kind: str, report: Report, *, long_form: bool) -> None:
    isolation, change = KINDS[kind]
    assert callable(change)
    run = f"requests of {WRITERS} conflicting writers, {kind}: kept once when 200, not at all when 503"
    each = 200 if long_form else 12
    start = threading.Barrier(WRITERS)

    def write(number: int) -> tuple[Counter[int], Counter[int]]:
        app = App(f"writer-{number}")
        attempts = 0

        @app.post("/add", allow=SIGNED_IN, isolation=isolation, retry=True)
        def add(tx: Transaction) -> dict[str, object]:
            nonlocal attempts
            attempts += 1
            change(tx, number)
            return {}

        app.use(databases[number])
        client = Client(app, person=ALICE, timeout_s=20)
        statuses: Counter[int] = Counter()
        runs: Counter[int] = Counter()
        start.wait()
        for _ in range(each):
            attempts = 0
            statuses[client.post("/add", {}).status] += 1
            runs[attempts] += 1
        return statuses, runs

    with ThreadPoolExecutor(WRITERS) as pool:
        outcomes = list(pool.map(write, range(WRITERS)))

    statuses = sum((statuses for statuses, _ in outcomes), Counter[int]())
    runs = sum((runs for _, runs in outcomes), Counter[int]())
    totals = [lab.ask(GET.replace("%(id)s", "%s"), id) for id in (1, 2)]
    found = report.run(run)
    found.of += WRITERS * each
    found.good += statuses[200] + statuses[503]
    found.facts["counted"] = {
        **{f"status {status}": count for status, count in sorted(statuses.items())},
        **{f"runs {count}": number for count, number in sorted(runs.items())},
    }

    assert totals == [statuses[200]] * 2
    assert statuses.keys() <= {200, 503}
    assert statuses.total() == WRITERS * each
    assert statuses[200] > WRITERS
    assert max(runs) <= ATTEMPTS
    assert runs.keys() - {1}, "no conflict happened"
    assert sum(database.counters.rerun for database in databases) == sum(
        (count - 1) * number for count, number in runs.items()
    )
