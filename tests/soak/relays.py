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
from tests.soak.processes import Child, answer

STEPS = ("after select", "within deliver", "after deliver", "after delete", "after commit")
# This many at once share the work, by key.
AT_ONCE = 2
# Fewer batches than this go well before.
WELL = 4
BATCH = 7
# Senders are at work all the time: who finds nothing for so long is late for the end.
NOTHING_S = 10.0


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
    """`job`: url (the service's), paper (where the sink writes), crashes."""
    died: Counter[str] = Counter()
    relays: list[tuple[Child, str]] = []
    for number in range(job["crashes"]):
        step = STEPS[number % len(STEPS)]
        well = number % WELL
        relays.append((Child(lambda line, step=step, well=well: _relay(job, step, well)), step))  # type: ignore[misc]
        if len(relays) == AT_ONCE:
            _reap(relays, died)
    while relays:
        _reap(relays, died)
    return {"died": died}


def _relay(job: dict[str, Any], step: str, well: int) -> None:
    sink = Paper(job["paper"])
    end = time.monotonic() + NOTHING_S
    with Mortal.connect(job["url"], autocommit=True, prepare_threshold=None) as connection:
        while time.monotonic() < end:
            if well <= 0:
                sink.step = connection.step = step
            if _relay_batch(connection, sink, BATCH, {}) != (0, 0):
                well -= 1
            else:
                time.sleep(0.002)
    raise TimeoutError(f"nothing to relay, and so no chance to die {step}")


def _reap(relays: list[tuple[Child, str]], died: Counter[str]) -> None:
    child, step = relays.pop(0)
    code = child.reap()
    if code != -signal.SIGKILL:
        raise RuntimeError(f"a relay was to die {step} and ended with {code}")
    died[step] += 1


if __name__ == "__main__":
    answer(run)
