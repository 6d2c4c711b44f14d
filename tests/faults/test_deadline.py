"""A silent or slow database is given up before Lambda gives up the function: its caller still gets an answer."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import LiteralString

import pytest

from org_common.db.connection import Single, Source
from org_common.db.retry import Phase
from tests.faults.bench import Bench, Seen
from tests.faults.front import mute_address
from tests.support.lab import until
from tests.support.proxy import relocated
from tests.support.report import Report

pytestmark = [pytest.mark.db, pytest.mark.fault]

SEED = 20261123
RUN = "requests to a silent or slow database answered at least 300 ms before the limit, with a 503 or 504 problem"
PROMISED_S = 0.3
SLEEP: LiteralString = "select pg_sleep(%(id)s * 10)"


@dataclass(frozen=True)
class Trouble:
    """What is wrong, and the answer."""

    name: str
    method: str
    stop: Phase | str | None
    answer: tuple[int, str]


TIMEOUT, UNKNOWN = (504, "timeout"), (503, "commit_unknown")
MUTE = [
    Trouble("mute peer, reader", "GET", Phase.READ, TIMEOUT),
    Trouble("mute peer, first turn", "POST", "BEGIN", TIMEOUT),
    Trouble("mute peer, later turn", "POST", Phase.WRITE, TIMEOUT),
    Trouble("mute peer, COMMIT", "POST", Phase.COMMIT, UNKNOWN),
    Trouble("mute peer, connect", "GET", None, (503, "unavailable")),
]
SLOW = [Trouble("slow query, reader", "GET", None, TIMEOUT), Trouble("slow query, transaction", "POST", None, TIMEOUT)]
BLACKHOLE = [Trouble(f"blackhole, {method}", method, None, (503, "unavailable")) for method in ("GET", "POST")]


@pytest.fixture
def count(long_form: bool) -> int:
    """Of each of the three kinds."""
    return 34 if long_form else 5


def limits(count: int) -> Iterator[float]:
    """The functions' limits: short, as the promise is about what is left."""
    chance = random.Random(SEED)
    return (chance.uniform(0.85, 1.3) for _ in range(count))


def judge(report: Report, seen: list[tuple[Trouble, Seen]]) -> None:
    """All were asked; the figure is of all, also when one of them fails."""
    run = report.run(RUN, seed=SEED)
    late = []
    for trouble, each in seen:
        run.of += 1
        report.sample(RUN, f"{trouble.name}: before the limit, ms", each.left_s * 1000)
        if each.left_s >= PROMISED_S and (each.status, each.code) == trouble.answer:
            run.good += 1
        else:
            late.append((trouble.name, each))
    assert not late, "\n".join(f"{name}: {1000 * each.left_s:.1f} ms before the limit, {each}" for name, each in late)


def test_mute_peer(fresh: Callable[[], Bench], report: Report, count: int) -> None:
    seen = []
    for trouble, limit_s in zip(cycle(MUTE), limits(count), strict=False):
        bench = fresh()
        if trouble.stop is None:
            bench.cold()
            bench.proxy.freeze()
        else:
            bench.warm()
            bench.faults[trouble.stop] = bench.proxy.freeze
        seen.append((trouble, bench.send(trouble.method, "/notes", timeout_s=limit_s)))
    judge(report, seen)


def test_slow_query(fresh: Callable[[], Bench], report: Report, count: int) -> None:
    """On the server it ends as well."""
    seen = []
    for trouble, limit_s in zip(cycle(SLOW), limits(count), strict=False):
        bench = fresh()
        bench.warm()
        bench.reading = bench.writing = SLEEP
        seen.append((trouble, bench.send(trouble.method, "/notes", timeout_s=limit_s)))
        assert until(bench.lab.is_quiet, within_s=1)
        assert bench.lab.notes() == []
    judge(report, seen)


def test_blackhole(bench: Bench, make_bench: Callable[[Source], Bench], report: Report, count: int) -> None:
    """Nobody answers a SYN."""
    seen = []
    with mute_address() as port:
        url = relocated(bench.lab.local.login_url, port)
        for trouble, limit_s in zip(cycle(BLACKHOLE), limits(count), strict=False):
            lost = make_bench(Single(bench.lab.through(url)))
            seen.append((trouble, lost.send(trouble.method, "/notes", timeout_s=limit_s)))
    judge(report, seen)


def test_connecting_takes_no_longer_than_three_seconds(
    bench: Bench, make_bench: Callable[[Source], Bench], report: Report
) -> None:
    """However much time there is."""
    with mute_address() as port, report.case("blackholes given up within 3 s although there were 29"):
        lost = make_bench(Single(bench.lab.through(relocated(bench.lab.local.login_url, port))))
        seen = lost.send("GET", "/notes", timeout_s=29)
        assert seen.status == 503
        assert seen.took_s <= 3


def test_locks_of_a_client_that_has_vanished_are_released(bench: Bench, report: Report) -> None:
    """Neither a FIN nor a RST arrives: the server ends the transaction by itself, when the request is over."""
    bench.warm()
    bench.faults[Phase.WRITE] = bench.proxy.freeze

    with report.case("transactions of vanished clients that the server ends by itself, at their deadline"):
        assert bench.write(timeout_s=1).status == 504
        assert bench.lab.is_quiet()
        assert bench.lab.notes() == []
