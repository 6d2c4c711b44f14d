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

from cora_modules import demo
from org_common.config.settings_reader import ALLOW_PLAIN
from org_common.db import service
from org_common.tools.database.local import LocalDatabase, clone, drop
from tests.support.served import Served, served

CHROMIUM = shutil.which("chromium") or ""
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
PATIENCE_MS = 30_000
MEMBERS = f"/orgs/{demo.ACME}/members"
# What the stream would bring, 10,000 times. The page keeps the newest.
MANY = """() => {
  const record = JSON.parse(items[items.length - 1].data);
  for (let at = 1; at <= 10000; at += 1) {
    take(JSON.stringify({ ...record, id: record.id + at, path: `/many/${at % 90}`, person: "carol" }));
  }
}"""

# Requests reach the page, and its list only with `release()`.
HOLD = """() => {
  const held = [], real = take;
  take = (data) => held.push(data);
  window.release = () => { take = real; held.forEach(real); };
}"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.db,
    pytest.mark.skipif(not CHROMIUM, reason="needs the program chromium"),
]


@pytest.fixture(scope="module")
def server(database_template: LocalDatabase) -> Iterator[Served]:
    local = clone(database_template, "console")
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        # For schedules, which use the environment's settings.
        patch.setenv("ORG_COMMON_SERVICE_DATABASE_URL", local.service_url)
        patch.setenv(ALLOW_PLAIN, "1")
        with served(local, Path(folder)) as made:
            yield made
        service.use(None)
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


def ask(server: Served, path: str, person: str | None = "alice", body: bytes | None = None) -> int:
    headers = {} if person is None else {"Authorization": f"Bearer {server.issuer.token(person)}"}
    headers |= {} if body is None else {"Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{server.url}{path}", body, headers)) as answer:
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


def test_statement_is_explained_and_compared_by_click(tab: Tab, server: Served) -> None:
    ask(server, MEMBERS)
    tab.rows.filter(has_text="members as alice").first.click()
    statement = tab.detail.locator(".trip > .statement").first

    statement.get_by_role("button", name="Explain").click()

    result = statement.get_by_role("region", name="Result")
    expect(result).to_contain_text("Plan as authenticated, not executed")
    expect(result.get_by_role("row", name="members_read select permissive")).to_contain_text("access.org_ids()")
    expect(result).not_to_contain_text(str(demo.ACME))

    statement.get_by_role("button", name="Who else sees these rows?").click()

    expect(result.get_by_role("row", name="carol allowed 2 2")).to_be_visible()
    expect(result.get_by_role("row", name="bob denied: 404 0 0")).to_be_visible()
    assert tab.complaints == []


def test_request_is_asked_again_as_another_person(tab: Tab, server: Served) -> None:
    ask(server, MEMBERS)
    tab.rows.filter(has_text="members as alice").first.click()

    tab.detail.get_by_role("button", name="bob").click()

    result = tab.detail.get_by_role("region", name="Both responses")
    expect(result).to_contain_text("The responses differ.")
    expect(result.locator(".sides > div").nth(0)).to_contain_text("This request, alice200allowed2 database rows2 items")
    expect(result.locator(".sides > div").nth(1)).to_contain_text("Now, bob404denied: 4040 database rows")
    expect(result.locator(".new")).not_to_have_count(0)

    result.get_by_role("button", name="Open the new request").click()

    expect(tab.list.get_by_role("option", selected=True)).to_contain_text("as bob")
    tab.detail.get_by_role("button", name="bob").click()
    expect(tab.detail.get_by_role("region", name="Both responses")).to_contain_text("Now, bob")


def test_new_request_opens_when_it_arrives_and_under_a_filter(tab: Tab, server: Served) -> None:
    ask(server, MEMBERS)
    tab.rows.filter(has_text="members as alice").first.click()
    tab.page.keyboard.press("/")
    tab.page.keyboard.type("members as alice")
    tab.page.evaluate(HOLD)
    tab.detail.get_by_role("button", name="bob").click()

    tab.detail.get_by_role("button", name="Open the new request").click()
    tab.page.evaluate("() => release()")

    expect(tab.list.get_by_role("option", selected=True)).to_contain_text("as bob")
    expect(tab.page.get_by_role("searchbox")).to_have_value("")
    assert tab.complaints == []


def test_write_is_asked_again_after_a_confirmation(tab: Tab, server: Served) -> None:
    assert ask(server, "/orgs", body=b'{"name": "Initech", "slug": "initech"}') == 201
    expect(tab.rows.first).to_contain_text("201 POST /orgs")
    before = tab.page.locator("#total").text_content()
    tab.rows.first.click()

    tab.detail.get_by_role("button", name="bob").click()
    dialog = tab.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Send POST /orgs again as bob?")
    tab.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(tab.page.locator("#total")).to_have_text(before or "")

    tab.detail.get_by_role("button", name="bob").click()
    dialog.get_by_role("button", name="Send it").click()

    expect(tab.detail.get_by_role("region", name="Both responses")).to_contain_text("Now, bob409")


def test_list_holds_ten_thousand_requests_in_few_rows(tab: Tab, server: Served) -> None:
    ask(server, "/orgs")
    # The copies are of the newest request.
    expect(tab.rows.first).to_contain_text("200 GET /orgs")
    tab.rows.first.click()
    tab.page.evaluate(MANY)

    expect(tab.page.locator("#total")).to_have_text("10000 requests")
    assert tab.rows.count() < 60
    tab.list.focus()
    tab.page.keyboard.press("End")
    expect(tab.list.get_by_role("option", selected=True)).to_have_attribute("aria-posinset", "10000")
    tab.page.keyboard.press("PageUp")
    tab.page.keyboard.press("Home")
    expect(tab.list.get_by_role("option", selected=True)).to_have_attribute("aria-posinset", "1")
    assert tab.rows.count() < 60

    tab.page.keyboard.press("/")
    tab.page.keyboard.type("/many/77 as carol")
    expect(tab.page.locator("#total")).to_have_text("111 of 10000")
    expect(tab.rows.first).to_contain_text("GET /many/77")
    assert tab.complaints == []


def test_panels_show_mail_and_run_schedules(tab: Tab, server: Served) -> None:
    tab.page.get_by_role("button", name="Secrets").click()
    expect(tab.page.get_by_role("heading", name="Secrets")).to_be_visible()
    for name in ("Outbox", "Queues", "Caches"):
        tab.page.get_by_role("button", name=name).click()
        expect(tab.page.get_by_role("heading", name=name, level=2)).to_be_visible()
        expect(tab.page.locator("#panel > .bad")).to_have_count(0)

    tab.page.get_by_role("button", name="Mail").click()
    expect(tab.page.get_by_text("No mail.")).to_be_visible()
    assert ask(server, f"/orgs/{demo.ACME}/invites", body=b'{"email": "erin@example.com"}') == 201
    expect(tab.page.get_by_role("article")).to_contain_text("To erin@example.com")

    tab.page.get_by_role("button", name="Schedules").click()
    tab.page.get_by_role("button", name="Run purge_workspaces now").click()
    expect(tab.page.get_by_role("row", name="purge_workspaces")).to_contain_text("succeeded in")
    assert tab.complaints == []


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
