"""The page of the local server, over ASGI; in a browser: test_explorer_browser.py."""

import asyncio
import hashlib
import json
from typing import Any

import pytest

from org_common import PUBLIC, App
from org_common.tools.openapi.explorer import FOLDER, Explorer
from tests.org_common.tools.openapi import shop

# Of swagger-ui-dist 5.35.0, as npm has them.
DIGESTS = {
    "swagger-ui-bundle.js": "e6a898692f2d768e807c3ba4626068a69a2c5dd960dd6c76f3e4d3a3de180af2",
    "swagger-ui.css": "5ed08757e53da3e026d6cbecc61fe5d43585c9560b302d534ad56692519a273d",
}


async def beneath(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def get(path: str, *apps: App, method: str = "GET", host: str = "127.0.0.1:8000") -> tuple[int, dict[str, str], bytes]:
    explorer = Explorer(beneath, apps or [shop.app], title="Shop", tokens=lambda: {"ann": "a.b.c"})
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    scope = {"type": "http", "method": method, "path": path, "headers": [(b"host", host.encode())]}
    asyncio.run(explorer(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, sent[1]["body"]


def test_document_is_served() -> None:
    status, headers, body = get("/openapi.json")

    assert (status, headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert json.loads(body)["info"] == {"title": "Shop", "version": "0"}


@pytest.mark.parametrize("path", ["/docs", "/docs/start.js", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"])
def test_page_may_ask_this_server_only(path: str) -> None:
    status, headers, _ = get(path)

    assert status == 200
    assert headers["content-type"].endswith("; charset=utf-8")
    assert "default-src 'none'; script-src 'self'" in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]


def test_people_may_be_signed_in_as() -> None:
    assert json.loads(get("/docs/tokens.json")[2]) == {"ann": "a.b.c"}


def test_page_of_another_name_gets_no_tokens() -> None:
    assert get("/docs/tokens.json", host="evil.test")[0] == 299


@pytest.mark.parametrize(("method", "path"), [("GET", "/orgs"), ("POST", "/docs"), ("GET", "/docs/secret")])
def test_all_else_is_the_apps(method: str, path: str) -> None:
    assert get(path, method=method)[0] == 299


def test_path_that_an_app_serves_is_the_apps() -> None:
    app = App("docs")
    app.get("/docs", allow=PUBLIC)(lambda: None)

    assert get("/docs", app)[0] == 299
    assert get("/openapi.json", app)[0] == 200


def test_document_that_cannot_be_made_reports_why() -> None:
    one, other = App("one"), App("other")
    for app in (one, other):
        app.get("/a", allow=PUBLIC)(lambda: None)

    status, _, body = get("/openapi.json", one, other)

    assert (status, body) == (500, b"GET /a is declared by one and by other: remove one of them\n")


@pytest.mark.parametrize("name", DIGESTS)
def test_vendored_file_is_unchanged(name: str) -> None:
    assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == DIGESTS[name]


def test_licence_is_beside_them() -> None:
    assert {"LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt"} <= {each.name for each in FOLDER.iterdir()}
