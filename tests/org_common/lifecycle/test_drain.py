"""A server that is told to stop: a process of uvicorn, SIGTERM, and clients that lose nothing."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from random import choice
from typing import IO, Any

import pytest

from org_common.tools.database.local import LocalDatabase

pytestmark = pytest.mark.db

ROOT = Path(__file__).parents[3]
IN_FLIGHT = 200
# Longer than a balancer takes that checks every 20 ms, on a machine that has other things to do.
DRAIN_S = 2.0


class Container:
    """A process that serves on a port."""

    def __init__(self, database: LocalDatabase, wait_s: float) -> None:
        # Not a pipe, which would block the process when it is full.
        self.log: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process
        with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
            self.port: int = listener.getsockname()[1]
            environment = {**os.environ, "ORG_COMMON_DATABASE_URL": database.login_url, "WAIT_S": str(wait_s)}
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.org_common.lifecycle.container", str(listener.fileno())],
                cwd=ROOT,
                env=environment,
                pass_fds=[listener.fileno()],
                stdout=self.log,
            )

    def get(self, path: str) -> tuple[int, str, str]:
        """Status, body and the header Connection, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode(), response.headers.get("connection", "")
        finally:
            connection.close()

    def is_ready(self) -> bool:
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False


@contextmanager
def container(database: LocalDatabase, wait_s: float = 0.0) -> Iterator[Container]:
    made = Container(database, wait_s)
    try:
        # The port is open already: the first check waits until the application has started.
        assert made.get("/readyz")[0] == 200
        yield made
    finally:
        made.process.kill()
        made.process.wait()
        made.log.close()


def eventually(holds: Any, within_s: float = 60.0) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.01)
    return False


def test_process_is_live_and_ready_until_it_drains(database: LocalDatabase) -> None:
    with container(database, wait_s=60) as made:
        before = [made.get(path)[:2] for path in ("/livez", "/readyz", "/read")]
        made.process.send_signal(signal.SIGTERM)
        assert eventually(lambda: not made.is_ready())
        after = [made.get(path) for path in ("/livez", "/readyz", "/read")]

    assert before == [(200, "ok"), (200, "ok"), (200, '"anon"')]
    assert after == [(200, "ok", "close"), (503, "draining", "close"), (200, '"anon"', "close")]


def test_each_request_is_logged_and_no_health_check(database: LocalDatabase) -> None:
    with container(database) as made:
        made.get("/read")
        made.process.send_signal(signal.SIGTERM)
        made.process.wait(60)
        made.log.seek(0)
        logged = [json.loads(line) for line in made.log]

    assert [line.get("route") for line in logged] == ["GET /read"]


@pytest.mark.parametrize("wait_s", [0.0, 0.5])
def test_requests_in_flight_are_answered(database: LocalDatabase, wait_s: float) -> None:
    with container(database, wait_s) as made, ThreadPoolExecutor(IN_FLIGHT) as clients:
        sent = [clients.submit(made.get, "/slow") for _ in range(IN_FLIGHT)]
        assert eventually(lambda: made.get("/arrived")[1] == str(IN_FLIGHT))
        done_before = sum(each.done() for each in sent)
        made.process.send_signal(signal.SIGTERM)
        responses = [each.result()[:2] for each in sent]
        code = made.process.wait(60)

    assert responses == [(200, str(made.process.pid))] * IN_FLIGHT
    assert done_before < IN_FLIGHT
    # uvicorn ends by the signal that it got, also after a clean stop.
    assert code == -signal.SIGTERM


class Balancer:
    """Sends each request to the next process that was ready at the last check, on connections that are kept."""

    def __init__(self, targets: list[Container]) -> None:
        self.targets = targets
        self.ready = list(targets)
        self.ended = threading.Event()
        self.failures: list[str] = []
        self.served: set[str] = set()
        self.sent = 0
        self._next = count()

    def check(self) -> None:
        while not self.ended.wait(0.02):
            self.ready = [each for each in list(self.targets) if each.is_ready()]

    def send(self) -> None:
        kept: dict[int, http.client.HTTPConnection] = {}
        while not self.ended.is_set():
            ready = self.ready
            port = ready[next(self._next) % len(ready)].port
            connection = kept.setdefault(port, http.client.HTTPConnection("127.0.0.1", port, timeout=60))
            try:
                connection.request("GET", choice(["/read", "/slow"]))
                response = connection.getresponse()
                body = response.read().decode()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                continue
            if response.status != 200:
                self.failures.append(f"{response.status} {body}")
            self.served.add(body)
            self.sent += 1
        for each in kept.values():
            each.close()


def test_rolling_restart_fails_no_request(database: LocalDatabase) -> None:
    with ExitStack() as stack:
        balancer = Balancer([stack.enter_context(container(database, DRAIN_S)) for _ in range(4)])
        old = list(balancer.targets)
        threads = [threading.Thread(target=balancer.check), *(threading.Thread(target=balancer.send) for _ in range(8))]
        for each in threads:
            each.start()
        try:
            for retired in old:
                balancer.targets.append(stack.enter_context(container(database, DRAIN_S)))
                assert eventually(lambda: len(balancer.ready) == 5)
                retired.process.send_signal(signal.SIGTERM)
                assert retired.process.wait(60) == -signal.SIGTERM
                balancer.targets.remove(retired)
            sent = balancer.sent
            assert eventually(lambda: balancer.sent > sent + 100)
        finally:
            balancer.ended.set()
            for each in threads:
                each.join()

    assert balancer.failures == []
    assert {str(each.process.pid) for each in balancer.targets} <= balancer.served
    print(f"rolling restart of 4 processes: {balancer.sent} requests, {len(balancer.failures)} failed")
