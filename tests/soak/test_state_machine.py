"""Units of all kinds in any order, beside a model: no tenant ever sees another's row, no session keeps anything."""

import gc
import logging
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from org_common.db.connections.pool import Pooled
from org_common.db.database import Database
from tests.soak.figures import Figures
from tests.soak.scale import SEED, scaled
from tests.soak.stage import DOOMING, ENDS, PLAIN, Nested, Step
from tests.soak.tenants import Platform
from tests.soak.units import Soak
from tests.support.pgbouncer import PgBouncer

pytestmark = [pytest.mark.db, pytest.mark.pooler, pytest.mark.fault]

WAYS = ("single direct", "pooled direct", "single pooler", "pooled pooler")
UNITS = scaled(18_000, 1_000_000)
EXAMPLES = scaled(14, 1_000)
STEPS = 50
MOST_DEPTH = 3
# What is really there is compared this often: it takes as long as ten units.
COMPARE_EACH = 100
# More would be a leak.
GROWTH_MB_PER_UNIT = 1 / 10_000

plain = st.sampled_from(PLAIN)
nested = st.recursive(
    st.builds(Nested, st.lists(st.sampled_from(PLAIN + DOOMING), max_size=4).map(tuple), st.booleans()),
    lambda inner: st.builds(Nested, st.lists(plain | inner, max_size=3).map(tuple), st.booleans()),
    max_leaves=3,
)
steps = st.lists(plain | nested, max_size=6)
tenants = st.integers(0, 3)


@pytest.fixture
def soak(platform: Platform, caplog: pytest.LogCaptureFixture) -> Iterator[Soak]:
    """Over one connection and over a pool, straight to the server and through PgBouncer with a single connection."""
    # pytest keeps each log record: the pool's hold the connections that were dropped, those of refused statements hold
    # tracebacks with the frames of their transactions. 180,000 units seemed to grow by 23 MB.
    for name in ("psycopg.pool", "org_common"):
        caplog.set_level(logging.ERROR, name)
    login, password = platform.local.login_url, platform.password
    with ExitStack() as stack:
        pooler = stack.enter_context(PgBouncer.start(login, users={"app_login": password}, pool_size=1))
        pooled = platform.settings(pooler.url(login), "transaction-pooler")
        ways = {
            "single direct": Database(platform.settings()),
            "pooled direct": Database(platform.settings(), Pooled(platform.settings(), size=3)),
            "single pooler": Database(pooled),
            "pooled pooler": Database(pooled, Pooled(pooled, size=3)),
        }
        for database in ways.values():
            stack.callback(database.close)
        yield Soak(platform, ways)


def test_any_order_of_units_keeps_tenants_apart(soak: Soak, figures: Figures) -> None:
    """Shrinks to the shortest way to a leak."""
    with ThreadPoolExecutor(4) as pool:

        class Units(RuleBasedStateMachine):
            def __init__(self) -> None:
                super().__init__()
                soak.platform.clear()
                for rows in soak.rows.values():
                    rows.clear()
                soak.sent.clear()
                self.way = WAYS[0]

            @rule(way=st.sampled_from(WAYS), who=tenants, other=tenants)
            def look(self, way: str, who: int, other: int) -> None:
                self.way = way
                soak.look(way, soak.platform.tenants[who], soak.platform.tenants[other])

            @rule(way=st.sampled_from(WAYS), who=tenants, other=tenants, steps=steps, end=st.sampled_from(ENDS))
            def write(self, way: str, who: int, other: int, steps: list[Step], end: str) -> None:
                self.way = way
                soak.write(way, soak.platform.tenants[who], soak.platform.tenants[other], steps, end)

            @rule(way=st.sampled_from(WAYS), who=tenants, other=tenants, dooming=st.sampled_from(DOOMING), steps=steps)
            def doom(self, way: str, who: int, other: int, dooming: str, steps: list[Step]) -> None:
                self.way = way
                everything = [*steps, dooming]
                soak.write(way, soak.platform.tenants[who], soak.platform.tenants[other], everything, "commit")

            @rule(way=st.sampled_from(WAYS), kind=st.sampled_from(SMALL), who=tenants, other=tenants)
            def small(self, way: str, kind: str, who: int, other: int) -> None:
                self.way = way
                small(soak, kind, way, who, other)

            @rule(way=st.sampled_from(WAYS))
            def threads(self, way: str) -> None:
                self.way = way
                soak.in_threads(way, pool)

            @rule(way=st.sampled_from(WAYS))
            def freeze(self, way: str) -> None:
                soak.age(way)

            @rule()
            @precondition(lambda self: sum(map(len, soak.rows.values())) > 8)
            def kill(self) -> None:
                soak.kill()

            @invariant()
            def the_session_is_clean(self) -> None:
                soak.assert_clean(self.way)

            def teardown(self) -> None:
                soak.assert_kept()

        run_state_machine_as_test(
            seed(SEED)(Units),
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            ),
        )

    report(figures, "state machine, Hypothesis: units without a leak", soak)


