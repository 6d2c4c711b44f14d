"""A program: an SQS of our own delivers each message several times to workers that are killed in between.

Ours, since moto's FIFO queues lose the order after a failure. A group is given out again from its first message that
came back, and nothing of it is in flight twice. Standard queues deliver in any order.
"""

from __future__ import annotations

import json
import logging
import random
import select
import socket
import time
import uuid
from collections import Counter, deque
from typing import Any, NamedTuple

import psycopg

from org_common import Database, Settings
from org_common.triggers.batch import LEAST_S, BatchFailed
from org_common.values.types import LocalContext
from tests.soak.jobs import app
from tests.soak.processes import Child, answer

# A batch takes about this long: most of the kills meet one.
KILL_WITHIN_S = 0.04
PATIENCE_S = 60.0
BATCH = 10
# What is left of the time in a batch that has little: some records of it fit.
LITTLE_S = LEAST_S + 0.015

Delivery = dict[str, Any]


class Queue:
    """Deliveries that wait; of a FIFO queue, one line for each group."""

    def __init__(self, deliveries: list[Delivery], *, fifo: bool, chance: random.Random) -> None:
        self._fifo = fifo
        self._chance = chance
        self._lines: dict[str, deque[Delivery]] = {}
        self._in_flight: set[str] = set()
        for delivery in deliveries:
            self._lines.setdefault(delivery["group"] if fifo else "", deque()).append(delivery)

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def take(self) -> list[Delivery]:
        """A batch; of FIFO groups that are in flight, nothing."""
        free = [name for name, line in self._lines.items() if line and not (self._fifo and name in self._in_flight)]
        self._chance.shuffle(free)
        batch: list[Delivery] = []
        for name in free[:3]:
            line = self._lines[name]
            count = self._chance.randint(1, BATCH - len(batch)) if len(batch) < BATCH else 0
            batch += [line.popleft() for _ in range(min(count, len(line)))]
        self._in_flight |= {delivery["group"] for delivery in batch}
        return batch

    def settle(self, batch: list[Delivery], back: list[Delivery]) -> None:
        """The batch has ended; `back` comes again."""
        self._in_flight -= {delivery["group"] for delivery in batch}
        for delivery in reversed(back):
            if self._fifo:
                self._lines[delivery["group"]].appendleft(delivery)
            else:
                line = self._lines[""]
                line.insert(self._chance.randrange(len(line) + 1), delivery)


class _Flight(NamedTuple):
    """On its way, to be killed at `deadline_s`."""

    child: Child
    batch: list[Delivery]
    deadline_s: float


def run(job: dict[str, Any]) -> dict[str, Any]:
    """`job`: url (the login's), admin (a superuser's), messages, deliveries, workers, kill, fifo, seed.

    A message is `[id, {…}]`, in the order in which it was sent.
    """
    chance = random.Random(job["seed"])
    counts: Counter[str] = Counter()
    queue = Queue(deliveries(job, chance), fifo=job["fifo"], chance=chance)
    idle = [_worker(job) for _ in range(job["workers"])]
    flights: list[_Flight] = []
    lost = 0
    with psycopg.connect(job["admin"], autocommit=True) as admin:
        while len(queue) or flights:
            while idle and (batch := queue.take()):
                flights.append(_send(idle.pop(), batch, job, chance, counts))
            first = min(flight.deadline_s for flight in flights)
            ready = select.select([each.child.line for each in flights], [], [], max(first - time.monotonic(), 0))[0]
            for flight in [each for each in flights if each.child.line in ready or each.deadline_s < time.monotonic()]:
                flights.remove(flight)
                back = _back(flight, flight.child.line in ready, counts)
                queue.settle(flight.batch, back)
                if flight.child.line in ready:
                    idle.append(flight.child)
                else:
                    flight.child.kill()
                    idle.append(_worker(job))
                lost += without_effect(admin, [each for each in flight.batch if each not in back])
    for child in idle:
        child.line.sendall(b"0\n")
        child.reap()
    return {"counts": counts, "deleted_unprocessed": lost}


def deliveries(job: dict[str, Any], chance: random.Random) -> list[Delivery]:
    found = [
        {"id": id, "body": body, "group": body["group"], "number": number}
        for number, (id, body) in enumerate(job["messages"])
        for _ in range(job["deliveries"])
    ]
    if not job["fifo"]:
        # The deliveries of a message come close to each other, so that some meet.
        found.sort(key=lambda each: each["number"] + chance.random() * 5)
    return found


def _send(
    child: Child, batch: list[Delivery], job: dict[str, Any], chance: random.Random, counts: Counter[str]
) -> _Flight:
    has_little = chance.random() < 0.2
    counts["with_little_time"] += has_little
    event = {"Records": [record(delivery, fifo=job["fifo"]) for delivery in batch]}
    line = json.dumps([event, LITTLE_S if has_little else PATIENCE_S]) + "\n"
    child.line.sendall(line.encode())
    kill_s = chance.random() * KILL_WITHIN_S if chance.random() < job["kill"] else PATIENCE_S
    return _Flight(child, batch, time.monotonic() + kill_s)


def record(delivery: Delivery, *, fifo: bool) -> dict[str, Any]:
    # A redrive gives a new id, too.
    delivery["messageId"] = str(uuid.uuid4())
    body = {name: value for name, value in delivery["body"].items() if name != "group"}
    id = {"stringValue": str(delivery["id"]), "dataType": "String"}
    return {
        "messageId": delivery["messageId"],
        "body": json.dumps(body, separators=(",", ":")),
        "attributes": {"MessageGroupId": delivery["group"], "ApproximateReceiveCount": "1"},
        "messageAttributes": {"org-common-id": id},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:eu-central-1:123456789012:jobs{'.fifo' if fifo else ''}",
    }


def _back(flight: _Flight, is_answered: bool, counts: Counter[str]) -> list[Delivery]:
    """What comes again: of a killed worker, everything."""
    if not is_answered:
        counts["killed"] += 1
        return flight.batch
    found = json.loads(_read_line(flight.child.line))
    if "error" in found:
        counts["all_failed"] += 1
        return flight.batch
    ids = {item["itemIdentifier"] for item in found["batchItemFailures"]}
    back = [each for each in flight.batch if each["messageId"] in ids]
    counts["batches"] += 1
    counts["deleted"] += len(flight.batch) - len(back)
    counts["partly_failed"] += len(back) > 0
    return back


def without_effect(admin: psycopg.Connection, deleted: list[Delivery]) -> int:
    """How many of the deleted messages have no effect: they would be lost."""
    keys = {each["body"]["key"] for each in deleted}
    row = admin.execute("select count(distinct key) from soak.effects where key = any(%s)", [list(keys)]).fetchone()
    assert row is not None
    return len(keys) - int(row[0])


def _worker(job: dict[str, Any]) -> Child:
    def work(line: socket.socket) -> None:
        logging.disable()
        random.seed()
        app.use(Database(Settings(database_url=job["url"], database_profile="direct", application_name="jobs")))
        while (text := _read_line(line)) not in ("", "0"):
            event, left_s = json.loads(text)
            try:
                found = app(event, LocalContext("soak", left_s))
            except BatchFailed as failed:
                found = {"error": str(failed)}
            line.sendall(json.dumps(found).encode() + b"\n")

    return Child(work)


def _read_line(line: socket.socket) -> str:
    text = b""
    while not text.endswith(b"\n"):
        part = line.recv(65536)
        if not part:
            return ""
        text += part
    return text.decode().rstrip("\n")


if __name__ == "__main__":
    answer(run)
