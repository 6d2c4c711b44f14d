"""What a warm environment caches of its callers belongs to one of them: two tenants take turns, and never meet."""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest

from org_common.auth.from_authorizer import FromAuthorizer
from org_common.events import http_api as gateway
from org_common.http.request import Request
from org_common.values.errors import Unauthorized
from org_common.values.types import LocalContext
from tests.soak.scale import SEED, scaled

LOOKUPS = scaled(100_000, 1_000_000)
THREADS = 4
# Smaller than the number of callers: entries are evicted all the time.
CACHED = 6
TENANTS = ("https://one.test", "https://two.test")
# Subjects that exist in both tenants, or nearly.
SUBJECTS = ("alice", "Alice", "alice ", "bob", "\u0430lice")
FORMS: tuple[dict[str, Any], ...] = ({}, {"separators": (",", ":")}, {"sort_keys": True}, {"ensure_ascii": False})


class Caller:
    """One user of one tenant; `text` is the JSON that API Gateway passes on, in one of several forms."""

    def __init__(self, issuer: str, subject: str, form: dict[str, Any], expires_at: float) -> None:
        self.issuer = issuer
        self.subject = subject
        self.expires_at = expires_at
        email = f"{subject.strip()}@{issuer[8:]}"
        claims = {"iss": issuer, "sub": subject, "exp": expires_at, "email": email, "email_verified": True, "jti": "t"}
        self.email = email
        self.text = json.dumps(claims, **form)
        self.request = request(self.text)


def request(claims: str) -> Request:
    read = gateway.HTTP_API.read(gateway.event("GET", "/", claims=claims), LocalContext("r-1", 29))
    assert read is not None
    return read


@pytest.mark.parametrize("cached", [CACHED, 256])
def test_no_lookup_finds_the_other_tenant(cached: int) -> None:
    now_s = time.time()
    # Each third caller's token ends during the run.
    callers = [
        Caller(issuer, subject, form, now_s + (60 if number % 3 == 0 else 36_000))
        for number, (issuer, subject, form) in enumerate(
            (issuer, subject, form) for issuer in TENANTS for subject in SUBJECTS for form in FORMS
        )
    ]
    clock_s = [now_s]
    source = FromAuthorizer(max_cached=cached, clock=lambda: clock_s[0])

    def look(seed: int) -> Counter[str]:
        random, counts = Random(seed), Counter[str]()
        for number in range(LOOKUPS // THREADS):
            caller = random.choice(callers)
            if number == LOOKUPS // THREADS // 2:
                clock_s[0] = now_s + 600
            try:
                found = source.identity(caller.request)
            except Unauthorized:
                counts["expired"] += 1
                assert caller.expires_at < now_s + 600
                continue
            assert found is not None
            is_own = (found.issuer, found.subject, found.email) == (caller.issuer, caller.subject, caller.email)
            counts["own" if is_own else "foreign"] += 1
        return counts

    with ThreadPoolExecutor(THREADS) as pool:
        total = sum(pool.map(look, range(SEED, SEED + THREADS)), Counter[str]())

    assert total["foreign"] == 0
    assert total["own"] + total["expired"] == LOOKUPS // THREADS * THREADS
    assert total["own"] > LOOKUPS / 2
    assert total["expired"] > 0
