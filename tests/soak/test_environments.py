"""Many environments in front of a small server: through a pooler all are answered, without one all are told why not."""

from collections import Counter
from collections.abc import Iterator
from statistics import quantiles
from typing import Any

import pytest

from tests.soak.conftest import write_figures
from tests.soak.figures import Figures
from tests.soak.processes import run_program
from tests.soak.scale import MAX_CONNECTIONS, scaled
from tests.soak.tenants import Platform
from tests.support.pgbouncer import PgBouncer

pytestmark = [pytest.mark.db, pytest.mark.pooler]

ENVIRONMENTS = scaled(120, 1000)
REQUESTS = 3
POOL = 20
# PgBouncer 1.18 takes 10 ms of its one core for each SCRAM login, 1.5 with md5: what comes in at once would time out.
CHEAP_LOGIN = {"auth_type": "md5"}
# So many come in a second: they share two cores with the server.
EACH_S = 40
# Of a refusal, without the time for which the machine had no core for it: 3 s, and what a busy machine adds.
LONGEST_S = 10.0
# The server was full, or too busy with refusing the others to say so in time.
CAUSES = {"FULL", "UNRESPONSIVE"}
MOST = 0.8
TIMEOUT_S = scaled(60, 300)


@pytest.fixture(scope="module")
def figures(postgres: str) -> Iterator[Figures]:
    """In a file of their own: the noxfile runs these tests alone, after the others have written theirs."""
    yield from write_figures("soak-environments", postgres)


def environments(platform: Platform, url: str, profile: str, each_s: int) -> list[dict[str, Any]]:
    """The answers that all environments got; all of them were ended and none of them failed."""
    platform.clear()
    for tenant in platform.tenants:
        for number in range(-3, 0):
            platform.admin.execute(
                "insert into soak.items (org_id, id, body) values (%s, %s, %s)", [tenant.org_id, number, tenant.name]
            )
    tenants = [{"subject": each.identity.subject, "org_id": str(each.org_id)} for each in platform.tenants]
    job = {
        "url": url,
        "profile": profile,
        "count": ENVIRONMENTS,
        "each_s": each_s,
        "requests": REQUESTS,
        "tenants": tenants,
    }
    found = run_program("tests.soak.environments", job, timeout_s=TIMEOUT_S)
    assert (found["reaped"], found["failed"]) == (ENVIRONMENTS, 0)
    answers: list[dict[str, Any]] = found["answers"]
    assert len(answers) == ENVIRONMENTS * REQUESTS
    return answers


def report(figures: Figures, name: str, answers: list[dict[str, Any]], good: int, of: int) -> None:
    cuts = quantiles([answer["s"] for answer in answers], n=100)
    statuses = Counter(f"{answer['status']} {answer['cause'] or ''}".strip() for answer in answers)
    figures.note(
        name,
        good,
        of,
        environments=ENVIRONMENTS,
        max_connections=MAX_CONNECTIONS,
        foreign=sum(answer["foreign"] for answer in answers),
        answers=dict(statuses),
        p50_s=round(cuts[49], 4),
        p99_s=round(cuts[98], 4),
        max_s=round(max(answer["s"] for answer in answers), 4),
        max_s_with_a_core=round(max(answer["s"] - answer["starved_s"] for answer in answers), 4),
    )


def test_through_a_pooler_all_are_answered(small: Platform, figures: Figures) -> None:
    users = {"app_login": small.password}
    with PgBouncer.start(small.local.login_url, users=users, pool_size=POOL, settings=CHEAP_LOGIN) as pooler:
        answers = environments(small, pooler.url(small.local.login_url), "transaction-pooler", EACH_S)

    answered = sum(answer["status"] in (200, 201) for answer in answers)
    report(figures, "environments through PgBouncer: requests answered", answers, answered, len(answers))
    assert answered == ENVIRONMENTS * REQUESTS
    assert sum(answer["foreign"] for answer in answers) == 0
    assert small.ask("select count(*) from soak.items where id >= 0") == ENVIRONMENTS


def test_without_one_who_is_not_answered_is_told_why(small: Platform, figures: Figures) -> None:
    answers = environments(small, small.local.login_url, "direct", EACH_S // 2)

    refused = [answer for answer in answers if answer["status"] >= 400]
    told = [answer for answer in refused if (answer["status"], answer["code"]) == (503, "unavailable")]
    full = [answer for answer in told if answer["cause"] == "FULL"]
    report(figures, "environments direct: refusals that were 503 with their cause", answers, len(told), len(refused))
    assert len(refused) > ENVIRONMENTS
    assert told == refused
    assert {answer["cause"] for answer in told} <= CAUSES
    assert len(full) > MOST * len(refused)
    assert max(answer["s"] - answer["starved_s"] for answer in refused) <= LONGEST_S
    assert sum(answer["foreign"] for answer in answers) == 0
    posted = sum(answer["status"] == 201 for answer in answers)
    assert small.ask("select count(*) from soak.items where id >= 0") == posted