@pytest.fixture
def _frozen() -> Iterator[None]:
    """Collections look at the objects of the test alone: after the whole suite one would take a second."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("_frozen")
def test_many_units_keep_tenants_apart(soak: Soak, figures: Figures) -> None:
    """As many as it takes to say something by their number."""
    random = Random(SEED)
    turn = 0
    rss_mb: list[float] = []
    with ThreadPoolExecutor(4) as pool:
        while soak.units.total() < UNITS:
            turn += 1
            way = random.choice(WAYS)
            one_of_many(soak, random, way, pool)
            soak.assert_clean(way)
            if turn % COMPARE_EACH == 0:
                soak.sweep()
                # Garbage in cycles is not a leak.
                gc.collect()
                rss_mb.append(resident_mb())
    soak.assert_kept()

    grown_mb = rss_mb[-1] - rss_mb[len(rss_mb) // 10]
    report(figures, "state machine, seeded driver: units without a leak", soak, memory_grown_mb=round(grown_mb, 1))
    assert grown_mb < GROWTH_MB_PER_UNIT * soak.units.total()


SMALL = ("nobody", "stranger", "drifter", "token", "refused", "smuggled", "cached")


def small(soak: Soak, kind: str, way: str, who: int, other: int) -> None:
    """A unit or a few, after which nothing has changed."""
    tenant, stranger = soak.platform.tenants[who], soak.platform.tenants[other]
    {
        "nobody": lambda: soak.as_nobody(way),
        "stranger": lambda: soak.as_stranger(way),
        "drifter": lambda: soak.as_drifter(way),
        "token": lambda: soak.with_token(way, tenant),
        "refused": lambda: soak.refused(way, tenant),
        "smuggled": lambda: soak.smuggled(way, tenant, stranger),
        "cached": lambda: soak.cached(way, tenant),
    }[kind]()


def one_of_many(soak: Soak, random: Random, way: str, pool: ThreadPoolExecutor) -> None:
    """What happens next, most often something ordinary."""
    who, other = random.choice(soak.platform.tenants), random.choice(soak.platform.tenants)
    chance = random.random()
    if chance < 0.42:
        soak.look(way, who, other)
    elif chance < 0.75:
        soak.write(way, who, other, some_steps(random), random.choices(ENDS, [12, 1, 1, 1, 0.2, 0.2])[0])
    elif chance < 0.8:
        soak.write(way, who, other, [*some_steps(random), random.choice(DOOMING)], "commit")
    elif chance < 0.95:
        numbers = [random.randrange(4), random.randrange(4)]
        small(soak, random.choice(SMALL), way, *numbers)
    elif chance < 0.985:
        soak.in_threads(way, pool)
    elif chance < 0.997:
        soak.age(way)
    else:
        soak.kill()


def some_steps(random: Random) -> list[Step]:
    return [some_step(random) for _ in range(random.randrange(5))]


def some_step(random: Random, depth: int = 0) -> Step:
    chance = random.random()
    if depth == MOST_DEPTH or chance < 0.75:
        return random.choice(PLAIN if depth == 0 else PLAIN + DOOMING)
    if chance < 0.85:
        # Nothing but what rides: all of it is still here when it is undone.
        return Nested(("send",) * random.randrange(3), random.random() < 0.5)
    inner = tuple(some_step(random, depth + 1) for _ in range(random.randrange(4)))
    return Nested(inner, random.random() < 0.5)


def resident_mb() -> float:
    """Of this process, now: memory that units leave behind is a leak as well."""
    pages = int(Path("/proc/self/statm").read_text().split()[1]) if sys.platform == "linux" else 0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def report(figures: Figures, name: str, soak: Soak, **facts: Any) -> None:
    counters: dict[str, Any] = {way: database.counters.as_dict() for way, database in soak.ways.items()}
    units = soak.units.total()
    facts |= {"kinds": dict(soak.units), "counters": counters, "asked_again_after_a_kill": soak.retried}
    figures.note(name, units, units, **facts)
