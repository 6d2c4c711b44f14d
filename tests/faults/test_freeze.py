"""Lambda freezes an environment between two requests, and the server may have hung up meanwhile."""

import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.faults.bench import Bench, without_tls
from tests.faults.children import Child, child
from tests.support.lab import Lab
from tests.support.report import Report

pytestmark = [pytest.mark.db, pytest.mark.fault]

SEED = 20261123
RUN = "first requests after SIGSTOP and SIGCONT that succeed"


@pytest.fixture
def freezes(long_form: bool) -> list[list[float]]:
    """For each child how long it is stopped, in seconds, time after time."""
    chance = random.Random(SEED)
    if long_form:
        return [[chance.uniform(1, 30) for _ in range(8)] for _ in range(25)]
    return [[chance.uniform(1, 2)] for _ in range(6)]


def test_first_request_after_a_freeze(lab: Lab, report: Report, freezes: list[list[float]]) -> None:
    with ExitStack() as stack:
        url = without_tls(lab.local.login_url)
        children = [stack.enter_context(child(url, "serve")) for _ in freezes]
        with ThreadPoolExecutor(len(children)) as pool:
            list(
                pool.map(
                    lambda number: freeze(lab, report, number, children[number], freezes[number]), range(len(children))
                )
            )

    report.run(RUN, seed=SEED)
    assert report.run(RUN).good == report.run(RUN).of > 0


def freeze(lab: Lab, report: Report, number: int, frozen: Child, stops_s: list[float]) -> None:
    for turn, stop_s in enumerate(stops_s):
        pid = frozen.ask("GET /pid")["pid"]
        killed = (number + turn) % 2 == 0
        frozen.tell(signal.SIGSTOP)
        if killed:
            lab.terminate(pid)
        time.sleep(stop_s)
        frozen.tell(signal.SIGCONT)
        # Reads and writes in turn, each after both kinds of freeze.
        order = "GET /pid" if (number // 2 + turn) % 2 else f"POST /notes/{number * 1000 + turn}"
        with report.case(RUN):
            answer = frozen.ask(order)
            assert answer["status"] == 200, answer
            assert (answer["pid"] == pid) is not killed
        report.sample(RUN, f"answered, backend {'killed' if killed else 'alive'}, ms", answer["took_ms"])


@pytest.mark.parametrize("ago_s", [(301, 0), (0, 301)], ids=["wall clock", "monotonic clock"])
def test_a_connection_that_was_idle_for_long_is_not_tried(
    bench: Bench, report: Report, ago_s: tuple[float, float]
) -> None:
    """Whichever of the two clocks has gone on while the environment was frozen."""
    bench.warm()
    connection = bench.source._connection  # type: ignore[attr-defined]
    wall_s, monotonic_s = connection._used_at
    connection._used_at = wall_s - ago_s[0], monotonic_s - ago_s[1]

    with report.case("connections idle for longer than 300 s on either clock that are not used again"):
        assert bench.read().status == 200
        assert bench.source.counters.dropped["idle too long"] == 1
        assert bench.proxy.connections == 1
