"""The API explorer of the local server at `/docs`: Swagger UI with the OpenAPI document.

The files in `swagger_ui` are those of the npm package swagger-ui-dist, unchanged (Apache-2.0, with LICENSE and NOTICE).
The page loads nothing from other origins: its Content-Security-Policy forbids it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from org_common.app import App
from org_common.tools.openapi.document import document, dump
from org_common.tools.project.project import ToolError

FOLDER = Path(__file__).with_name("swagger_ui")
SWAGGER_UI_VERSION = "5.35.0"

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

# Without the charset, Chromium rejects the bundle: "Invalid or unexpected token".
_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<style>#people { font: 14px sans-serif; margin: 12px auto; max-width: 1420px; padding: 0 20px }</style>
<div id="people"></div>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</html>
"""
_START = """\
const people = document.getElementById("people");

function signIn(name, token) {
  for (const scheme of Object.keys(ui.spec().toJS().json.components.securitySchemes)) {
    ui.preauthorizeApiKey(scheme, token);
  }
  people.dataset.name = name;
  for (const button of people.querySelectorAll("button")) {
    button.disabled = button.textContent === name;
  }
}

async function offerPeople() {
  const tokens = await (await fetch("/docs/tokens.json")).json();
  people.textContent = Object.keys(tokens).length ? "Sign in as " : "";
  for (const [name, token] of Object.entries(tokens)) {
    const button = document.createElement("button");
    button.textContent = name;
    button.onclick = () => signIn(name, token);
    people.append(button, " ");
  }
}

window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  onComplete: offerPeople,
  showExtensions: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
"""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


# Protects the tokens from DNS rebinding: requests for another host name are passed on to the apps.
_HOSTS = ("127.0.0.1", "localhost")


class Explorer:
    """ASGI middleware that serves the explorer. Paths that an app serves itself take precedence.

    `tokens` returns a token for each user that the page offers to sign in as.
    """

    def __init__(
        self,
        application: Application,
        apps: Sequence[App],
        *,
        title: str,
        version: str = "0",
        tokens: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._application = application
        self._apps = apps
        self._title = title
        self._version = version
        self._pages: dict[str, Callable[[], tuple[str, str]]] = {
            "/openapi.json": lambda: ("application/json", self._document()),
            "/docs": lambda: ("text/html", _PAGE),
            "/docs/tokens.json": lambda: ("application/json", json.dumps(dict(tokens()))),
            "/docs/start.js": lambda: ("text/javascript", _START),
            "/docs/swagger-ui.css": lambda: ("text/css", _file("swagger-ui.css")),
            "/docs/swagger-ui-bundle.js": lambda: ("text/javascript", _file("swagger-ui-bundle.js")),
        }

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        render = self._pages.get(scope.get("path", ""))
        if render is None or not is_page_request(scope, self._apps):
            await self._application(scope, receive, send)
            return
        status = 200
        try:
            media_type, text = render()
        except ToolError as error:
            status, media_type, text = 500, "text/plain", f"{error}\n"
        await send_page(send, media_type, text.encode(), _POLICY, status=status)

    def _document(self) -> str:
        return dump(document(self._apps, title=self._title, version=self._version))


def is_page_request(scope: dict[str, Any], apps: Sequence[App], *, method: str = "GET") -> bool:
    """Whether a request has this method, is of this machine, and for a path that no app serves itself."""
    if scope["type"] != "http" or scope["method"] != method:
        return False
    return _host(scope) in _HOSTS and not any(app.pipeline.table.knows(scope["path"]) for app in apps)


async def send_page(
    send: Send, media_type: str, content: bytes, policy: str, *, status: int = 200, location: str | None = None
) -> None:
    """Send a file of a page; `policy` is its Content-Security-Policy, `location` that of a redirect."""
    headers = {
        "content-type": f"{media_type}; charset=utf-8",
        "content-length": str(len(content)),
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "cache-control": "no-cache",
    }
    if location is not None:
        headers["location"] = location
    lines = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": content})


def _host(scope: dict[str, Any]) -> str:
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    return str(host.decode("latin-1").partition(":")[0])


def _file(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
