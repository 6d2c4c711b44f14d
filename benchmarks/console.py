"""What the recorder of the console adds to a request of `org-common dev`.

`python benchmarks/console.py` prints medians of warm requests and their ratio, with no page open, and while the stream
of an open page sends each request. Without HTTP, so the ratio is an upper bound for what a browser
sees.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from cora_modules import demo
from cora_modules.access.orgs import app
from org_common.telemetry.requests import observe
from org_common.testing.client import ISSUER, Client
from org_common.tools.database.local import provision
from org_common.tools.database.migrations import load
from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.tools.project.project import Project, make_importable
from org_common.tools.serve.console.console import EVENTS, Console
from org_common.tools.serve.console.recorder import Recorder

ROOT = Path(__file__).parents[1]
BUDGET = 1.05
BLOCKS, REQUESTS, WARM_UP = 60, 20, 4
PAGE_BLOCKS, PAGE_REQUESTS = 20, 300


@contextmanager
def reading(recorder: Recorder) -> Iterator[None]:
    """Stream each new request to a page, in the thread of an event loop."""
    is_open = threading.Event()
    loop, gone = asyncio.new_event_loop(), asyncio.Event()

    async def receive() -> dict[str, object]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        is_open.set()

    headers = [(b"host", b"127.0.0.1")]
    after = recorder.since(0, 10**6)[-1:]
    query = b"after=%d" % (after[0].id if after else 0)
    scope = {"type": "http", "method": "GET", "path": EVENTS, "headers": headers, "query_string": query}
    page = threading.Thread(
        target=lambda: loop.run_until_complete(Console(beneath, [app], recorder)(scope, receive, send))
    )
    page.start()
    is_open.wait()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(gone.set)
        page.join()
        loop.close()


async def beneath(scope: dict[str, object], receive: object, send: object) -> None:
    """No application: the console alone is asked."""
    raise AssertionError(scope)


def measure(client: Client, path: str, *, has_page: bool) -> tuple[float, float, float]:
    """Milliseconds without and with the recorder, and the median ratio of neighbouring blocks.

    A page is sent what has gathered ten times a second, so a block with one is longer, and its mean counts.
    """
    recorder = Recorder()
    blocks: list[float] = []
    of_block = statistics.fmean if has_page else statistics.median
    for block in range(2 * (PAGE_BLOCKS if has_page else BLOCKS)):
        with (
            recorder.recording() if block % 2 else nullcontext(),
            reading(recorder) if has_page and block % 2 else nullcontext(),
        ):
            times: list[float] = []
            for _ in range(PAGE_REQUESTS if has_page else REQUESTS):
                began_s = time.perf_counter()
                assert client.get(path).status == 200
                times.append((time.perf_counter() - began_s) * 1000)
        blocks.append(of_block(times))
    without, recorded = blocks[WARM_UP::2], blocks[WARM_UP + 1 :: 2]
    ratio = statistics.median(b / a for a, b in zip(without, recorded, strict=True))
    return statistics.median(without), statistics.median(recorded), ratio


def main() -> None:
    """Print two lines."""
    project = Project.find(ROOT)
    make_importable(project)
    # As `org-common dev` does.
    observe("text")
    with tempfile.TemporaryDirectory() as folder:
        # PostgreSQL runs as another user when this runs as root.
        Path(folder).chmod(0o711)
        with EmbeddedPostgres.start(Path(folder), extensions=project.extensions) as server:
            migrations = load(project.migrations, root=project.root)
            local = provision(server.url, "console", migrations, extensions=project.extensions)
            demo.seed(local.admin_url, ISSUER)
            with local.serve(app):
                for what, has_page in (("no page", False), ("a page is open", True)):
                    without, recorded, ratio = measure(Client(app, person="alice"), "/orgs", has_page=has_page)
                    times = f"{without:.3f} ms, recorded {recorded:.3f} ms"
                    print(f"GET /orgs, {what}: {times}, ratio {ratio:.3f} (budget {BUDGET})")


if __name__ == "__main__":
    main()
