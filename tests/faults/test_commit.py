"""A connection is lost around COMMIT: what became of the transaction is said rightly, or is said not to be known."""

import random
from collections.abc import Callable, Iterable
from functools import partial
from typing import Literal
from urllib.parse import urlsplit

import psycopg
import pytest

from org_common.db.connections.connection import Single, Source
from org_common.db.connections.retry import Phase
from org_common.tools.database.postgres import EmbeddedPostgres
from tests.faults.bench import Bench, Fault, without_tls
from tests.support.lab import ALICE, Lab
from tests.support.pgbouncer import PgBouncer
from tests.support.proxy import Proxy
from tests.support.report import Report

pytestmark = [pytest.mark.db, pytest.mark.fault]

SEED = 20261123
SAVED, ROLLED_BACK, UNKNOWN = (200, ""), (503, "concurrent_change"), (503, "commit_unknown")


@pytest.fixture
def count(long_form: bool) -> int:
    return 100 if long_form else 20


def settle(bench: Bench, report: Report, run: str, cuts: Iterable[Fault]) -> None:
    """Each cut strikes a COMMIT. The server can be asked, so each answer must be known, and right."""
    bench.warm()
    settled = bench.source.counters.settled
    for number, cut in enumerate(cuts, start=1):
        bench.lab.clear()
        bench.faults[Phase.COMMIT] = cut

        with report.case(run):
            seen = bench.write()
            report.sample(run, "answered after, ms", seen.took_s * 1000)

            assert bench.lab.is_quiet()
            kept = bench.lab.notes()
            assert ((seen.status, seen.code), kept) in [(SAVED, [1, 2]), (ROLLED_BACK, [])], seen
            assert bench.source.counters.settled == settled + number, "the cut missed the COMMIT"
    assert bench.source.counters.unknown_commits == 0


@pytest.mark.parametrize("profile", ["transaction-pooler", "direct"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_commit_is_settled(bench: Bench, report: Report, count: int, when: Literal["before", "after"]) -> None:
    cuts = [partial(bench.proxy.cut, when=when, text="commit", reset=bool(each % 2)) for each in range(count // 2)]

    settle(bench, report, f"COMMIT cut {when} the answer: verdict right, and known", cuts)


def test_commit_is_settled_wherever_it_is_torn(bench: Bench, report: Report, count: int) -> None:
    chance = random.Random(SEED)
    proxy = bench.proxy
    before: dict[str, int] = {}
    bench.warm()
    bench.faults[Phase.COMMIT] = lambda: before.update(sent=proxy.sent_bytes, received=proxy.received_bytes)
    assert bench.write().status == 200
    sent, received = proxy.sent_bytes - before["sent"], proxy.received_bytes - before["received"]
    # All but the last byte: with that one the client has its answer.
    tears = [partial(proxy.cut_after_bytes, chance.randrange(1, sent), direction="sent") for _ in range(count // 2)]
    tears += [partial(proxy.cut_after_bytes, chance.randrange(1, received)) for _ in range(count // 2)]

    run = "COMMIT torn at any byte: verdict right, and known"
    settle(bench, report, run, tears)
    report.run(run, seed=SEED)


@pytest.mark.pooler
def test_commit_is_settled_through_a_pooler(
    lab: Lab, make_bench: Callable[[Source], Bench], report: Report, count: int
) -> None:
    """The question takes another server connection than the transaction had."""
    users = {"app_login": urlsplit(lab.local.login_url).password or ""}
    with (
        PgBouncer.start(lab.local.login_url, users=users, pool_size=2) as pgbouncer,
        Proxy("127.0.0.1", pgbouncer.port) as proxy,
    ):
        url = without_tls(proxy.url(lab.local.login_url))
        bench = make_bench(Single(lab.through(url, profile="transaction-pooler")))
        bench.proxy = proxy

        cuts = [partial(proxy.cut, when=when, text="commit") for when in ("before", "after") * (count // 4)]
        settle(bench, report, "COMMIT cut in front of PgBouncer: verdict right, and known", cuts)
        bench.source.close()


@pytest.mark.parametrize(("when", "right"), [("before", ROLLED_BACK), ("after", SAVED)])
def test_what_is_first_written_with_commit(
    bench: Bench, report: Report, when: Literal["before", "after"], right: tuple[int, str]
) -> None:
    """A message sent behind nothing but reads has no number yet that could be asked for."""
    run = "COMMIT cut, nothing written before its own round trip: not answered wrongly (known ones counted)"
    bench.warm()
    bench.faults[Phase.COMMIT] = partial(bench.proxy.cut, when=when, text="commit")

    with report.case(run) as each:
        seen = bench.write("/late")
        assert (seen.status, seen.code) in [right, UNKNOWN], seen
        each.facts["known"] = each.facts.get("known", 0) + (seen.code != UNKNOWN[1])


def test_another_transaction_of_the_same_number_is_not_taken_for_ours(
    durable_server: EmbeddedPostgres, durable_lab: Lab, make_bench: Callable[[Source], Bench], report: Report
) -> None:
    """A transaction's number is durable with its COMMIT and no sooner.

    The server crashes before COMMIT arrives. What was written had not reached the disk, so after recovery its number is
    given out again, to somebody who commits.
    """
    lab = durable_lab
    bench = make_bench(Single(lab.through(without_tls(lab.local.login_url))))
    bench.lab = lab
    assert bench.write().status == 200
    lab.tell("delete from lab.notes")
    # From here on no page of the table is logged as a whole: the write stays in the log's buffer.
    lab.tell("insert into lab.notes (id, body, owner) values (100, 'x', %s)", lab.user_id(ALICE))
    numbers: list[int] = []

    def crash() -> None:
        numbers.append(
            lab.ask("select max(backend_xid::text::bigint) from pg_stat_activity where usename = 'app_login'")
        )
        durable_server.restart(immediate=True)
        with psycopg.connect(lab.local.admin_url, autocommit=True) as other:
            while numbers[-1] < numbers[0] or len(numbers) == 1:
                row = other.execute("select pg_current_xact_id()::text::bigint").fetchone()
                assert row is not None
                numbers.append(row[0])

    bench.faults[Phase.COMMIT] = crash
    with report.case("COMMIT lost in a crash, its number given out again: not answered as saved"):
        seen = bench.write()
        with psycopg.connect(lab.local.admin_url) as admin:
            kept = [row[0] for row in admin.execute("select id from lab.notes")]

        assert numbers[0] in numbers[1:], "the server did not give out the number again: the test shows nothing"
        assert kept == [100]
        assert (seen.status, seen.code) in [UNKNOWN, ROLLED_BACK], seen
