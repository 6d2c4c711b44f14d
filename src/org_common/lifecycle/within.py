"""Work that nobody waits for beyond a moment."""

from __future__ import annotations

import threading
import time

# stdlib's `contextvars` is these names and nothing else, for one more file to be found.
from _contextvars import copy_context

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")


def within(work: Callable[[], T], deadline_s: float) -> T:
    """What the work answers or raises; `TimeoutError` when that takes longer than `deadline_s`, on the monotonic clock.

    For what looks at no clock itself. It is done in a thread, which goes on by itself when nobody waits any more.
    """
    found: list[T] = []
    raised: list[BaseException] = []
    context = copy_context()

    def run() -> None:
        try:
            found.append(context.run(work))
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is for whoever waits
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(max(deadline_s - time.monotonic(), 0))
    if raised:
        # Without a cycle of error, frame and list: it would keep what the frames hold.
        raise raised.pop()
    if not found:
        raise TimeoutError("no answer in time")
    return found[0]
