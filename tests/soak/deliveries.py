"""A program: each request is delivered several times by processes that are killed in between."""

from __future__ import annotations

import json
import random
import select
import socket
import time
from collections import Counter, defaultdict
from typing import Any, NamedTuple

from org_common import Database, Settings
from org_common.testing.client import Client, Person
from tests.soak.processes import Child, answer
from tests.soak.shop import app

# A request takes about this long: most of the kills meet one.
KILL_WITHIN_S = 0.012
PATIENCE_S = 60.0
NEIGHBOURS = 3


class _Delivery(NamedTuple):
    """On its way, to be killed at `deadline_s`."""

    child: Child
    key: int
    deadline_s: float


def run(job: dict[str, Any]) -> dict[str, Any]:
    """`job`: url, keys, deliveries, processes, kill (a share of the deliveries), seed, tenants."""
    chance = random.Random(job["seed"])
    # The deliveries of a key come close to each other, so that some meet.
    todo = [key for key in range(job["keys"]) for _ in range(job["deliveries"])]
    todo.sort(key=lambda key: key + chance.random() * NEIGHBOURS)
    counts: Counter[str] = Counter()
    bodies: dict[int, set[str]] = defaultdict(set)
    firsts: Counter[int] = Counter()
    idle = [_worker(job) for _ in range(job["processes"])]
    busy: list[_Delivery] = []
    while todo or busy:
        while todo and idle:
            child, key = idle.pop(), todo.pop()
            child.line.sendall(json.dumps([key, job["tenants"][key % len(job["tenants"])]]).encode())
            kill_s = chance.random() * KILL_WITHIN_S if chance.random() < job["kill"] else PATIENCE_S
            busy.append(_Delivery(child, key, time.monotonic() + kill_s))
        first = min(delivery.deadline_s for delivery in busy)
        ready = select.select([each.child.line for each in busy], [], [], max(first - time.monotonic(), 0))[0]
        for delivery in [each for each in busy if each.child.line in ready or each.deadline_s < time.monotonic()]:
            busy.remove(delivery)
            if delivery.child.line not in ready:
                # Whoever sent it knows nothing and sends it again.
                delivery.child.kill()
                idle.append(_worker(job))
                counts["killed"] += 1
                todo.append(delivery.key)
                continue
            found = json.loads(delivery.child.line.recv(65536))
            idle.append(delivery.child)
            counts[f"{found['status']} {found['code'] or ''}".strip()] += 1
            if found["status"] == 201:
                bodies[delivery.key].add(found["body"])
                counts["replayed"] += found["replayed"]
                firsts[delivery.key] += not found["replayed"]
            else:
                todo.insert(chance.randrange(len(todo) + 1), delivery.key)
    for child in idle:
        child.line.sendall(b"0")
        child.reap()
    return {
        "counts": counts,
        "answered": len(bodies),
        "with_two_bodies": sum(len(found) > 1 for found in bodies.values()),
        "first_answers": sum(firsts.values()),
        "most_first_answers": max(firsts.values(), default=0),
    }


def _worker(job: dict[str, Any]) -> Child:
    def work(line: socket.socket) -> None:
        settings = Settings(database_url=job["url"], database_profile="direct", application_name="delivery")
        app.use(Database(settings))
        while (text := line.recv(4096)) not in (b"", b"0"):
            key, subject = json.loads(text)
            client = Client(app, person=Person(subject, issuer="https://issuer.test"))
            reply = client.post("/effects", {"key": str(key)}, headers={"idempotency-key": f"key-{key}"})
            found = {
                "status": reply.status,
                "code": reply.json().get("code"),
                "body": reply.body.decode(),
                "replayed": reply.headers.get("idempotent-replayed") == "true",
            }
            line.sendall(json.dumps(found).encode())

    return Child(work)


if __name__ == "__main__":
    answer(run)
