"""Each thread and task sees the request that it works for, and no other."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from org_common.telemetry.invocation import Invocation, current
from org_common.telemetry.trace_context import Trace


def made(name: str) -> Invocation:
    return Invocation({"request_id": name}, Trace("0" * 31 + "1"))


def test_outside_of_a_request_there_is_none() -> None:
    assert current.get() is None


def test_threads_see_their_own() -> None:
    together = threading.Barrier(8)

    def work(name: str) -> list[object]:
        token = current.set(made(name))
        try:
            together.wait()
            found = current.get()
            assert found is not None
            together.wait()
            return [found.fields["request_id"], name]
        finally:
            current.reset(token)

    with ThreadPoolExecutor(8) as pool:
        for seen, own in pool.map(work, map(str, range(8))):
            assert seen == own


def test_thread_of_a_task_sees_the_task_s() -> None:
    async def request(name: str) -> object:
        current.set(made(name))
        await asyncio.sleep(0)
        found = await asyncio.to_thread(current.get)
        assert found is not None
        return found.fields["request_id"]

    async def both() -> list[object]:
        return list(await asyncio.gather(request("a"), request("b")))

    assert asyncio.run(both()) == ["a", "b"]
    assert current.get() is None
