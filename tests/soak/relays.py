"""A program: relays of the outbox that die, each at one step of their work, and one at the end that does not."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from org_common.db.relay import Message, _relay_batch
from org_common.sinks.aws import Client
from org_common.sinks.sqs import MAX_ENTRIES, SqsSink
from tests.soak.processes import Child, answer
from tests.soak.scale import scaled

STEPS = ("after select", "within deliver", "after deliver", "after delete", "after commit")
SQS_STEPS = (
    "after select",
    "before call",
    "after call",
    "within deliver",
    "after deliver",
    "after delete",
    "after commit",
)
# This many at once share the work, by key.
AT_ONCE = 2
# Fewer batches than this go well before.
WELL = 4
# For SQS more than a call holds.
BATCH, SQS_BATCH = 7, 25
# Senders are at work all the time: a relay that has not died after so long is late for the end. It has up to four
# batches to deliver; on a machine with a load of 20, a minute was too short in the long form.
NOTHING_S = scaled(60.0, 600.0)


class Paper:
    """A sink that writes down what it was given, for good, message by message."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.step: str | None = None

    def deliver(self, messages: Sequence[Message]) -> None:
        die_at("after select", self.step)
        for at, message in enumerate(messages):
            if at == len(messages) // 2:
                die_at("within deliver", self.step)
            os.write(self._file, f"{message.id} {message.key} {message.message['n']}\n".encode())
        die_at("after deliver", self.step)


class SqsClient(Client):
    """Dies around its calls."""

    def __init__(self, endpoint_url: str) -> None:
        super().__init__("sqs", "eu-central-1", endpoint_url)
        self.step: str | None = None
        self.sent = 0

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        die_at("before call", self.step)
        if self.sent:
            die_at("within deliver", self.step)
        response = super().call(operation, **arguments)
        self.sent += 1
        die_at("after call", self.step)
        return response


class Sqs:
    """Sends to a queue of a fake AWS. `queue` is its URL."""

    def __init__(self, queue: str) -> None:
        self._sink = SqsSink({"soak": queue})
        self._client = SqsClient(queue.rpartition("/")[0].rpartition("/")[0])
        self._sink._client = self._client

    @property
    def step(self) -> str | None:
        return self._client.step

    @step.setter
    def step(self, step: str) -> None:
        self._client.step = step

    def deliver(self, messages: Sequence[Message]) -> None:
        self._client.sent = 0
        if messages:
            die_at("after select", self.step)
        self._sink.deliver(messages)
        die_at("after deliver", self.step)


class Mortal(psycopg.Connection[Any]):
    """Dies around the end of a transaction in which something was taken out."""

    step: str | None = None

    @contextmanager
    def transaction(self, *args: Any, **kwargs: Any) -> Iterator[psycopg.Transaction]:
        with super().transaction(*args, **kwargs) as transaction:
            yield transaction
            taken = self.execute("select pg_current_xact_id_if_assigned() is not null").fetchone()
            if taken and taken[0]:
                die_at("after delete", self.step)
        if taken and taken[0]:
            die_at("after commit", self.step)


def die_at(step: str, wanted: str | None) -> None:
    if step == wanted:
        os.kill(os.getpid(), signal.SIGKILL)


def run(job: dict[str, Any]) -> dict[str, Any]:
    """`job`: url (the service's), crashes, and where the sink writes: paper or sqs (the URL of a queue)."""
    steps = SQS_STEPS if "sqs" in job else STEPS
    if "sqs" in job:
        # Imports botocore once, and not in each child.
        SqsClient("http://127.0.0.1:1")._get()
    died: Counter[str] = Counter()
    relays: list[tuple[Child, str]] = []
    for number in range(job["crashes"]):
        step = steps[number % len(steps)]
        well = number % WELL
        relays.append((Child(lambda line, step=step, well=well: _relay(job, step, well)), step))  # type: ignore[misc]
        if len(relays) == AT_ONCE:
            _reap(relays, died)
    while relays:
        _reap(relays, died)
    return {"died": died}


def _relay(job: dict[str, Any], step: str, well: int) -> None:
    sink = Sqs(job["sqs"]) if "sqs" in job else Paper(job["paper"])
    batch = SQS_BATCH if "sqs" in job else BATCH
    end = time.monotonic() + NOTHING_S
    with Mortal.connect(job["url"], autocommit=True, prepare_threshold=None) as connection:
        while time.monotonic() < end:
            if well <= 0:
                sink.step = connection.step = step
                _await_second_call(connection, job, step, end)
            if _relay_batch(connection, sink, batch, {}) != (0, 0):
                well -= 1
            else:
                time.sleep(0.002)
    raise TimeoutError(f"nothing to relay, and so no chance to die {step}")


def _await_second_call(connection: Mortal, job: dict[str, Any], step: str, end: float) -> None:
    """A standard queue takes ten messages a call: with fewer, a relay has no second call to die before."""
    if step != "within deliver" or "sqs" not in job:
        return
    while time.monotonic() < end:
        waiting = connection.execute("select count(*) from app.outbox").fetchone()
        if waiting and waiting[0] > MAX_ENTRIES:
            return
        time.sleep(0.01)


def _reap(relays: list[tuple[Child, str]], died: Counter[str]) -> None:
    child, step = relays.pop(0)
    code = child.reap()
    if code != -signal.SIGKILL:
        raise RuntimeError(f"a relay was to die {step} and ended with {code}")
    died[step] += 1


if __name__ == "__main__":
    answer(run)
