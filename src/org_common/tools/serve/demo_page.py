"""The page of a project's demo at `/demo/` of the local server: static files that call the project's public API.

Its Content-Security-Policy lets it load scripts and styles from this server only, and connect to this server and to the
fake of AWS, where presigned URLs lead.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from org_common.app import App
from org_common.tools.openapi.explorer import Application, Receive, Send, is_page_request, send_page

PATH = "/demo/"
INDEX = "index.html"
# What the page learns of the server, as JSON.
SERVER = "server.json"


class DemoPage:
    """ASGI middleware that serves the files of a folder at `/demo/`. Paths that an app serves itself take precedence.

    Files are read for each request, so a reload of the page shows your changes.
    """

    def __init__(
        self, application: Application, apps: Sequence[App], folder: Path, *, aws_url: str | None = None
    ) -> None:
        """`aws_url` is the endpoint of the fake of AWS; None if no queues and buckets run."""
        self._application = application
        self._apps = apps
        self._folder = folder
        self._has_queues = aws_url is not None
        targets = "'self'" if aws_url is None else f"'self' {aws_url}"
        self._policy = (
            f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src {targets}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve a file of the folder, or pass the request on."""
        path = scope.get("path", "")
        found = self._find(path.removeprefix(PATH) or INDEX) if path.startswith(PATH) else None
        if path == PATH.rstrip("/"):
            found = "text/html", b""
        if found is None or not is_page_request(scope, self._apps):
            await self._application(scope, receive, send)
        elif path.startswith(PATH):
            await send_page(send, *found, self._policy)
        else:
            await send_page(send, *found, self._policy, status=307, location=PATH)

    def _find(self, name: str) -> tuple[str, bytes] | None:
        """The media type and the content of a file; None if the page has no such file."""
        if name == SERVER:
            return "application/json", json.dumps({"queues": self._has_queues}).encode()
        # Only names from the folder's own list: a path with `..` is not one of them.
        file = next((each for each in self._folder.iterdir() if each.name == name and each.is_file()), None)
        if file is None:
            return None
        return mimetypes.guess_type(name)[0] or "application/octet-stream", file.read_bytes()
