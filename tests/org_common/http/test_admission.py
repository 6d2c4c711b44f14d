"""Requests run at once up to a limit; slow ones of a caller leave threads to others, and each waits a limited time."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from functools import partial
from threading import Barrier, Event, Lock
from typing import Any

import pytest

from org_common.http.admission import Admission, Quota, Share
from org_common.values.errors import Unavailable


def share(name: str, fraction: float = 0.25) -> list[Share]:
    return [Share(name, fraction)]


def later(seconds: float = 20) -> float:
    return time.monotonic() + seconds


def run(main: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(main, 30))


def test_caller_s_slow_requests_leave_threads_to_others() -> None:
    admission, release = Admission(threads=8, waiting=100), Event()

    async def main() -> None:
        slow = [asyncio.create_task(admission.run(release.wait, share("slow"), deadline_s=later())) for _ in range(20)]
        await asyncio.sleep(0)
        others = [admission.run(lambda: 1, share(f"other {at}"), deadline_s=later()) for at in range(50)]
        assert await asyncio.gather(*others) == [1] * 50
        assert not any(task.done() for task in slow)
        release.set()
        assert await asyncio.gather(*slow) == [True] * 20

    run(main())


def test_never_more_than_the_limits_run_at_once() -> None:
    admission, lock = Admission(threads=8, waiting=1000), Lock()
    running: Counter[str] = Counter()
    most: Counter[str] = Counter()

    def work(*keys: str) -> None:
        with lock:
            running.update([*keys, "all"])
            for key in running:
                most[key] = max(most[key], running[key])
        time.sleep(0.001)
        with lock:
            running.subtract([*keys, "all"])

    async def main() -> None:
        def shares(at: int) -> list[Share]:
            return [Share(f"caller {at % 3}", 0.25), Share(f"tenant {at % 2}", 0.5)]

        def function(at: int) -> Callable[[], None]:
            return partial(work, *[str(each.key) for each in shares(at)])

        await asyncio.gather(*[admission.run(function(at), shares(at), deadline_s=later()) for at in range(200)])

    run(main())

    assert most["all"] <= 8
    assert max(most[f"caller {at}"] for at in range(3)) == 2
    assert max(most[f"tenant {at}"] for at in range(2)) <= 4


def test_full_queue_refuses_at_once() -> None:
    admission, release = Admission(threads=1, waiting=4), Event()

    async def main() -> None:
        tasks = [
            asyncio.create_task(admission.run(release.wait, share(str(at)), deadline_s=later())) for at in range(10)
        ]
        _, pending = await asyncio.wait(tasks, timeout=0.1)
        assert len(pending) == 5
        release.set()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(each) for each in done].count(Unavailable) == 5

    run(main())


def test_caller_fills_only_its_part_of_the_queue() -> None:
    admission, release = Admission(threads=4, waiting=8), Event()

    async def main() -> None:
        greedy = [
            asyncio.create_task(admission.run(release.wait, share("greedy"), deadline_s=later())) for _ in range(10)
        ]
        await asyncio.wait(greedy, timeout=0.1)
        assert sum(task.done() for task in greedy) == 10 - 1 - 2
        assert await admission.run(lambda: "other", share("other"), deadline_s=later()) == "other"
        release.set()
        await asyncio.gather(*greedy, return_exceptions=True)

    run(main())


def test_who_waits_gives_up_at_the_deadline_and_takes_nothing_along() -> None:
    admission, release = Admission(threads=1, waiting=10), Event()

    async def main() -> None:
        first = asyncio.create_task(admission.run(release.wait, share("a"), deadline_s=later()))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await admission.run(lambda: 1, share("b"), deadline_s=later(0.05))
        cancelled = asyncio.create_task(admission.run(lambda: 1, share("b"), deadline_s=later()))
        await asyncio.sleep(0)
        cancelled.cancel()
        release.set()
        assert await first
        assert await admission.run(lambda: 2, share("b"), deadline_s=later()) == 2

    run(main())


def test_thread_of_a_cancelled_task_counts_until_it_ends() -> None:
    admission, started, release = Admission(threads=1, waiting=10), Event(), Event()

    def work() -> None:
        started.set()
        release.wait(20)

    async def main() -> None:
        task = asyncio.create_task(admission.run(work, share("a"), deadline_s=later()))
        await asyncio.to_thread(started.wait, 10)
        task.cancel()
        await asyncio.wait([task])
        with pytest.raises(Unavailable):
            await admission.run(lambda: 1, share("b"), deadline_s=later(0.05))
        release.set()
        assert await admission.run(lambda: 2, share("b"), deadline_s=later()) == 2

    run(main())


def test_error_of_the_function_is_raised_and_frees_its_thread() -> None:
    admission = Admission(threads=1, waiting=1)

    def fail() -> None:
        raise ValueError("a")

    async def main() -> None:
        for _ in range(3):
            with pytest.raises(ValueError, match="a"):
                await admission.run(fail, share("a"), deadline_s=later())

    run(main())


def test_bodies_in_memory_are_bounded_for_each_and_for_all() -> None:
    admission = Admission(body_bytes=100)

    with admission.body(25, share("a")):
        with pytest.raises(Unavailable), admission.body(1, share("a")):
            pass
        with admission.body(75, share("b", 1.0)), pytest.raises(Unavailable), admission.body(1, share("c")):
            pass
    with admission.body(25, share("a")):
        pass


def test_all_threads_are_used() -> None:
    admission, together = Admission(threads=6, waiting=0), Barrier(6, timeout=10)

    async def main() -> None:
        await asyncio.gather(*[admission.run(together.wait, share(str(at)), deadline_s=later()) for at in range(6)])

    run(main())


def test_after_closing_it_begins_anew() -> None:
    admission = Admission()

    async def main() -> None:
        assert await admission.run(lambda: 1, share("a"), deadline_s=later()) == 1
        admission.close()
        assert await admission.run(lambda: 2, share("a"), deadline_s=later()) == 2
        admission.close()

    run(main())


def test_quota_has_a_limit_and_shares_of_it() -> None:
    quota = Quota(4)
    both = [*share("alice", 0.5), *share("acme", 0.75)]

    quota.take(1, both)
    quota.take(1, both)
    with pytest.raises(Unavailable):
        quota.take(1, both)
    quota.take(1, [*share("bob", 0.5), *share("acme", 0.75)])
    with pytest.raises(Unavailable):
        quota.take(1, [*share("bob", 0.5), *share("acme", 0.75)])
    quota.take(1, share("carol", 0.5))
    with pytest.raises(Unavailable):
        quota.take(1, share("dave", 1))

    quota.give_back(1, both)
    quota.take(1, both)


def test_each_run_sends_the_loop_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each message is a system call that lets go of the GIL."""
    sent = list[object]()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        send = loop.call_soon_threadsafe

        def counted(callback: Callable[..., object], *arguments: Any) -> asyncio.Handle:
            sent.append(callback)
            return send(callback, *arguments)

        monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
        assert await Admission().run(lambda: 1, share("one"), deadline_s=later()) == 1

    run(main())
    assert len(sent) == 1
