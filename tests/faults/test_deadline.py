"""A silent or slow database is given up before Lambda gives up the function: its caller still gets an answer."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from threading import Thread
from typing import LiteralString, Self

import pytest

from org_common.db.connections.connection import Single, Source
from org_common.db.connections.retry import Phase
from tests.faults.bench import GIVEN_UP_S, Bench, without_tls
from tests.faults.front import HANG_UP_LATE, Front, mute_address
from tests.support.lab import until
from tests.support.proxy import relocated
from tests.support.report import Report

pytestmark = [pytest.mark.db, pytest.mark.fault]

SEED = 20261123
RUN = "requests to a silent or slow database answered before the limit, with a 503 or 504 problem"
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
    Trouble("mute peer, first round trip", "POST", "BEGIN", TIMEOUT),
    Trouble("mute peer, later round trip", "POST", Phase.WRITE, TIMEOUT),
    Trouble("mute peer, COMMIT", "POST", Phase.COMMIT, UNKNOWN),
    Trouble("mute peer, connect", "GET", None, (503, "unavailable")),
]
SLOW = [Trouble("slow query, reader", "GET", None, TIMEOUT), Trouble("slow query, transaction", "POST", None, TIMEOUT)]
BLACKHOLE = [Trouble(f"blackhole, {method}", method, None, (503, "unavailable")) for method in ("GET", "POST")]


@pytest.fixture
def count(long_form: bool) -> int:
    """How many tens of requests."""
    return 10 if long_form else 1


def limits(count: int) -> Iterator[float]:
    """The functions' limits: short, as the promise is about what is left."""
    chance = random.Random(SEED)
    return (chance.uniform(0.85, 1.3) for _ in range(count))


class Stalls(Thread):
    """How long this machine, busy with something else, has let threads wait that were due. The SDK's is one of them."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.longest_s = 0.0
        self._ended = False

    def run(self) -> None:
        while not self._ended:
            before_s = time.monotonic()
            time.sleep(0.002)
            self.longest_s = max(self.longest_s, time.monotonic() - before_s - 0.002)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self.join()


class Judge:
    """All are asked; the figure is of all, also when one of them fails."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._run = report.run(RUN, seed=SEED)
        self._faults: list[str] = []

    def send(self, trouble: Trouble, bench: Bench, limit_s: float) -> None:
        with Stalls() as stalls:
            seen = bench.send(trouble.method, "/notes", timeout_s=limit_s)
        self._run.of += 1
        self._report.sample(RUN, f"{trouble.name}: before the limit, ms", seen.left_s * 1000)
        # Some 300 ms before it, says the report; a busy machine takes its part of them.
        if seen.left_s + stalls.longest_s > 0 and (seen.status, seen.code) == trouble.answer:
            self._run.good += 1
        else:
            self._faults.append(f"{trouble.name}: {1000 * seen.left_s:.1f} ms before the limit, {seen}")

    def end(self) -> None:
        assert not self._faults, "\n".join(self._faults)


def test_mute_peer(fresh: Callable[[], Bench], report: Report, count: int) -> None:
    judge = Judge(report)
    for trouble, limit_s in zip(cycle(MUTE), limits(5 * count), strict=False):
        bench = fresh()
        if trouble.stop is None:
            bench.cold()
            bench.proxy.freeze()
        else:
            bench.warm()
            bench.faults[trouble.stop] = bench.proxy.freeze
        judge.send(trouble, bench, limit_s)
    judge.end()


def test_slow_query(fresh: Callable[[], Bench], report: Report, count: int) -> None:
    """On the server it ends as well."""
    judge = Judge(report)
    for trouble, limit_s in zip(cycle(SLOW), limits(3 * count), strict=False):
        bench = fresh()
        bench.warm()
        bench.reading = bench.writing = SLEEP
        judge.send(trouble, bench, limit_s)
        assert until(bench.lab.is_quiet, within_s=1)
        assert bench.lab.notes() == []
    judge.end()


def test_blackhole(bench: Bench, make_bench: Callable[[Source], Bench], report: Report, count: int) -> None:
    """Nobody answers a SYN."""
    judge = Judge(report)
    with mute_address() as port:
        url = relocated(bench.lab.local.login_url, port)
        for trouble, limit_s in zip(cycle(BLACKHOLE), limits(2 * count), strict=False):
            lost = make_bench(Single(bench.lab.through(url)))
            judge.send(trouble, lost, limit_s)
    judge.end()


def test_blackhole_is_given_up(bench: Bench, make_bench: Callable[[Source], Bench], report: Report) -> None:
    """However much time there is."""
    with mute_address() as port:
        source = Single(bench.lab.through(relocated(bench.lab.local.login_url, port)))
        given_up(make_bench(source), report)


def test_server_that_hangs_up_late_is_given_up(
    bench: Bench, make_bench: Callable[[Source], Bench], report: Report
) -> None:
    """Each try takes nearly as long as one may, and would be worth another."""
    with Front(0, lambda _: HANG_UP_LATE) as front:
        source = Single(bench.lab.through(without_tls(front.url(bench.lab.local.login_url))))
        given_up(make_bench(source), report)


def given_up(bench: Bench, report: Report) -> None:
    run = "connections given up long before the limit of 29 s"
    with report.case(run):
        seen = bench.send("GET", "/notes", timeout_s=29)
        report.sample(run, "after, s", seen.took_s)
        assert seen.status == 503
        assert seen.took_s < GIVEN_UP_S


def test_locks_of_a_client_that_has_vanished_are_released(bench: Bench, report: Report) -> None:
    """Neither a FIN nor a RST arrives: the server ends the transaction by itself, when the request is over."""
    bench.warm()
    bench.faults[Phase.WRITE] = bench.proxy.freeze

    with report.case("transactions of vanished clients that the server ends by itself, at their deadline"):
        assert bench.write(timeout_s=1).status == 504
        assert bench.lab.is_quiet()
        assert bench.lab.notes() == []
