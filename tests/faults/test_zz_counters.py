"""Last of the suite: whatever the connections count has been moved by a fault."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from org_common.db.connections.retry import Phase
from org_common.db.protocol.counters import Counters
from tests.faults.bench import Bench
from tests.support.report import Report

pytestmark = [pytest.mark.db, pytest.mark.fault]

REASONS = ("dead", "idle too long", "forked", "in doubt")


def test_waiting_for_another_thread(bench: Bench) -> None:
    bench.warm()
    bench.faults[Phase.WRITE] = lambda: time.sleep(0.2)
    with ThreadPoolExecutor(2) as pool:
        writing = pool.submit(bench.write)
        time.sleep(0.05)
        reading = pool.submit(bench.read)

        assert (writing.result().status, reading.result().status) == (200, 200)
    assert bench.source.counters.waits == 1


def test_each_counter_was_moved(request: pytest.FixtureRequest, moved: Counter[str], report: Report) -> None:
    suite = {path.name for path in Path(__file__).parent.glob("test_*.py")}
    option = request.config.option
    if option.keyword or option.markexpr or not suite <= {item.path.name for item in request.session.items}:
        pytest.skip("only a part of the suite runs")

    counters = [name for name in Counters.__slots__ if name != "dropped"] + [f"dropped {each}" for each in REASONS]
    report.run("counters moved by a fault", **moved).of = len(counters)
    report.run("counters moved by a fault").good = sum(moved[name] > 0 for name in counters)
    assert [name for name in counters if moved[name] == 0] == []
    assert [name for name in moved if name not in counters] == [], "a counter that this test does not know"
