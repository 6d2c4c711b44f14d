"""A relay dies at every step while messages are sent and taken back: none is lost, those of a key keep their order."""

from __future__ import annotations

import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count, pairwise
from pathlib import Path
from random import Random

import pytest

from org_common.db.database import Database, transaction
from org_common.db.relay import BATCH, relay
from tests.soak.figures import Figures
from tests.soak.processes import run_program
from tests.soak.relays import STEPS, Paper
from tests.soak.scale import SEED, scaled
from tests.soak.tenants import Platform, Tenant

pytestmark = [pytest.mark.db, pytest.mark.fault]

CRASHES = scaled(25, 200 * len(STEPS))
SENDERS = 4
KEYS = ("a", "b", "c", "d", None)


class Undone(Exception):
    """A sender changes his mind."""


class Senders:
    """Threads that send until they are told to stop; they know what was committed and what was taken back."""

    def __init__(self, platform: Platform) -> None:
        self.kept: list[int] = []
        self.undone: list[int] = []
        self._numbers = count()
        self._platform = platform
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
        while not self._stop.wait(0.002):
            kept: list[int] = []
            undone: list[int] = []
            # One key each, or two of them could wait for each other.
            key = random.choice(KEYS)
            with suppress(Undone), transaction(tenant.identity, database=database) as tx:
                for _ in range(random.randrange(1, 4)):
                    kept.append(next(self._numbers))
                    tx.send("soak", {"n": kept[-1]}, key=key)
                    if random.random() < 0.3:
                        tx.value("select 1")
                if random.random() < 0.3:
                    undone.append(next(self._numbers))
                    with suppress(Undone), tx.savepoint():
                        tx.send("soak", {"n": undone[-1]}, key=key)
                        raise Undone
                if random.random() < 0.3:
                    undone, kept = undone + kept, []
                    raise Undone
            self.kept.extend(kept)
            self.undone.extend(undone)
        database.close()


def test_no_message_is_lost_and_each_key_keeps_its_order(platform: Platform, tmp_path: Path, figures: Figures) -> None:
    paper = tmp_path / "delivered"
    url = platform.local.service_url
    senders = Senders(platform)
    try:
        job = {"url": url, "paper": str(paper), "crashes": CRASHES}
        found = run_program("tests.soak.relays", job, timeout_s=scaled(60, 300))
    finally:
        senders.stop()
    left = relay(url, Paper(paper), batch=BATCH)

    delivered: list[tuple[int, str, int]] = []
    for line in paper.read_text().splitlines():
        parts = line.split()
        delivered.append((int(parts[0]), parts[1], int(parts[2])))
    numbers = {number for _, _, number in delivered}
    first: dict[str, list[int]] = defaultdict(list)
    for id, key, _ in dict.fromkeys(delivered):
        first[key].append(id)
    lost = set(senders.kept) - numbers
    figures.note(
        "outbox: committed messages delivered",
        len(senders.kept) - len(lost),
        len(senders.kept),
        crashes=found["died"],
        duplicates=len(delivered) - len(numbers),
        taken_back=len(senders.undone),
        of_them_delivered=len(set(senders.undone) & numbers),
        out_of_order={key: sum(a > b for a, b in pairwise(ids)) for key, ids in first.items()},
        at_the_end=left,
    )
    assert sum(found["died"].values()) == CRASHES
    assert lost == set()
    assert numbers == set(senders.kept)
    assert all(ids == sorted(ids) for key, ids in first.items() if key != "None")
    assert platform.ask("select count(*) from app.outbox") == 0
