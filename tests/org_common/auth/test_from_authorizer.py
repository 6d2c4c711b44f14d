"""The caller as the API's authorizer passed it on."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common.auth.from_authorizer import FROM_AUTHORIZER, FromAuthorizer
from org_common.events import http_api as gateway
from org_common.http.request import Request
from org_common.values.errors import Forbidden, Unauthorized
from org_common.values.types import LocalContext

LEFT_OUT = object()


def claims(**changed: Any) -> str:
    """The text of good claims, with some changed or left out."""
    good = {
        "iss": "https://issuer.test",
        "sub": "auth0|alice",
        "exp": time.time() + 3600,
        "email": "alice@example.com",
        "email_verified": True,
        "jti": "t-1",
    }
    return json.dumps({name: value for name, value in {**good, **changed}.items() if value is not LEFT_OUT})


def request(claims: str | None) -> Request:
    read = gateway.HTTP_API.read(gateway.event("GET", "/", claims=claims), LocalContext("r-1", 29))
    assert read is not None
    return read


def test_authorizer_vouches_for_the_caller() -> None:
    identity = FROM_AUTHORIZER.identity(request(claims()))

    assert identity is not None
    assert identity.subject == "auth0|alice"


def test_the_same_claims_are_the_same_caller_and_others_another() -> None:
    source = FromAuthorizer()

    alice, again, bob = (
        source.identity(request(claims(sub=name, exp=4_000_000_000))) for name in ("alice", "alice", "bob")
    )

    assert alice is again
    assert bob is not None
    assert bob.subject == "bob"


def test_cached_claims_are_refused_once_they_have_expired() -> None:
    now_s = time.time()
    source = FromAuthorizer(clock=lambda: now_s)
    text = claims(exp=now_s + 60)
    assert source.identity(request(text)) is not None
    now_s += 91

    with pytest.raises(Unauthorized) as caught:
        source.identity(request(text))

    assert caught.value.code == "token_expired"


def test_claims_that_were_taken_before_are_still_of_one_tenant() -> None:
    source = FromAuthorizer()
    wrapped = {"lambda": {"claims": claims(tenant="acme")}}
    assert source.identity(behind(wrapped, tenant_id="acme")) is not None

    with pytest.raises(Forbidden):
        source.identity(behind(wrapped, tenant_id="globex"))


def test_cache_of_identities_is_bounded() -> None:
    source = FromAuthorizer(max_cached=3)

    cached = []
    for number in range(10):
        source.identity(request(claims(sub=str(number))))
        cached.append(len(source._identities))

    assert max(cached) == 3


def test_without_claims_there_is_no_caller() -> None:
    assert FROM_AUTHORIZER.identity(request(None)) is None


def test_empty_claims_are_not_nobody_but_refused() -> None:
    with pytest.raises(Unauthorized):
        FROM_AUTHORIZER.identity(request(""))


def behind(authorizer: Any, *, tenant_id: str | None = None) -> Request:
    made = request(None)
    made.authorizer = authorizer
    made.tenant_id = tenant_id
    return made


@pytest.mark.parametrize(
    "wrapped", [lambda text: {"lambda": {"claims": text}}, lambda text: {"claims": text, "principalId": "x"}]
)
def test_context_is_that_of_an_http_or_of_a_rest_api(wrapped: Any) -> None:
    identity = FROM_AUTHORIZER.identity(behind(wrapped(claims())))

    assert identity is not None
    assert identity.subject == "auth0|alice"


FORGED = [
    *({"lambda": {}}, {"lambda": None}, {"lambda": claims()}, {"lambda": [claims()]}, {"claims": None}, {"claims": 5}),
    *({"lambda": {"claims": json.loads(claims())}}, {"claims": json.loads(claims())}, {"claims": [claims()]}),
    *({"lambda": {"claims": claims()}, "claims": claims()}, {"lambda": {}, "claims": claims()}, {"Claims": claims()}),
    *({"lambda": {"claims": claims()}, "principalId": "x"}, {"lambda": {"lambda": {"claims": claims()}}}),
    *({"jwt": {"claims": json.loads(claims())}}, {"iam": {"userId": "x"}}, {"principalId": "x"}),
]


@pytest.mark.parametrize("authorizer", FORGED, ids=lambda authorizer: str(authorizer)[:60])
def test_context_of_another_shape_is_refused(authorizer: Any) -> None:
    with pytest.raises(Unauthorized) as caught:
        FROM_AUTHORIZER.identity(behind(authorizer))

    assert caught.value.code == "invalid_claims"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.just(claims(exp=4_000_000_000)),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["lambda", "claims", "jwt", "iss", "x"]), inner, max_size=3)
        ),
        max_leaves=6,
    ).filter(lambda value: value is None or isinstance(value, dict))
)
def test_any_context_is_a_caller_nobody_or_refused(authorizer: Any) -> None:
    try:
        identity = FROM_AUTHORIZER.identity(behind(authorizer))
    except Unauthorized:
        return

    assert identity is None or identity.subject == "auth0|alice"
    assert (identity is None) == (not authorizer)


@pytest.mark.parametrize(("tenant", "tenant_id"), [("acme", "acme"), ("acme", None), (None, None)])
def test_token_of_the_tenant_is_taken(tenant: str | None, tenant_id: str | None) -> None:
    identity = FROM_AUTHORIZER.identity(behind({"claims": claims(tenant=tenant)}, tenant_id=tenant_id))

    assert identity is not None
    assert identity.tenant == tenant


@pytest.mark.parametrize(
    ("tenant", "tenant_id"), [("acme", "globex"), (None, "acme"), (LEFT_OUT, "acme"), ("acme", ""), ("Acme", "acme")]
)
def test_token_of_another_tenant_is_refused(tenant: object, tenant_id: str) -> None:
    with pytest.raises(Forbidden) as caught:
        FROM_AUTHORIZER.identity(behind({"claims": claims(tenant=tenant)}, tenant_id=tenant_id))

    assert (caught.value.status, caught.value.code) == (403, "other_tenant")


def test_answer_that_is_kept_for_an_hour_is_worth_nothing_once_the_token_has_expired() -> None:
    """API Gateway keeps an authorizer's answer for up to an hour, whatever the token says."""
    now = time.time()
    accepted = 0
    for age_s in range(30, 3600, 7):
        try:
            FROM_AUTHORIZER.identity(behind({"claims": claims(exp=now - age_s)}))
        except Unauthorized:
            continue
        accepted += 1

    assert accepted == 0
