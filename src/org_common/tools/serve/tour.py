"""A scripted visit to the local server over real HTTP: what was asked, what came back, and whether it was right."""

from __future__ import annotations

import http.client
import json
import os
import socket
import tempfile
import threading
from pathlib import Path
from typing import Any

from org_common.tools.project.modules import reporting_errors
from org_common.tools.project.project import Project, make_importable
from org_common.tools.serve import devserver
from org_common.tools.serve.issuer import LocalIssuer


class Visit:
    """One visitor's way through the server. Prints each step; `failed` counts those that were not as expected."""

    def __init__(self, port: int, issuer: LocalIssuer) -> None:
        self._port = port
        self._issuer = issuer
        self.steps = 0
        self.failed = 0

    def step(
        self,
        what: str,
        person: str | None,
        method: str,
        path: str,
        *,
        expect: int,
        body: object = None,
    ) -> Any:
        """Send one request as `person`, or without a token, and compare the status. Answers the JSON of the body."""
        headers = {} if person is None else {"Authorization": f"Bearer {self._issuer.token(person)}"}
        sent = None
        if body is not None:
            sent = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request(method, path, sent, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        self.steps += 1
        right = answer.status == expect
        self.failed += not right
        print(f"{'ok  ' if right else 'FAIL'} {answer.status} {method} {path} as {person or 'nobody'}: {what}")
        if not right:
            print(f"     expected {expect}, got {content.decode(errors='replace')[:500]}")
        return json.loads(content) if content else None


def check(project: Project, data: Path | None, *, reset_logins: bool = False) -> bool:
    """Start everything on a free port, take the project's tour, stop everything. True when all was as expected.

    Without a data folder it uses a new one and removes it.
    """
    if data is not None:
        return _check(project, data.absolute(), reset_logins)
    with tempfile.TemporaryDirectory() as folder:
        # Where this runs as root the server does not, and must reach its data.
        Path(folder).chmod(0o711)
        return _check(project, Path(folder), reset_logins)


def _check(project: Project, data: Path, reset_logins: bool) -> bool:
    import uvicorn

    make_importable(project)
    module = devserver.demo(project)
    with devserver.database(project, data, reset_logins=reset_logins) as local:
        os.environ |= devserver.environment(local, data)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            # From here on a request waits for the server instead of being refused.
            listener.listen()
            port = listener.getsockname()[1]
            server = uvicorn.Server(uvicorn.Config(devserver.application(), log_level="warning"))
            thread = threading.Thread(target=server.run, args=([listener],))
            thread.start()
            try:
                visit = Visit(port, LocalIssuer.load(data))
                if module is not None and hasattr(module, "tour"):
                    with reporting_errors(f"tour() of {module.__name__}"):
                        module.tour(visit)
                else:
                    visit.step("the server answers", None, "GET", "/no/such/route", expect=404)
            finally:
                server.should_exit = True
                thread.join()
    print(f"{visit.steps - visit.failed} of {visit.steps} steps as expected")
    return visit.failed == 0
