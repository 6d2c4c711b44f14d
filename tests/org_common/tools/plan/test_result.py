import numpy as np
import pytest

from org_common.tools.plan.result import EXACT, Result, Times, connections, fits
from org_common.tools.plan.workload import Database
from tests.org_common.tools.plan.conftest import MakeWorkload

RESULT = Result(
    "on-demand", EXACT, 1000, Times(0.1, 0.2, 0.3), 18, 100, 3.0, 40, 50, {"requests": 900}, np.ones(1), np.ones(1)
)


def test_rates() -> None:
    assert RESULT.cold_rate == 18 / 900
    assert RESULT.throttle_rate == 0.1


def test_each_environment_has_its_connections_without_a_pooler() -> None:
    found = connections(RESULT, Database(100, per_environment=2))

    assert (found.direct, found.room, found.fits_direct) == (100, 92, False)


def test_pooler_opens_no_more_than_are_in_progress() -> None:
    found = connections(RESULT, Database(100, pool=60, max_clients=200))

    assert (found.pooled, found.fits_pooled, found.waits) == (40, True, False)


def test_small_pool_lets_requests_wait() -> None:
    found = connections(RESULT, Database(100, pool=20))

    assert (found.pooled, found.waits) == (20, True)


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        (Database(100), True),
        (Database(50), False),
        (Database(50, pool=20), True),
        (Database(50, pool=60), False),
        (Database(50, pool=20, max_clients=49), False),
    ],
)
def test_connections_fit_as_the_database_is_configured(database: Database, expected: bool) -> None:
    assert fits(RESULT, database) is expected


def test_month_has_what_comes_with_the_requests(workload: MakeWorkload) -> None:
    one = workload(queued=0.5, database=Database(proxy_cpus=4))

    usage = RESULT.monthly(one)

    days = 730 / 24
    assert usage["requests"] == pytest.approx(900 * days)
    assert usage["http_api"] == pytest.approx(500 * days)
    assert usage["queue"] == pytest.approx(1500 * days)
    assert usage["proxy"] == 4 * 730
