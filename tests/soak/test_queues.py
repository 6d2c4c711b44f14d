"""Messages that come three times, to workers that fail, run out of time and are killed: one effect for each."""

from itertools import pairwise
from typing import Any

import pytest

from org_common.db.database import Database, transaction
from org_common.db.relay import relay
from tests.soak.figures import Figures
from tests.soak.processes import run_program
from tests.soak.runtime_workers import Workers
from tests.soak.scale import SEED, scaled
from tests.soak.tenants import Platform
from tests.support.queues import Taken

pytestmark = [pytest.mark.db, pytest.mark.fault]

MESSAGES = scaled(60, 1000)
DELIVERIES = 3
WORKERS = 8
# Each environment starts an interpreter.
CLIENT_MESSAGES = scaled(12, 1000)
CLIENT_WORKERS = scaled(2, 8)
KILL = 0.2
GROUPS = scaled(6, 50)


def sent(platform: Platform, count: int) -> list[Any]:
    """Messages of all tenants, as the relay delivers them: `[id, {…, "group"}]`."""
    database = Database(platform.local.settings)
    for number in range(count):
        tenant = platform.tenants[number % len(platform.tenants)]
        with transaction(tenant.identity, database=database) as tx:
            tx.send("jobs", {"orgId": str(tenant.org_id), "key": f"m{number}", "step": number})
    database.close()
    taken = Taken()
    relay(platform.local.service_url, taken)
    messages = sorted(taken.messages, key=lambda message: message.message["step"])
    return [[message.id, {**message.message, "group": f"g{at % GROUPS}"}] for at, message in enumerate(messages)]


@pytest.mark.parametrize("fifo", [False, True], ids=["standard", "fifo"])
def test_a_message_has_one_effect_however_often_it_comes_and_whoever_dies(
    platform: Platform, figures: Figures, fifo: bool
) -> None:
    job = job_of(platform, MESSAGES, WORKERS, fifo=fifo)

    found = run_program("tests.soak.queues", job, timeout_s=scaled(60, 600))

    check(platform, figures, f"queue, {'fifo' if fifo else 'standard'}", MESSAGES, found)
    assert all(found["counts"][name] > 0 for name in ("killed", "partly_failed", "with_little_time"))
    if fifo:
        assert disordered(platform) == 0


@pytest.mark.runtime
@pytest.mark.parametrize("fifo", scaled([True], [False, True]))
def test_the_same_under_aws_s_runtime_client(platform: Platform, figures: Figures, fifo: bool) -> None:
    job = job_of(platform, CLIENT_MESSAGES, CLIENT_WORKERS, fifo=fifo)

    found = Workers(job).run()

    run = f"queue, {'fifo' if fifo else 'standard'}, under AWS's runtime client"
    check(platform, figures, run, CLIENT_MESSAGES, found)
    assert found["counts"]["killed"] > 0
    if fifo:
        assert disordered(platform) == 0


def job_of(platform: Platform, messages: int, workers: int, *, fifo: bool) -> dict[str, Any]:
    platform.admin.execute("truncate app.delivered_messages, app.consumed_messages, soak.effects")
    return {
        "url": platform.local.login_url,
        "admin": platform.local.admin_url,
        "messages": sent(platform, messages),
        "deliveries": DELIVERIES,
        "workers": workers,
        "kill": KILL,
        "fifo": fifo,
        "seed": SEED,
    }


def check(platform: Platform, figures: Figures, run: str, messages: int, found: dict[str, Any]) -> None:
    """Each message has one effect, for the organization of its sender, and none was deleted without."""
    effects = platform.ask("select count(*) from soak.effects")
    keys = platform.ask("select count(distinct key) from soak.effects")
    figures.note(f"{run}: messages with exactly one effect", keys - (effects - keys), messages, **found)
    assert (keys, effects, found["deleted_unprocessed"]) == (messages, messages, 0)
    assert platform.ask("select count(*) from app.consumed_messages") == messages
    assert found["counts"]["deleted"] == messages * DELIVERIES
    foreign = """
        select count(*) from soak.effects e join app.delivered_messages m on m.message ->> 'key' = e.key
        where e.org_id::text <> m.message ->> 'orgId'"""
    assert platform.ask(foreign) == 0


def disordered(platform: Platform) -> int:
    """Effects in front of an earlier message of their group."""
    rows = platform.admin.execute("select step from soak.effects order by place").fetchall()
    groups: dict[int, list[int]] = {}
    for row in rows:
        groups.setdefault(row["step"] % GROUPS, []).append(row["step"])
    return sum(earlier > later for steps in groups.values() for earlier, later in pairwise(steps))
