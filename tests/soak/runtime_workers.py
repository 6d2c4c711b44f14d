"""Workers under AWS's own runtime client: each is a Lambda environment of its own, and some are killed in a batch."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from org_common.tools.runtime.api import EnvironmentFailed
from org_common.tools.runtime.environment import Environment, Function
from tests.soak.processes import ROOT
from tests.soak.queues import KILL_WITHIN_S, LITTLE_S, Delivery, Queue, deliveries, record, without_effect

# A batch takes less than a second; the first of an environment connects.
PATIENCE_S = 60.0
# The first batch, and then every fifth, meets a kill.
KILL_EACH = 5


class Workers:
    """Takes all batches of a queue to environments of AWS's runtime client, as many at once as `workers`."""

    def __init__(self, job: dict[str, Any]) -> None:
        """`job` is that of `tests.soak.queues.run`."""
        self._job = job
        self._chance = random.Random(job["seed"])
        self._queue = Queue(deliveries(job, self._chance), fifo=job["fifo"], chance=self._chance)
        self._changed = threading.Condition()
        self._running = 0
        self._counts: Counter[str] = Counter()
        self._lost = 0
        variables = {"ORG_COMMON_DATABASE_URL": job["url"], "ORG_COMMON_DATABASE_PROFILE": "direct"}
        self._function = Function("tests.soak.jobs.app", [ROOT, ROOT / "src"], variables=variables)

    def run(self) -> dict[str, Any]:
        """Handle everything; returns what `tests.soak.queues.run` does."""
        with ThreadPoolExecutor(self._job["workers"]) as pool:
            ends = [pool.submit(self._work) for _ in range(self._job["workers"])]
        for end in ends:
            end.result()
        return {"counts": self._counts, "deleted_unprocessed": self._lost}

    def _work(self) -> None:
        with psycopg.connect(self._job["admin"], autocommit=True) as admin:
            while self._serve(admin):
                pass

    def _serve(self, admin: psycopg.Connection) -> bool:
        """Handle batches in one environment. False when nothing is left, True if the environment was killed."""
        with Environment(self._function) as environment:
            while batch := self._take():
                back = batch
                try:
                    back = self._invoke(environment, batch)
                except EnvironmentFailed:
                    return True
                finally:
                    self._settle(admin, batch, back)
        return False

    def _take(self) -> list[Delivery]:
        with self._changed:
            while len(self._queue) or self._running:
                if batch := self._queue.take():
                    self._running += 1
                    return batch
                self._changed.wait()
        return []

    def _invoke(self, environment: Environment, batch: list[Delivery]) -> list[Delivery]:
        """What comes again. `EnvironmentFailed` if the environment was killed, or has had no time left."""
        event = {"Records": [record(delivery, fifo=self._job["fifo"]) for delivery in batch]}
        with self._changed:
            has_little, number = self._chance.random() < 0.2, self._counts["invocations"]
            kill_s = self._chance.random() * KILL_WITHIN_S
            self._counts.update({"invocations": 1, "with_little_time": int(has_little)})
        timer = threading.Timer(kill_s, os.kill, (environment.pid, signal.SIGKILL))
        if number % KILL_EACH == 0:
            timer.start()
        try:
            invoked = environment.invoke(event, timeout_s=LITTLE_S if has_little else PATIENCE_S)
        except EnvironmentFailed:
            self._count("killed")
            raise
        finally:
            if timer.is_alive():
                timer.join()
        if invoked.error is not None:
            assert invoked.error["errorType"] == "BatchFailed", invoked.error
            self._count("all_failed")
            return batch
        ids = {item["itemIdentifier"] for item in invoked.answer["batchItemFailures"]}
        return [each for each in batch if each["messageId"] in ids]

    def _settle(self, admin: psycopg.Connection, batch: list[Delivery], back: list[Delivery]) -> None:
        """The batch has ended; `back` comes again, the rest was deleted."""
        gone = [each for each in batch if each not in back]
        lost = without_effect(admin, gone)
        with self._changed:
            self._lost += lost
            self._queue.settle(batch, back)
            self._counts.update({"deleted": len(gone), "partly_failed": int(0 < len(back) < len(batch))})
            self._running -= 1
            self._changed.notify_all()

    def _count(self, name: str) -> None:
        with self._changed:
            self._counts[name] += 1
