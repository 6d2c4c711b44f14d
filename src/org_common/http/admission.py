"""`Admission`: how many requests run at once in a server, with a share for each caller and a bounded queue."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import TypeVar, cast

from org_common.values.errors import Unavailable

T = TypeVar("T")
THREADS = 20
WAITING = 1000
# Of all bodies that are in memory.
BODY_BYTES = 256 * 1024 * 1024


class Share:
    """What a request counts toward: a caller, a tenant. `fraction` is the part of the threads that it may take."""

    __slots__ = ("fraction", "key")

    def __init__(self, key: object, fraction: float) -> None:
        self.key: object = key
        self.fraction: float = fraction


class _Waiting:
    __slots__ = ("admitted", "shares")

    def __init__(self, shares: Sequence[Share], admitted: asyncio.Future[None]) -> None:
        self.shares = shares
        self.admitted = admitted


class Quota:
    """A limited number of something, such as bytes or streams, with a share for each caller."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: Counter[object] = Counter()

    def take(self, count: int, shares: Sequence[Share]) -> None:
        """Take that many. Raises `Unavailable` beyond the limit or a share of it."""
        keys = [None, *[share.key for share in shares]]
        limits = [self._limit, *[int(self._limit * share.fraction) for share in shares]]
        if any(self._taken[key] + count > limit for key, limit in zip(keys, limits, strict=True)):
            raise Unavailable
        self._taken.update(dict.fromkeys(keys, count))

    def give_back(self, count: int, shares: Sequence[Share]) -> None:
        """Give back what was taken."""
        _subtract(self._taken, [None, *[share.key for share in shares]], count)


class Admission:
    """Runs functions in threads. Used from one event loop at a time.

    A request beyond a share waits, while requests of others that came later run. Who has filled its part of the queue
    is refused, and so is everyone when the queue is full.
    """

    def __init__(self, threads: int = THREADS, waiting: int = WAITING, body_bytes: int = BODY_BYTES) -> None:
        """`threads` run at once, `waiting` requests queue. `body_bytes` limits the bodies in memory."""
        self._threads = threads
        self._waiting = waiting
        self._executor: ThreadPoolExecutor | None = None
        self._running: Counter[object] = Counter()
        self._busy = 0
        self._queue: list[_Waiting] = []
        self._queued: Counter[object] = Counter()
        self._bodies = Quota(body_bytes)

    async def run(self, function: Callable[[], T], shares: Sequence[Share], *, deadline_s: float) -> T:
        """Run the function in a thread when its shares allow. Raises `Unavailable` when it cannot run in time."""
        await self._admitted(shares, deadline_s)
        loop = asyncio.get_running_loop()
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self._threads, thread_name_prefix="org-common")
        finished: asyncio.Future[T] = loop.create_future()
        finish = partial(self._finish, finished, shares)
        # The place is given back by the thread and not by the task: one that is cancelled leaves its thread running.
        self._executor.submit(contextvars.copy_context().run, _work, function, finish, loop)
        return await finished

    def _finish(
        self, finished: asyncio.Future[T], shares: Sequence[Share], result: T | None, error: BaseException | None
    ) -> None:
        self._release(shares)
        if finished.cancelled():
            return
        if error is None:
            finished.set_result(cast("T", result))
        else:
            finished.set_exception(error)

    @contextmanager
    def body(self, size: int, shares: Sequence[Share]) -> Iterator[None]:
        """Reserve memory for a body until the block ends. Raises `Unavailable` beyond a share of it."""
        if size == 0:
            yield
            return
        self._bodies.take(size, shares)
        try:
            yield
        finally:
            self._bodies.give_back(size, shares)

    def close(self) -> None:
        """Let the running functions end. A later `run` begins anew."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False)

    async def _admitted(self, shares: Sequence[Share], deadline_s: float) -> None:
        if self._may_run(shares):
            self._take(shares)
            return
        if len(self._queue) >= self._waiting or any(self._has_queued_enough(share) for share in shares):
            raise Unavailable
        waiting = _Waiting(shares, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._queued.update(share.key for share in shares)
        try:
            async with asyncio.timeout(max(deadline_s - time.monotonic(), 0)):
                await waiting.admitted
        except BaseException as error:
            if waiting in self._queue:
                self._leave(waiting)
            else:
                # Admitted at the moment at which it gave up.
                self._release(shares)
            if isinstance(error, TimeoutError):
                raise Unavailable from None
            raise

    def _may_run(self, shares: Sequence[Share]) -> bool:
        return self._busy < self._threads and all(
            self._running[share.key] < max(1, int(self._threads * share.fraction)) for share in shares
        )

    def _has_queued_enough(self, share: Share) -> bool:
        return self._queued[share.key] >= max(1, int(self._waiting * share.fraction))

    def _leave(self, waiting: _Waiting) -> None:
        self._queue.remove(waiting)
        _subtract(self._queued, [share.key for share in waiting.shares], 1)

    def _take(self, shares: Sequence[Share]) -> None:
        self._busy += 1
        for share in shares:
            self._running[share.key] += 1

    def _release(self, shares: Sequence[Share]) -> None:
        self._busy -= 1
        _subtract(self._running, [share.key for share in shares], 1)
        for waiting in [*self._queue]:
            if self._busy >= self._threads:
                break
            if self._may_run(waiting.shares) and not waiting.admitted.done():
                self._leave(waiting)
                self._take(waiting.shares)
                waiting.admitted.set_result(None)


def _work(
    function: Callable[[], T],
    finish: Callable[[T | None, BaseException | None], None],
    loop: asyncio.AbstractEventLoop,
) -> None:
    """Run the function, and hand over its result or its error.

    One message to the loop returns both the result and the place: each is a system call that lets go of the GIL. The
    executor's own futures would need two.
    """
    # A loop that was closed has no one who waits.
    with suppress(RuntimeError):
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001 - raised where it is awaited
            loop.call_soon_threadsafe(finish, None, error)
        else:
            loop.call_soon_threadsafe(finish, result, None)


def _subtract(counter: Counter[object], keys: Sequence[object], count: int) -> None:
    """Without a trace of those who are gone."""
    for key in keys:
        counter[key] -= count
        if counter[key] <= 0:
            del counter[key]
