"""The demo's page in a real Chromium, as two organizations, with queues, buckets and real documents."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect, sync_playwright

from cora_modules import demo
from cora_modules.demo_documents import pdf
from cora_modules.kb import storage
from org_common.tools.database.local import LocalDatabase, clone, drop
from org_common.tools.project import apps
from org_common.tools.project.project import Project
from org_common.tools.serve import devserver
from tests.cora_modules.ai.protocols.server import serve
from tests.cora_modules.chat.model_server import gated, says
from tests.support.served import ROOT, Served, served

CHROMIUM = shutil.which("chromium") or ""
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
PATIENCE_MS = 30_000
QUESTION = "When does the countdown start?"
COUNTDOWN: FilePayload = {
    "name": "countdown.md",
    "mimeType": "text/markdown",
    # Positions count code points: the rocket is two units of JavaScript's strings.
    "buffer": "# Launch 🚀\n\nThe countdown starts seven hours before the launch. <b>Stay</b> away.\n".encode(),
}
ENGINE: FilePayload = {"name": "engine.pdf", "mimeType": "application/pdf", "buffer": pdf("The engine burns kerosene.")}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.db,
    pytest.mark.skipif(not CHROMIUM, reason="needs the program chromium"),
]


@pytest.fixture
def local(database_template: LocalDatabase) -> Iterator[LocalDatabase]:
    made = clone(database_template, "demo_page")
    yield made
    drop(made)


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


@pytest.fixture
def aws_url(local: LocalDatabase, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a fake of AWS, which is in the environment as `org-common dev` has it."""
    with ExitStack() as stack:
        aws = devserver.start_aws(apps.load(Project.find(ROOT)), stack, demo)
        for name, value in {**devserver.environment(local, folder), **aws}.items():
            monkeypatch.setenv(name, value)
        storage.client.cache_clear()
        stack.callback(storage.client.cache_clear)
        yield aws[devserver.AWS_VARIABLE]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(PATIENCE_MS)
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield made
        made.close()


class Tab:
    """The page, with what it requests and what the browser complains about."""

    def __init__(self, browser: Browser, server: Served) -> None:
        self.page: Page = browser.new_context().new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.urls: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.urls.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        # Violations of the Content-Security-Policy are errors of the console.
        self.page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        self.page.goto(f"{server.url}/demo/")

    def sign_in(self, person: str, org: str) -> None:
        self.page.get_by_role("combobox", name="Person").select_option(person)
        expect(self.page.get_by_role("combobox", name="Organization").locator("option:checked")).to_have_text(org)
        expect(self.page.get_by_role("combobox", name="Workspace").locator("option")).not_to_have_count(0)

    def create_base(self, name: str) -> None:
        self.page.get_by_label("Name of a new knowledge base").fill(name)
        self.page.keyboard.press("Enter")
        chosen = self.page.get_by_role("combobox", name="Knowledge base").locator("option:checked")
        expect(chosen).to_have_text(name)

    def upload(self, file: FilePayload) -> None:
        self.page.get_by_label("File (PDF, Word, HTML, Markdown or text)").set_input_files(file)
        self.page.get_by_role("button", name="Upload").click()
        row = self.page.get_by_role("row").filter(has_text=file["name"])
        expect(row.get_by_role("cell").first).to_have_text("indexed")

    def ask(self, question: str) -> Locator:
        """Send a question; returns the answer, which may still arrive."""
        messages = self.page.get_by_role("article")
        before = messages.count()
        self.page.get_by_label("Question").fill(question)
        self.page.keyboard.press("Enter")
        expect(messages).to_have_count(before + 2)
        return messages.last

    def open_source(self, answer: Locator, name: str) -> Locator:
        """Open the first citation with the keyboard; returns the dialog."""
        answer.get_by_role("button", name=name).first.focus()
        self.page.keyboard.press("Enter")
        return self.page.get_by_role("dialog")


def hosts(tab: Tab) -> set[str]:
    return {urlsplit(url).netloc for url in tab.urls if not url.startswith("data:")}


