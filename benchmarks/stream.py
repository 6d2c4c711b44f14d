"""Streams: memory for a large one and for many, the time until a hang-up is noticed, and the cost of an event."""

import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import harness

sys.path.insert(0, str(Path(__file__).parent.parent))

MEGABYTE = 1024 * 1024
LARGE_MB, CHUNK_BYTES = 200, 64 * 1024
STREAMS, HANG_UPS, EVENTS = 500, 20, 10_000
# More than a few chunks and the buffers of the server.
MEMORY_BUDGET_MB, HANG_UP_BUDGET_S = 16, 1
SOURCE = Path(__file__).parent.parent / "src"
FUNCTION = f"""
import threading
import time

from org_common import FUNCTION_URL, PUBLIC, App, Bearer, Event, Stream

app = App("streams", identity=Bearer(), events=(FUNCTION_URL,))
closed_at = []

@app.get("/large", allow=PUBLIC)
def large() -> Stream:
    return Stream((bytes({CHUNK_BYTES}) for _ in range({LARGE_MB * MEGABYTE // CHUNK_BYTES})), content_type="a/b")

@app.get("/events", allow=PUBLIC)
def events() -> Stream:
    return Stream(Event({{"delta": "word"}}) for _ in range({EVENTS}))

@app.get("/waits", allow=PUBLIC)
def waits() -> Stream:
    def items():
        try:
            yield Event("open")
            while True:
                time.sleep(0.1)
                yield None
        finally:
            closed_at.append(time.monotonic())
    return Stream(items())

@app.get("/process", allow=PUBLIC)
def process() -> dict[str, float]:
    with open("/proc/self/status") as status:
        values = dict(line.split(":", 1) for line in status)
    return {{"now": int(values["VmRSS"].split()[0]) / 1024, "peak": int(values["VmHWM"].split()[0]) / 1024,
            "threads": threading.active_count(), "closed_at": closed_at[-1] if closed_at else 0}}
"""
BARE = f"""
async def bare(scope, receive, send):
    await receive()
    await send({{"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}})
    for _ in range({EVENTS}):
        await send({{"type": "http.response.body", "body": b'data: {{"delta":"word"}}\\n\\n', "more_body": True}})
    await send({{"type": "http.response.body", "body": b""}})
"""
SERVE = """
import sys, uvicorn
from org_common.asgi import Asgi
served = bare if sys.argv[2] == "bare" else Asgi([app], database=None)
uvicorn.run(served, fd=int(sys.argv[1]), log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
"""

Ask = Callable[[str], Any]


@contextmanager
def server(which: str) -> Iterator[int]:
    """The port of a uvicorn in a process of its own."""
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        listener.set_inheritable(True)
        command = [sys.executable, "-c", FUNCTION + BARE + SERVE, str(listener.fileno()), which]
        process = subprocess.Popen(command, pass_fds=[listener.fileno()])
        try:
            yield listener.getsockname()[1]
        finally:
            process.terminate()
            process.wait()


def get(port: int, path: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    return connection.getresponse()


def over_asgi() -> None:
    with server("ours") as port:

        def process() -> dict[str, float]:
            found: dict[str, float] = json.loads(get(port, "/process").read())
            return found

        start = process()
        response = get(port, "/large")
        size = 0
        while chunk := response.read(MEGABYTE):
            size += len(chunk)
        memory("ASGI", size, start, process())

        before = process()
        open_ones = [get(port, "/waits") for _ in range(STREAMS)]
        for each in open_ones:
            each.readline()
        during = process()
        added = (during["now"] - before["now"]) * 1024 / STREAMS
        print(f"  ASGI: {STREAMS} open streams, {during['threads']:.0f} threads, {added:.0f} KB for each")
        for each in open_ones:
            each.close()
        hang_ups = []
        for _ in range(HANG_UPS):
            response = get(port, "/waits")
            response.readline()
            began = time.monotonic()
            response.close()
            while (closed_at := process()["closed_at"]) < began:
                pass
            hang_ups.append(closed_at - began)
        noticed("ASGI", hang_ups)


def over_the_runtime_api() -> None:
    from tempfile import TemporaryDirectory

    from org_common.tools.runtime.environment import Environment, Function
    from tests.support.recorded import recorded

    def event(path: str) -> Any:
        made = recorded("function_url")
        made["requestContext"]["http"] |= {"method": "GET", "path": path}
        return made | {"rawPath": path, "rawQueryString": "", "body": "", "isBase64Encoded": False}

    with TemporaryDirectory() as folder:
        Path(folder, "shop.py").write_text(FUNCTION)
        function = Function("shop.app", [Path(folder), SOURCE], program=("-m", "org_common.runtime"))
        with Environment(function) as environment:

            def chunks(path: str) -> tuple[Any, Iterator[bytes]]:
                invocation = environment.begin(event(path))
                invocation.streaming.wait(60)
                assert invocation.stream is not None
                return invocation.stream, invocation.stream.chunks()

            def process() -> dict[str, float]:
                found: dict[str, float] = json.loads(b"".join(chunks("/process")[1]))
                return found

            start = process()
            size = sum(len(chunk) for chunk in chunks("/large")[1])
            memory("Runtime API", size, start, process())
            hang_ups = []
            for _ in range(HANG_UPS):
                stream, body = chunks("/waits")
                next(body)
                began = time.monotonic()
                stream.hang_up()
                hang_ups.append(process()["closed_at"] - began)
            noticed("Runtime API", hang_ups)


def memory(where: str, size: int, before: dict[str, float], after: dict[str, float]) -> None:
    added = after["peak"] - before["now"]
    verdict = "within" if added <= MEMORY_BUDGET_MB else "OVER"
    print(f"  {where}: {size / MEGABYTE:.0f} MB streamed, {added:.1f} MB more in memory at the peak", end="   ")
    print(f"budget {MEMORY_BUDGET_MB} MB: {verdict}")


def noticed(where: str, hang_ups: list[float]) -> None:
    verdict = "within" if max(hang_ups) <= HANG_UP_BUDGET_S else "OVER"
    print(
        f"  {where}: hang-up noticed after {statistics.median(hang_ups):.3f} s, at most {max(hang_ups):.3f} s",
        end="   ",
    )
    print(f"budget {HANG_UP_BUDGET_S} s: {verdict}")


def child() -> None:
    """Time the events of one response, from both servers in turn."""
    with server("ours") as ours, server("bare") as bare:
        ports = {"an event of a Stream": ours, "an event of a bare ASGI application": bare}
        times = harness.blocks(
            {name: lambda port=port: get(port, "/events").read() for name, port in ports.items()},
            iterations=1,
            rounds=5,
        )
    print(json.dumps({name: [seconds / EVENTS for seconds in took] for name, took in times.items()}))


def main() -> None:
    print("\nStreams")
    over_asgi()
    over_the_runtime_api()
    runs = harness.in_fresh_processes(__file__, processes=2)
    harness.report("An event, from the iterator to the client", runs, [])


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(SOURCE))
    child() if "child" in sys.argv else main()
