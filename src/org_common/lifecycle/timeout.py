"""A time limit for calls that have none of their own."""

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


def run_with_timeout(call: Callable[[], T], deadline_s: float) -> T:
    """Return or raise what `call` does; `TimeoutError` when it is not done by `deadline_s`, on the monotonic clock.

    The call runs in a thread with the caller's context variables. After a timeout the thread continues, and its result
    is dropped.
    """
    returned: list[T] = []
    raised: list[BaseException] = []
    context = copy_context()

    def run() -> None:
        try:
            returned.append(context.run(call))
        except BaseException as error:  # noqa: BLE001 - the calling thread raises it again
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(max(deadline_s - time.monotonic(), 0))
    if raised:
        # Popped, so that error, frame and list form no cycle: it would keep alive what the frames hold.
        raise raised.pop()
    if not returned:
        raise TimeoutError("the call did not return in time")
    return returned[0]
