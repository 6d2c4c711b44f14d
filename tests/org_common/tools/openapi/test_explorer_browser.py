"""The explorer in a real Chromium: it shows all operations, sends requests, and contacts no other origin."""

import json
import shutil
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, sync_playwright

from org_common.tools.database.local import LocalDatabase, clone, drop
from tests.support.served import Served, served

CHROMIUM = shutil.which("chromium") or ""
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.db,
    pytest.mark.skipif(not CHROMIUM, reason="needs the program chromium"),
]


@pytest.fixture(scope="module")
def server(database_template: LocalDatabase) -> Iterator[Served]:
    local = clone(database_template, "explorer")
    with tempfile.TemporaryDirectory() as folder, served(local, Path(folder)) as made:
        yield made
    drop(local)


@pytest.fixture(scope="module")
def context() -> Iterator[BrowserContext]:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        made = playwright.chromium.launch_persistent_context(folder, executable_path=CHROMIUM, args=FLAGS)
        try:
            yield made
        finally:
            made.close()


class Seen:
    """What a page asked for, and what it complained about."""

    def __init__(self, page: Page) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)


@pytest.fixture
def page(context: BrowserContext, server: Served) -> Iterator[tuple[Page, Seen]]:
    made = context.new_page()
    seen = Seen(made)
    made.goto(f"{server.url}/docs")
    made.wait_for_selector("#people button")
    yield made, seen
    made.close()


def operations(server: Served) -> set[str]:
    with urllib.request.urlopen(f"{server.url}/openapi.json") as answer:
        paths = json.load(answer)["paths"]
    return {each["operationId"] for methods in paths.values() for each in methods.values()}


def test_all_operations_are_shown(page: tuple[Page, Seen], server: Served) -> None:
    shown = page[0].locator(".opblock").evaluate_all("blocks => blocks.map(each => each.id)")

    wanted = operations(server)
    assert len(shown) == len(wanted)
    assert all(any(each.endswith(f"-{name}") for each in shown) for name in wanted)


def test_operations_open_without_requests_to_other_origins(page: tuple[Page, Seen], server: Served) -> None:
    tab, seen = page

    for name in ("listOrgs", "createOrg", "updateOrg"):
        block = tab.locator(f".opblock[id$=accessOrgs_{name}]")
        block.locator(".opblock-summary-control").click()
        block.locator(".opblock-body").wait_for()
    tab.wait_for_load_state("networkidle")

    asked = {urlsplit(url).netloc for url in seen.requests if not url.startswith("data:")}
    assert asked == {urlsplit(server.url).netloc}
    assert seen.complaints == []


def test_route_can_be_tried_as_one_of_the_people(page: tuple[Page, Seen]) -> None:
    tab, _ = page
    tab.locator("#people button", has_text="alice").click()
    block = tab.locator(".opblock[id$=accessOrgs_listOrgs]")
    block.locator(".opblock-summary-control").click()

    block.locator("button.execute").click()

    answer = block.locator(".live-responses-table .response")
    assert answer.locator(".response-col_status").inner_text().startswith("200")
    assert "Acme" in answer.locator(".highlight-code").inner_text()
