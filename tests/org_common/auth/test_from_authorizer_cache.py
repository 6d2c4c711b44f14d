"""The cache of identities: an entry ends with its token, and it does not grow."""

import json
import time

import pytest

from org_common.auth.from_authorizer import FROM_AUTHORIZER, FromAuthorizer
from org_common.events import http_api as gateway
from org_common.http.request import Request
from org_common.values.errors import Unauthorized
from org_common.values.identity import LEEWAY_S
from org_common.values.types import LocalContext


def request(subject: str, expires_at: float) -> Request:
    claims = json.dumps({"iss": "https://issuer.test", "sub": subject, "exp": expires_at})
    read = gateway.HTTP_API.read(gateway.event("GET", "/", claims=claims), LocalContext("r-1", 29))
    assert read is not None
    return read


@pytest.mark.parametrize(("late_s", "accepted"), [(LEEWAY_S - 1, True), (LEEWAY_S, False), (LEEWAY_S + 1, False)])
def test_cached_identity_ends_with_the_leeway(late_s: int, accepted: bool) -> None:
    expires_at = float(int(time.time()) + 3600)
    clock_s = [expires_at - 60]
    source = FromAuthorizer(clock=lambda: clock_s[0])
    alice = request("alice", expires_at)
    first = source.identity(alice)

    clock_s[0] = expires_at + late_s

    if accepted:
        assert source.identity(alice) is first
    else:
        with pytest.raises(Unauthorized):
            source.identity(alice)


def test_cache_has_a_limit() -> None:
    source = FromAuthorizer(max_cached=3)
    for number in range(20):
        source.identity(request(f"user{number}", 4_000_000_000))
        assert 0 < len(source._identities) <= 3


def test_it_is_named_as_it_is_imported() -> None:
    assert repr(FROM_AUTHORIZER) == "FROM_AUTHORIZER"
