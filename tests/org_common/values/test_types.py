"""The deadline of a request, and a context where there is no Lambda."""

import time

from org_common.values.types import Deadline, LocalContext


def test_deadline_counts_down_from_its_seconds() -> None:
    deadline = Deadline.after(10)

    assert 9 < deadline.left_s() <= 10


def test_deadline_never_goes_up() -> None:
    deadline = Deadline.after(10)

    earlier = deadline.left_s()
    later = deadline.left_s()

    assert later <= earlier


def test_passed_deadline_is_negative() -> None:
    assert Deadline.after(-1).left_s() < 0


def test_deadline_is_on_the_monotonic_clock() -> None:
    deadline = Deadline(time.monotonic() + 5)

    assert 4 < deadline.left_s() <= 5


def test_local_context_tells_the_request_id() -> None:
    assert LocalContext("r-1", 29).aws_request_id == "r-1"


def test_local_context_tells_the_whole_milliseconds_left() -> None:
    left_ms = LocalContext("r-1", 29).get_remaining_time_in_millis()

    assert type(left_ms) is int
    assert 28_000 < left_ms <= 29_000
