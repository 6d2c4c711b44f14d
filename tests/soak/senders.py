"""Threads that send messages to the outbox, some of which they take back."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from random import Random

from org_common.db.database import Database, transaction
from tests.soak.scale import SEED
from tests.soak.tenants import Platform, Tenant

SENDERS = 4
KEYS = ("a", "b", "c", "d", None)


class Undone(Exception):
    """A sender changes his mind."""


class Senders:
    """Threads that send until they are told to stop; they know what was committed and what was taken back."""

    def __init__(self, platform: Platform, queue: str = "soak", pause_s: float = 0.002) -> None:
        self.kept: list[int] = []
        self.undone: list[int] = []
        self._numbers = count()
        self._platform, self._queue, self._pause_s = platform, queue, pause_s
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(SENDERS)
        self._ends = [self._pool.submit(self._send, *each) for each in enumerate(platform.tenants[:SENDERS])]

    def stop(self) -> None:
        self._stop.set()
        self._pool.shutdown()
        for end in self._ends:
            end.result()

    def _send(self, seed: int, tenant: Tenant) -> None:
        random = Random(SEED + seed)
        database = Database(self._platform.settings())
        while not self._stop.wait(self._pause_s):
            kept: list[int] = []
            undone: list[int] = []
            # One key each, or two of them could wait for each other.
            key = random.choice(KEYS)
            with suppress(Undone), transaction(tenant.identity, database=database) as tx:
                for _ in range(random.randrange(1, 4)):
                    kept.append(next(self._numbers))
                    tx.send(self._queue, {"n": kept[-1]}, key=key)
                    if random.random() < 0.3:
                        tx.value("select 1")
                if random.random() < 0.3:
                    undone.append(next(self._numbers))
                    with suppress(Undone), tx.savepoint():
                        tx.send(self._queue, {"n": undone[-1]}, key=key)
                        raise Undone
                if random.random() < 0.3:
                    undone, kept = undone + kept, []
                    raise Undone
            self.kept.extend(kept)
            self.undone.extend(undone)
        database.close()
