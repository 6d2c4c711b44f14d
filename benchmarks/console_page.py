"""What 10,000 requests in the list of the console take in Chromium.

`python benchmarks/console_page.py` prints long tasks (more than 50 ms, as PerformanceObserver reports them), the heap
and the rows in the document: while the list arrives, while it is scrolled from end to end, while 500 new requests
arrive, and while it is filtered. It needs the program chromium.
"""

from __future__ import annotations

import copy
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from playwright.sync_api import Page, sync_playwright

from cora_modules import demo
from cora_modules.access.orgs import app
from org_common.testing.client import ISSUER, Client
from org_common.tools.database.local import provision
from org_common.tools.database.migrations import load
from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.tools.openapi.explorer import Application
from org_common.tools.project.project import Project, make_importable
from org_common.tools.serve.console.capture import Capture
from org_common.tools.serve.console.console import Console
from org_common.tools.serve.console.recorder import SIZE, Recorder

ROOT = Path(__file__).parents[1]
LIVE = 500
FLAGS = ["--no-sandbox", "--disable-gpu", "--enable-precise-memory-info", "--js-flags=--expose-gc"]
WATCH = """
window.tasks = [];
new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((each) => each.duration)))
  .observe({ type: "longtask", buffered: true });
"""
SCROLL = """async () => {
  const frames = [], list = document.getElementById("list"), end = list.scrollHeight;
  let last = performance.now();
  for (let at = 0; at <= 120; at += 1) {
    list.scrollTop = end * at / 120;
    await new Promise(requestAnimationFrame);
    frames.push(performance.now() - last);
    last = performance.now();
  }
  return frames.sort((one, other) => one - other)[Math.floor(frames.length * .95)];
}"""
HEAP = "() => { gc(); return performance.memory.usedJSHeapSize / 2 ** 20 }"


async def beneath(scope: dict[str, object], receive: object, send: object) -> None:
    """No application: the console alone is asked."""
    raise AssertionError(scope)


@contextmanager
def served(application: Application) -> Iterator[str]:
    """The URL of the application on a free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(application, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def captured() -> Capture:
    """A real request with its statements."""
    project = Project.find(ROOT)
    make_importable(project)
    recorder = Recorder()
    with tempfile.TemporaryDirectory() as folder:
        # PostgreSQL runs as another user when this runs as root.
        Path(folder).chmod(0o711)
        with EmbeddedPostgres.start(Path(folder), extensions=project.extensions) as server:
            migrations = load(project.migrations, root=project.root)
            local = provision(server.url, "console", migrations, extensions=project.extensions)
            demo.seed(local.admin_url, ISSUER)
            with local.serve(app), recorder.recording():
                assert Client(app, person="alice").get("/orgs").status == 200
    found = recorder.find(recorder.since(0)[0].id)
    assert found is not None
    return found


def report(page: Page, what: str, extra: str = "") -> None:
    """Print the long tasks since the last report, and what the page holds."""
    page.wait_for_timeout(300)
    tasks = page.evaluate("() => window.tasks.splice(0)")
    longest = f", longest {max(tasks):.0f} ms" if tasks else ""
    rows, heap = page.locator("#rows > div").count(), page.evaluate(HEAP)
    print(f"{what}: {len(tasks)} long tasks{longest}, {rows} rows in the document, heap {heap:.1f} MiB{extra}")


def main() -> None:
    """Print a line for each phase."""
    one, recorder = captured(), Recorder()
    for _ in range(SIZE):
        recorder.add(copy.copy(one))
    with served(Console(beneath, [app], recorder)) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1360, "height": 900})
        page.add_init_script(WATCH)
        page.goto(f"{url}/console")
        page.get_by_text(f"{SIZE} requests", exact=True).wait_for()
        report(page, f"{SIZE} requests arrive")
        p95_ms = page.evaluate(SCROLL)
        report(page, "scrolled from end to end", f", 95 % of frames within {p95_ms:.0f} ms")
        for _ in range(LIVE):
            recorder.add(copy.copy(one))
        page.wait_for_function("(last) => lastId === last", arg=recorder.since(0)[-1].id)
        report(page, f"{LIVE} new requests")
        page.locator("#filter").press_sequentially("nothing")
        report(page, "filtered")
        browser.close()


if __name__ == "__main__":
    main()
