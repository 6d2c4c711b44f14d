"""docs/guides/typed-clients.md: its files and commands, in Node.js, in Python, and its page in a browser."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.docs.console import blocks, commands, environment, free_port, matches, run, serving
from tests.support import node

ROOT = Path(__file__).parents[2]
SHOWN = blocks(ROOT / "docs" / "guides" / "typed-clients.md")
CHROMIUM = shutil.which("chromium") or ""
PAGE = """
from pathlib import Path

PAGE = Path(__file__).parent / "web" / "page"
"""

pytestmark = pytest.mark.db


@pytest.fixture(scope="module")
def web() -> Iterator[Path]:
    """The page's folder in the notes example, with its files. Not pytest's own: PostgreSQL must reach the project."""
    with tempfile.TemporaryDirectory(prefix="typed-clients-") as made:
        Path(made).chmod(0o711)
        project = shutil.copytree(ROOT / "examples" / "notes", Path(made, "notes"))
        with (project / "demo.py").open("a") as demo:
            demo.write(PAGE)
        folder = project / "web"
        (folder / "page").mkdir(parents=True)
        for block in SHOWN:
            if block.title:
                (folder / block.title).write_text(block.text)
        node.install(folder)
        yield folder


@pytest.fixture(scope="module")
def url(web: Path) -> Iterator[str]:
    """The running server."""
    port = free_port()
    with serving(
        f"org-common dev --no-reload --port {port}", web.parent, f"…Uvicorn running on http://127.0.0.1:{port}…"
    ):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def written(web: Path, url: str) -> list[tuple[str, str, str]]:
    """Each command that was run, with what it printed and what the page shows."""
    path = {"PATH": os.pathsep.join([str(node.programs(web)), environment()["PATH"]])}
    done = []
    for block in SHOWN:
        if block.language == "console" and block.is_run:
            shown = commands(block.text.replace("http://127.0.0.1:8000", url))
            printed = run(shown, web, path)
            done += [(command.text, text, command.output) for command, text in zip(shown, printed, strict=True)]
    return done


def test_commands_print_what_the_page_shows(written: list[tuple[str, str, str]]) -> None:
    assert len(written) == 7
    assert [(command, printed) for command, printed, shown in written if not matches(printed, shown)] == []


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="needs the program chromium")
def test_page_lists_the_notes(written: list[tuple[str, str, str]], url: str) -> None:
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(folder, executable_path=CHROMIUM, args=flags)
        page = context.new_page()
        page.goto(f"{url}/demo/")
        page.locator("li").nth(2).wait_for()

        assert page.locator("li").all_inner_texts() == ["Pay the rent", "Call Bob", "Buy milk"]
        context.close()
