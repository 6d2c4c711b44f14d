"""A call is not waited for beyond its deadline."""

from __future__ import annotations

import threading
import time
from contextvars import ContextVar

import pytest

from org_common.lifecycle.timeout import run_with_timeout

seen: ContextVar[str] = ContextVar("seen", default="nothing")


def test_result_is_returned() -> None:
    token = seen.set("the caller's")

    assert run_with_timeout(seen.get, time.monotonic() + 5) == "the caller's"
    assert run_with_timeout(lambda: None, time.monotonic() + 5) is None
    seen.reset(token)


def test_error_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        run_with_timeout(lambda: 1 / 0, time.monotonic() + 5)


@pytest.mark.parametrize("left_s", [0.05, -1])
def test_call_that_takes_longer_is_abandoned(left_s: float) -> None:
    done = threading.Event()
    began_s = time.monotonic()

    with pytest.raises(TimeoutError):
        run_with_timeout(lambda: done.wait(60), began_s + left_s)

    assert time.monotonic() - began_s < 30
    done.set()
