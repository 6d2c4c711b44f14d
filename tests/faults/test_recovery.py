"""After an outage the first request succeeds as soon as the database is back: no back-off of ours outlives it."""

import time
from collections.abc import Callable
from typing import Literal

import pytest

from org_common.db.connections.connection import Source
from org_common.db.connections.pool import Pooled
from tests.faults.bench import Bench
from tests.support.lab import Lab
from tests.support.proxy import Proxy
from tests.support.report import Report

pytestmark = [pytest.mark.db, pytest.mark.fault]

RUN = "outages after which the first request succeeds"


@pytest.fixture
def outage_s(*, long_form: bool) -> float:
    return 20.0 if long_form else 2.0


@pytest.mark.parametrize("kind", ["single", "pool"])
@pytest.mark.parametrize("fault", ["refused", "unresponsive"])
def test_recovery(
    kind: Literal["single", "pool"],
    fault: Literal["refused", "unresponsive"],
    lab: Lab,
    proxy: Proxy,
    fresh: Callable[[], Bench],
    make_bench: Callable[[Source], Bench],
    report: Report,
    outage_s: float,
) -> None:
    bench = fresh() if kind == "single" else make_bench(Pooled(lab.through(proxy.url(lab.local.login_url)), size=2))
    bench.warm()
    down_until_s = time.monotonic() + outage_s
    if fault == "refused":
        proxy.refuse()
    else:
        proxy.freeze()
    proxy.drop(reset=True)
    # The environment is asked all the time: what it remembers of its failures must not delay the next request.
    refused = 0
    while time.monotonic() < down_until_s:
        seen = bench.read(timeout_s=1.5)
        refused += seen.status in (503, 504)
        assert seen.status in (503, 504), seen
    assert refused > 0

    with report.case(RUN):
        proxy.restore()
        back_s = time.monotonic()
        first = bench.read(timeout_s=1.5)
        # A figure (0.02-0.05 s; the promise is 0.5), since a busy machine is not a fault; that it succeeds is exact.
        report.sample(RUN, "first success after, s", time.monotonic() - back_s)
        assert first.status == 200, first
