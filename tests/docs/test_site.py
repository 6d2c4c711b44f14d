"""The documentation site: it builds without a warning, needs no other host, and its search finds the field's terms."""

import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, sync_playwright

import org_common
import org_common.testing

ROOT = Path(__file__).parents[2]
API = ROOT / "docs" / "reference" / "api"
CHROMIUM = shutil.which("chromium") or ""

needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="needs the program chromium")

# What a reader types, and the pages that explain it. One of them is among the first three hits.
TERMS = {
    "authentication": {"guides/authentication"},
    "authorization": {"guides/authorization"},
    "pagination": {"guides/pagination"},
    "optimistic concurrency": {"guides/responses", "guides/requests"},
    "conditional request": {"guides/responses", "guides/requests"},
    "connection pool": {"guides/database", "operations/database"},
    "dependency injection": {"guides/requests", "guides/routing"},
    "backoff": {"guides/transactions", "guides/database"},
    "idempotency": {"guides/transactions"},
    "environment variable": {"reference/settings"},
    "middleware": {"guides/middleware"},
    "CORS": {"guides/responses", "guides/middleware"},
    "rate": {"guides/rate-limits"},
    "webhook": {"guides/webhooks"},
    "upload": {"guides/uploads"},
    "soft delete": {"guides/soft-delete"},
    "audit": {"guides/audit-trail"},
    "feature flag": {"guides/feature-flags"},
    "replica": {"guides/read-replica"},
    "typescript": {"guides/typed-clients"},
    "debugging": {"guides/debugging"},
    "django": {"guides/coming-from"},
}


@pytest.fixture(scope="module")
def site() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
        # Ruff, which breaks the lines of signatures, is next to this Python.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {**os.environ, "PATH": path, "NO_MKDOCS_2_WARNING": "1"}
        built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert built.returncode == 0, built.stderr
        yield Path(folder)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def url(site: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def context() -> Iterator[BrowserContext]:
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        started = playwright.chromium.launch_persistent_context(folder, executable_path=CHROMIUM, args=flags)
        try:
            yield started
        finally:
            started.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    opened = context.new_page()
    yield opened
    opened.close()


def test_each_public_name_has_one_place_in_the_reference() -> None:
    documented = [
        name for page in API.glob("*.md") for name in re.findall(r"^::: ([\w.]+)$", page.read_text(), re.MULTILINE)
    ]

    public = [f"{module.__name__}.{name}" for module in (org_common, org_common.testing) for name in module.__all__]
    assert sorted(documented) == sorted(public)


def test_each_public_name_can_be_linked_to(site: Path) -> None:
    anchors = set()
    for page in (site / "reference" / "api").rglob("index.html"):
        anchors |= set(re.findall(r'id="(org_common[\w.]*)"', page.read_text()))

    assert {f"org_common.{name}" for name in org_common.__all__} <= anchors


def test_each_change_is_in_the_changelog(site: Path) -> None:
    text = (site / "changelog" / "index.html").read_text()

    fragments = [path for path in (ROOT / "changelog").glob("*.md") if path.name != "README.md"]
    headings = {path.suffixes[0][1:].capitalize() for path in fragments}
    assert re.findall(r"<h3[^>]*>(\w+)", text) == [
        name for name in ("Added", "Changed", "Fixed", "Removed") if name in headings
    ]
    assert text.partition("<article")[2].partition("</article>")[0].count("<li>") == len(fragments)


def test_hooks_are_not_published(site: Path) -> None:
    assert not list(site.rglob("*_hooks*"))


def test_invisible_parts_of_snippets_are_not_published(site: Path) -> None:
    assert [page for page in site.rglob("*.html") if "invisible-code-block" in page.read_text()] == []
    assert "invisible-code-block" not in (site / "search" / "search_index.json").read_text()


@pytest.mark.browser
@needs_chromium
def test_pages_ask_no_other_host(site: Path, page: Page, url: str) -> None:
    requests: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)

    for file in sorted(site.rglob("index.html")):
        page.goto(url + file.parent.relative_to(site).as_posix())
        page.wait_for_load_state("networkidle")

    assert {urlsplit(request).netloc for request in requests if not request.startswith("data:")} == {
        urlsplit(url).netloc
    }
    assert errors == []


@pytest.mark.browser
@needs_chromium
@pytest.mark.parametrize("term", TERMS)
def test_search_finds(term: str, page: Page, url: str) -> None:
    page.goto(url)
    # The search reads its field at each key, and a moment after the focus: `fill` presses no key, so a slow browser may
    # read the field before it has a text, and never again.
    page.locator("input[data-md-component=search-query]").press_sequentially(term)
    page.locator(".md-search-result__meta").filter(has_text=re.compile(r"(\d|No) matching")).wait_for(timeout=120_000)
    hits = page.locator("li.md-search-result__item > a:first-child")

    found = [urlsplit(str(hit)).path.strip("/") for hit in hits.evaluate_all("hits => hits.map(hit => hit.href)")]

    good = [position for position, path in enumerate(found[:3]) if path in TERMS[term]]
    assert good, found[:5]
    hits.nth(good[0]).click()
    page.wait_for_url(lambda address: urlsplit(address).path.strip("/") == found[good[0]])
    assert page.locator("article h1").is_visible()
