"""Requests that come three times, by processes that are killed in between: one effect for each key."""

import pytest

from tests.soak.figures import Figures
from tests.soak.processes import run_program
from tests.soak.scale import SEED, scaled
from tests.soak.tenants import Platform

pytestmark = [pytest.mark.db, pytest.mark.fault]

KEYS = scaled(60, 1000)
DELIVERIES = 3
PROCESSES = 8
KILL = 0.2


def test_a_key_has_one_effect_however_often_it_comes_and_whoever_dies(platform: Platform, figures: Figures) -> None:
    job = {
        "url": platform.local.login_url,
        "keys": KEYS,
        "deliveries": DELIVERIES,
        "processes": PROCESSES,
        "kill": KILL,
        "seed": SEED,
        "tenants": [tenant.identity.subject for tenant in platform.tenants],
    }

    found = run_program("tests.soak.deliveries", job, timeout_s=scaled(60, 400))

    effects = platform.ask("select count(*) from soak.effects")
    keys = platform.ask("select count(distinct key) from soak.effects")
    twice = platform.ask("select count(*) from (select from soak.effects group by key, step having count(*) > 1) t")
    figures.note("idempotency: keys with exactly one effect", keys - twice, KEYS, **found)
    assert found["counts"]["killed"] > 0
    assert (keys, effects, twice) == (KEYS, 2 * KEYS, 0)
    assert platform.ask("select count(*) from app.outbox") == KEYS
    assert platform.ask("select count(*) from app.stored_responses") == KEYS
    # All deliveries of a key got the same answer, and at most one of them was the first.
    assert (found["answered"], found["with_two_bodies"]) == (KEYS, 0)
    assert found["most_first_answers"] <= 1
    assert set(found["counts"]) <= {"201", "409 idempotency_in_progress", "killed", "replayed"}
