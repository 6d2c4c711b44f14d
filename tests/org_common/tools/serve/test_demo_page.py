"""The page of the demo, over ASGI; in a browser: tests/cora_modules/test_demo_page_browser.py."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from org_common import PUBLIC, App
from org_common.tools.serve.demo_page import DemoPage
from tests.org_common.tools.openapi import shop

AWS_URL = "http://127.0.0.1:5000"


async def beneath(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    page = tmp_path / "page"
    (page / "inner").mkdir(parents=True)
    (page / "index.html").write_text("<!doctype html><title>Prüfung</title>", encoding="utf-8")
    (page / "chat.js").write_text("start();")
    (page / "inner" / "deep.js").touch()
    (tmp_path / "secret.txt").touch()
    return page


def get(
    folder: Path, path: str, *apps: App, method: str = "GET", host: str = "127.0.0.1:8000", aws_url: str | None = None
) -> tuple[int, dict[str, str], bytes]:
    page = DemoPage(beneath, apps or [shop.app], folder, aws_url=aws_url)
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    scope = {"type": "http", "method": method, "path": path, "headers": [(b"host", host.encode())]}
    asyncio.run(page(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, sent[1]["body"]


@pytest.mark.parametrize("path", ["/demo/", "/demo/index.html"])
def test_index_is_served(folder: Path, path: str) -> None:
    status, headers, body = get(folder, path)

    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert body.decode() == "<!doctype html><title>Prüfung</title>"


def test_script_has_a_type_that_browsers_run(folder: Path) -> None:
    headers = get(folder, "/demo/chat.js")[1]

    assert headers["content-type"].partition(";")[0] in ("text/javascript", "application/javascript")
    assert headers["x-content-type-options"] == "nosniff"


def test_path_without_slash_leads_to_the_page(folder: Path) -> None:
    status, headers, _ = get(folder, "/demo")

    assert (status, headers["location"]) == (307, "/demo/")


def test_changed_file_is_served(folder: Path) -> None:
    get(folder, "/demo/chat.js")

    (folder / "chat.js").write_text("changed();")

    assert get(folder, "/demo/chat.js")[2] == b"changed();"


@pytest.mark.parametrize(
    "path",
    [
        "/demo/../secret.txt",
        "/demo/..",
        "/demo/inner",
        "/demo/inner/deep.js",
        "/demo//chat.js",
        "/demochat.js",
        "/demo/missing.js",
        "/orgs",
    ],
)
def test_only_files_of_the_folder_are_served(folder: Path, path: str) -> None:
    assert get(folder, path)[0] == 299


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8000"])
def test_page_is_for_this_machine_only(folder: Path, host: str) -> None:
    assert get(folder, "/demo/", host=host)[0] == 299


def test_other_methods_are_passed_on(folder: Path) -> None:
    assert get(folder, "/demo/", method="POST")[0] == 299


def test_path_of_an_app_takes_precedence(folder: Path) -> None:
    app = App("demo")

    @app.get("/demo/chat.js", allow=PUBLIC)
    def show() -> None:
        return None

    assert get(folder, "/demo/chat.js", app)[0] == 299


@pytest.mark.parametrize(("aws_url", "targets"), [(None, "'self'"), (AWS_URL, f"'self' {AWS_URL}")])
def test_page_may_connect_to_this_server_and_the_fake_of_aws_only(
    folder: Path, aws_url: str | None, targets: str
) -> None:
    policy = get(folder, "/demo/", aws_url=aws_url)[1]["content-security-policy"]

    directives = dict(directive.split(" ", 1) for directive in policy.split("; "))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == "'self'"
    assert directives["connect-src"] == targets


@pytest.mark.parametrize(("aws_url", "queues"), [(None, False), (AWS_URL, True)])
def test_page_learns_whether_queues_run(folder: Path, aws_url: str | None, queues: bool) -> None:
    assert json.loads(get(folder, "/demo/server.json", aws_url=aws_url)[2]) == {"queues": queues}
