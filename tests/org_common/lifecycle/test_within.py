"""Nobody waits longer than he can."""

from __future__ import annotations

import threading
import time
from contextvars import ContextVar

import pytest

from org_common.lifecycle.within import within

seen: ContextVar[str] = ContextVar("seen", default="nothing")


def test_answer_is_passed_on() -> None:
    token = seen.set("the caller's")

    assert within(seen.get, time.monotonic() + 5) == "the caller's"
    assert within(lambda: None, time.monotonic() + 5) is None
    seen.reset(token)


def test_error_is_passed_on() -> None:
    with pytest.raises(ZeroDivisionError):
        within(lambda: 1 / 0, time.monotonic() + 5)


@pytest.mark.parametrize("left_s", [0.05, -1])
def test_work_that_takes_longer_is_left_alone(left_s: float) -> None:
    done = threading.Event()
    began_s = time.monotonic()

    with pytest.raises(TimeoutError):
        within(lambda: done.wait(10), began_s + left_s)

    assert time.monotonic() - began_s < 1
    done.set()
