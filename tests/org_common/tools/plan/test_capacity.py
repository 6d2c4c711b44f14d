from itertools import pairwise

import numpy as np

from org_common.tools.plan import capacity
from org_common.tools.plan.capacity import Tracking


def test_tracking_adds_after_three_minutes_and_two_more_to_provision() -> None:
    busy = np.array([1.0] * 10 + [9.0] * 20)

    found = capacity.track(busy, Tracking(5, 100, 0.7))

    # The busy minutes begin with the tenth; three data points, then two minutes until it serves.
    assert found[:15].tolist() == [5] * 15
    assert found[15] > 5
    assert found[-1] >= 9 / 0.7


def test_utilization_is_seen_up_to_all_only() -> None:
    found = capacity.track(np.full(40, 1000.0), Tracking(10, 1000, 0.7))

    steps = [int(found[at]) for at in np.flatnonzero(np.diff(found)) + 1]
    assert steps[0] == 15
    assert all(later <= earlier / 0.7 + 1 for earlier, later in pairwise(steps))


def test_what_waits_is_seen_in_the_minutes_after() -> None:
    busy = np.array([1.0, 40.0, *[1.0] * 20])

    assert capacity.track(busy, Tracking(2, 100)).max() == 2
    assert capacity.track(busy, Tracking(2, 100, queues=True)).max() > 2


def test_tracking_removes_after_fifteen_minutes_down_to_the_least() -> None:
    found = capacity.track(np.array([50.0] * 20 + [0.0] * 40), Tracking(5, 100, 0.7))

    assert found[20 + 14] == found[20]
    assert found[20 + 16] == 5


def test_schedule_is_ready_two_minutes_after_the_hour() -> None:
    busy = np.array([1.0] * 60 + [7.0] * 60 + [1.0] * 60)

    found = capacity.schedule(busy, minimum=1, maximum=100)

    assert (found[59], found[60], found[61], found[62]) == (2, 2, 2, 10)
    assert found[120] == 2


def test_schedule_is_for_hours_of_the_day() -> None:
    busy = np.array([1.0] * 30 + [7.0] * 60)

    assert capacity.schedule(busy, minimum=1, maximum=100, start_minute=30)[32] == 10


def test_managed_instances_double_in_five_minutes() -> None:
    found = capacity.managed(np.array([0.0] + [10_000.0] * 20), slots=10)

    assert found[:2].tolist() == [3, 3]
    assert all(found[at] <= 2 * found[max(0, at - 5)] for at in range(len(found)))
    assert found[-1] > 20


def test_the_first_minute_follows_the_last() -> None:
    busy = np.array([10.0] * 30)
    tracking = Tracking(2, 100)

    assert capacity.track(busy, tracking)[0] == 2
    assert capacity.settled(lambda minutes: capacity.track(minutes, tracking), busy).tolist() == [15] * 30
