"""`org-common dev --check`: runs the demo's scripted tour against the local server, over real HTTP."""

from __future__ import annotations

import http.client
import json
import os
import socket
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from org_common.tools.project.apps import load as load_apps
from org_common.tools.project.modules import reporting_errors
from org_common.tools.project.project import Project, make_importable
from org_common.tools.serve import demo_module, devserver
from org_common.tools.serve.issuer import LocalIssuer

# How long a worker may take, on a busy machine.
WAIT_S, PAUSE_S = 120.0, 0.2


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
        status, received = self._send(person, method, path, body)
        self._report(f"{status} {method} {path} as {person or 'anonymous'}: {what}", passed=status == expect)
        if status != expect:
            print(f"     expected {expect}, got {received.decode(errors='replace')[:500]}")
        return json.loads(received) if received else None

    def upload(self, what: str, upload: dict[str, Any], content: bytes) -> None:
        """Send a file to a presigned URL: `upload` has its method, url and headers."""
        url = urlsplit(upload["url"])
        connection = http.client.HTTPConnection(url.netloc, timeout=30)
        try:
            connection.request(upload["method"], f"{url.path}?{url.query}", content, upload["headers"])
            status = connection.getresponse().status
        finally:
            connection.close()
        self._report(f"{status} {upload['method']} {url.path}: {what}", passed=status == 200)

    def wait(self, what: str, person: str, path: str, *, key: str, until: str) -> None:
        """Read a resource until its `key` is `until`, or "failed"; at most two minutes."""
        deadline_s = time.monotonic() + WAIT_S
        value = None
        while value not in (until, "failed") and time.monotonic() < deadline_s:
            time.sleep(PAUSE_S if value is not None else 0)
            value = json.loads(self._send(person, "GET", path, None)[1]).get(key)
        self._report(f"GET {path} as {person}: {what}", passed=value == until)
        if value != until:
            print(f"     expected {key} {until!r}, got {value!r}")

    def stream(self, what: str, person: str, path: str, *, body: object) -> list[tuple[str, Any]]:
        """Send a request and return the events of the response: their names and data. The last one must be `done`."""
        status, received = self._send(person, "POST", path, body)
        events = read_events(received) if status == 200 else []
        passed = bool(events) and events[-1][0] == "done"
        self._report(f"{status} POST {path} as {person}: {what}, {len(events)} events", passed=passed)
        if not passed:
            print(f"     got {received.decode(errors='replace')[:500]}")
        return events

    def check(self, what: str, *, passed: bool) -> None:
        """Report something else that must be so."""
        self._report(f"        {what}", passed=passed)

    def _report(self, line: str, *, passed: bool) -> None:
        self.steps += 1
        self.failed += not passed
        print(f"{'ok  ' if passed else 'FAIL'} {line}")

    def _send(self, person: str | None, method: str, path: str, body: object) -> tuple[int, bytes]:
        headers = {} if person is None else {"Authorization": f"Bearer {self._issuer.token(person)}"}
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def read_events(body: bytes) -> list[tuple[str, Any]]:
    """The names and data of server-sent events, as the SDK writes JSON: in one line."""
    blocks = [dict(line.split(b": ", 1) for line in block.splitlines()) for block in body.split(b"\n\n") if block]
    return [(block[b"event"].decode(), json.loads(block[b"data"])) for block in blocks if b"data" in block]


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
    module = demo_module.find(project)
    with devserver.database(project, data, reset_logins=reset_logins) as local, ExitStack() as stack:
        aws = devserver.start_aws(load_apps(project), stack, module)
        os.environ |= devserver.environment(local, data) | aws
        stack.callback(devserver.stop_queues)
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
                        if aws and hasattr(module, "tour_with_files"):
                            module.tour_with_files(visit)
                else:
                    visit.step("the server responds", None, "GET", "/no/such/route", expect=404)
            finally:
                server.should_exit = True
                thread.join()
    print(f"{visit.steps - visit.failed} of {visit.steps} steps as expected")
    return visit.failed == 0 and is_secure
