"""A relay dies at every step while messages are sent and taken back: none is lost, those of a key keep their order."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from org_common.db.relay import BATCH, relay
from tests.soak.figures import Figures
from tests.soak.processes import run_program
from tests.soak.relays import STEPS, Paper
from tests.soak.scale import scaled
from tests.soak.senders import Senders
from tests.soak.tenants import Platform

pytestmark = [pytest.mark.db, pytest.mark.fault]

CRASHES = scaled(25, 200 * len(STEPS))


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
