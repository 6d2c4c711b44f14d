import pytest

from org_common.tools.plan.workload import Database
from tests.org_common.tools.plan.conftest import MakeWorkload


def test_load_is_the_mean_of_requests_in_progress(workload: MakeWorkload) -> None:
    one = workload(rate=10, hours=24)

    assert one.load == pytest.approx(10 * one.service.mean)


def test_changed_traffic_and_starts(workload: MakeWorkload) -> None:
    one = workload()

    changed = one.changed(traffic=2, start=3)

    assert changed.traffic.requests == 2 * one.traffic.requests
    assert changed.start.mean == pytest.approx(3 * one.start.mean)
    assert changed.restore.mean == pytest.approx(3 * one.restore.mean)
    assert changed.service is one.service


def test_memory_is_billed_in_gb_of_1024_mb(workload: MakeWorkload) -> None:
    assert workload(memory_mb=1536).gb == 1.5


def test_room_for_functions() -> None:
    assert (Database(100, 8).room, Database(5, 8).room) == (92, 0)
