"""The console in a real Chromium: a request appears live, its statements open, and the keyboard is enough."""

import shutil
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from org_common.tools.database.local import LocalDatabase, clone, drop
from tests.support.served import Served, served

CHROMIUM = shutil.which("chromium") or ""
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
PATIENCE_MS = 30_000

pytestmark = [
    pytest.mark.browser,
    pytest.mark.db,
    pytest.mark.skipif(not CHROMIUM, reason="needs the program chromium"),
]


@pytest.fixture(scope="module")
def server(database_template: LocalDatabase) -> Iterator[Served]:
    local = clone(database_template, "console")
    with tempfile.TemporaryDirectory() as folder, served(local, Path(folder)) as made:
        yield made
    drop(local)


@pytest.fixture(scope="module")
def browser(server: Served) -> Iterator[Browser]:
    """Closed before the server, which waits for open streams."""
    expect.set_options(PATIENCE_MS)
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield made
        made.close()


class Tab:
    """The console, with what it requests and what the browser complains about."""

    def __init__(self, browser: Browser, server: Served, scheme: Literal["dark", "light"] = "light") -> None:
        self.page: Page = browser.new_context(color_scheme=scheme).new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.hosts: set[str] = set()
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        # Violations of the Content-Security-Policy are errors of the console.
        self.page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        self.page.goto(f"{server.url}/console")
        expect(self.page.get_by_role("status")).to_have_text("Live")
        self.list = self.page.get_by_role("listbox", name="Requests, newest first")
        self.rows = self.list.get_by_role("option")
        self.detail = self.page.get_by_role("main")


@pytest.fixture
def tab(browser: Browser, server: Served) -> Iterator[Tab]:
    made = Tab(browser, server)
    yield made
    made.page.context.close()


def ask(server: Served, path: str, person: str | None = "alice") -> int:
    headers = {} if person is None else {"Authorization": f"Bearer {server.issuer.token(person)}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{server.url}{path}", headers=headers)) as answer:
            return int(answer.status)
    except HTTPError as error:
        error.close()
        return error.code


def test_request_appears_live_and_opens_by_keyboard(tab: Tab, server: Served) -> None:
    before = tab.rows.count()
    assert ask(server, "/orgs") == 200
    expect(tab.rows).to_have_count(before + 1)
    assert ask(server, "/orgs", person=None) == 401
    expect(tab.rows).to_have_count(before + 2)
    expect(tab.rows.first).to_contain_text("401 GET /orgs")
    expect(tab.list).to_be_focused()

    tab.page.keyboard.press("ArrowDown")
    expect(tab.detail).to_contain_text("denied: 401")
    tab.page.keyboard.press("ArrowDown")
    expect(tab.rows.nth(1)).to_have_attribute("aria-selected", "true")
    expect(tab.list.get_by_role("option", selected=True)).to_contain_text("200 GET /orgs as alice")
    tab.page.keyboard.press("Enter")

    expect(tab.detail).to_be_focused()
    expect(tab.page.get_by_role("main", name="GET /orgs")).to_be_visible()
    expect(tab.detail).to_contain_text("SIGNED_IN")
    expect(tab.detail.locator(".trip > div > pre").first).to_contain_text("access.orgs")
    tab.detail.locator("summary").first.click()
    expect(tab.detail.locator("details pre").first).to_be_visible()

    tab.page.keyboard.press("Escape")
    expect(tab.list).to_be_focused()
    tab.page.keyboard.press("ArrowUp")
    expect(tab.rows.first).to_have_attribute("aria-selected", "true")
    assert (tab.hosts, tab.complaints) == ({urlsplit(server.url).netloc}, [])


def test_earlier_requests_are_listed_and_open_by_click(browser: Browser, server: Served) -> None:
    ask(server, "/earlier")
    tab = Tab(browser, server)
    try:
        tab.rows.first.click()

        expect(tab.page.get_by_role("heading", name="GET without a route")).to_be_visible()
    finally:
        tab.page.context.close()


def test_colors_follow_the_system(browser: Browser, server: Served) -> None:
    brightness: list[int] = []
    schemes: list[Literal["dark", "light"]] = ["dark", "light"]
    for scheme in schemes:
        tab = Tab(browser, server, scheme)
        color = tab.page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        brightness.append(sum(color))
        tab.page.context.close()

    dark, light = brightness
    assert dark < 200
    assert light > 700
