"""`org-common dev --check`: runs the demo's scripted tour against the local server, over real HTTP."""

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
    """Sends the requests of a tour and prints each step. `steps` counts them, `failed` those with another status."""

    def __init__(self, port: int, issuer: LocalIssuer) -> None:
        self._port = port
        self._issuer = issuer
        self.steps: int = 0
        self.failed: int = 0

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
        """Send a request as `person`, or without a token for None, and compare the status with `expect`.

        `what` describes the step in the output. `body` is sent as JSON. Returns the JSON of the response, None without
        content.
        """
        headers = {} if person is None else {"Authorization": f"Bearer {self._issuer.token(person)}"}
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            received = response.read()
        finally:
            connection.close()
        self.steps += 1
        passed = response.status == expect
        self.failed += not passed
        print(f"{'ok  ' if passed else 'FAIL'} {response.status} {method} {path} as {person or 'anonymous'}: {what}")
        if not passed:
            print(f"     expected {expect}, got {received.decode(errors='replace')[:500]}")
        return json.loads(received) if received else None


def check(project: Project, data: Path | None, *, reset_logins: bool = False) -> bool:
    """Start the server on a free port, run the project's tour, and stop the server.

    True if every step passed and `org-common db guard` finds no violation.

    Without a data folder it uses a temporary one.
    """
    if data is not None:
        return _check(project, data.absolute(), reset_logins)
    with tempfile.TemporaryDirectory() as folder:
        # When this runs as root, PostgreSQL runs as another user that must be able to enter the folder.
        Path(folder).chmod(0o711)
        return _check(project, Path(folder), reset_logins)


def _check(project: Project, data: Path, reset_logins: bool) -> bool:
    import uvicorn

    make_importable(project)
    module = devserver.demo(project)
    with devserver.database(project, data, reset_logins=reset_logins) as local:
        os.environ |= devserver.environment(local, data)
        is_secure = devserver.check_security(local.login_url)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            # From here on, a request waits for the server instead of being refused.
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
                    visit.step("the server responds", None, "GET", "/no/such/route", expect=404)
            finally:
                server.should_exit = True
                thread.join()
    print(f"{visit.steps - visit.failed} of {visit.steps} steps as expected")
    return visit.failed == 0 and is_secure