def test_two_organizations_ask_their_own_documents(
    local: LocalDatabase, folder: Path, aws_url: str, browser: Browser
) -> None:
    with served(local, folder) as server:
        alice = Tab(browser, server)
        alice.sign_in("alice", "Acme")
        alice.create_base("Launches")
        alice.upload(COUNTDOWN)
        answer = alice.ask(QUESTION)
        expect(answer).to_contain_text("The countdown starts seven hours before the launch.")
        passage = alice.open_source(answer, "Source [1] countdown.md")
        expect(passage.get_by_role("heading")).to_have_text("[1] countdown.md")
        expect(passage.locator("mark")).to_contain_text("The countdown starts seven hours")
        read = next(url for url in alice.urls if "/text?" in url)
        alice.page.keyboard.press("Escape")
        expect(passage).to_be_hidden()

        alice.upload(ENGINE)
        passage = alice.open_source(alice.ask("What does the engine burn?"), "Source [1] engine.pdf, page 1")
        expect(passage).to_contain_text("box 50, 777.8 to 187, 788.8 points")

        bob = Tab(browser, server)
        bob.sign_in("bob", "Globex")
        bob.create_base("Pumps")
        expect(bob.ask(QUESTION)).to_contain_text("No passage was found.")
        assert "countdown starts" not in bob.page.content()
        stolen = bob.page.request.get(read, headers={"Authorization": f"Bearer {server.issuer.token('bob')}"})

        assert stolen.status == 404
        assert hosts(alice) == {urlsplit(server.url).netloc, urlsplit(aws_url).netloc}
        assert hosts(bob) == {urlsplit(server.url).netloc}
        assert alice.complaints + bob.complaints == []


def test_answer_is_shown_as_it_arrives_and_can_be_stopped(local: LocalDatabase, folder: Path, browser: Browser) -> None:
    parts, answer = gated(["Seven "], ["hours. See ", "[", "1]."])
    with served(local, folder) as server, serve() as model:
        use_model(local, model.url)
        tab = Tab(browser, server)
        tab.sign_in("alice", "Acme")
        tab.create_base("Launches")

        model.answers = [answer]
        arriving = tab.ask(QUESTION).locator(".text")
        expect(arriving).to_have_text("Seven ")
        expect(arriving).to_have_attribute("aria-busy", "true")
        parts.rest.set()
        # Without a passage of this number it remains text.
        expect(arriving).to_have_text("Seven hours. See [1].")
        expect(arriving).to_have_attribute("aria-busy", "false")

        model.answers = [says("Sev", end="silence")]
        expect(tab.ask(QUESTION).locator(".text")).to_have_text("Sev")
        tab.page.get_by_role("button", name="Stop").click()
        expect(tab.page.get_by_role("button", name="Ask")).to_be_enabled()
        expect(tab.page.get_by_role("status")).to_have_text("Stopped.")
        assert tab.complaints == []


def use_model(local: LocalDatabase, url: str) -> None:
    """Let Acme use a chat model of an OpenAI-compatible server."""
    with psycopg.connect(local.admin_url) as admin:
        row = admin.execute(
            "insert into ai.ai_providers (name, kind, base_url) values ('remote', 'openai', %s) returning id", [url]
        ).fetchone()
        assert row is not None
        model = admin.execute(
            "insert into ai.ai_models (provider_id, model_id, kind, status) "
            "values (%s, 'large', 'chat', 'available') returning id",
            row,
        ).fetchone()
        assert model is not None
        admin.execute("insert into ai.ai_config_org (org_id, chat_model_id) values (%s, %s)", [demo.ACME, *model])


def test_page_says_that_documents_need_queues(local: LocalDatabase, folder: Path, browser: Browser) -> None:
    with served(local, folder) as server:
        tab = Tab(browser, server)
        tab.sign_in("alice", "Acme")
        tab.create_base("Launches")

        expect(tab.page.get_by_text("Documents need queues, which do not run")).to_be_visible()
        expect(tab.page.get_by_role("button", name="Upload")).to_be_hidden()
        assert tab.complaints == []
