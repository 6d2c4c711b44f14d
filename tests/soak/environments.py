"""A program: many environments at once, each with a database of its own and a few requests."""

from __future__ import annotations

import json
import random
import socket
import time
from collections import deque
from pathlib import Path
from typing import Any

from org_common import Database, Settings
from org_common.testing.client import Client, Person
from tests.soak.processes import Child, answer
from tests.soak.shop import Causes, app


def run(job: dict[str, Any]) -> dict[str, Any]:
    """`job`: url, profile, count, each_s (how many come in a second), requests, tenants (subject, org_id).

    Answers each request's status, cause and time, and how much of that this machine had no core for it.
    """
    _warm(job)
    children = []
    for number in range(job["count"]):
        tenant = job["tenants"][number % len(job["tenants"])]
        children.append(Child(lambda line, number=number, tenant=tenant: _serve(line, job, number, tenant)))  # type: ignore[misc]
    for child in children:
        child.line.sendall(b"g")
    answers: list[dict[str, Any]] = []
    waiting = deque(children)
    while waiting:
        child = waiting.popleft()
        with child.line.makefile("r") as lines:
            answers.extend(json.loads(lines.readline()))
    # All of them keep their connections until now, as environments do.
    codes = [child.reap() for child in children]
    return {"answers": answers, "reaped": len(codes), "failed": sum(code != 0 for code in codes)}


def _warm(job: dict[str, Any]) -> None:
    """Import and compile what the first request does, once for all: 25 ms of a core that are not what is measured."""
    settings = Settings(database_url=job["url"], database_profile=job["profile"])
    app.use(Database(settings))
    client = Client(app, person=Person(job["tenants"][0]["subject"], issuer="https://issuer.test"))
    for answer_ in (client.get("/items"), client.post("/items", {"id": -9, "body": ""}), client.post("/items", {})):
        assert answer_.status in (200, 201, 422), answer_
    app.database().close()


def _serve(line: socket.socket, job: dict[str, Any], number: int, tenant: dict[str, str]) -> None:
    causes = Causes()
    settings = Settings(database_url=job["url"], database_profile=job["profile"], application_name="environment")
    app.use(Database(settings))
    client = Client(app, person=Person(tenant["subject"], issuer="https://issuer.test"))
    line.recv(1)
    random.seed(number)
    time.sleep(random.random() * job["count"] / job["each_s"])
    found = []
    for turn in range(job["requests"]):
        began, waited = time.perf_counter(), waited_s()
        if turn == 1:
            reply = client.post("/items", {"id": number, "body": tenant["subject"]})
            items = [reply.json()] if reply.status == 201 else []
        else:
            reply = client.get("/items")
            items = reply.json() if reply.status == 200 else []
        found.append(
            {
                "status": reply.status,
                "code": reply.json().get("code") if reply.status >= 400 else None,
                "s": time.perf_counter() - began,
                "starved_s": waited_s() - waited,
                "cause": causes.seen.pop() if reply.status >= 500 else None,
                "foreign": sum(item["orgId"] != tenant["org_id"] for item in items),
            }
        )
    line.sendall(json.dumps(found).encode() + b"\n")
    # Until the parent hangs up.
    line.recv(1)


def waited_s() -> float:
    """How long this thread could have run and was not let, since it began (Linux; elsewhere it is not known: 0)."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


if __name__ == "__main__":
    answer(run)
