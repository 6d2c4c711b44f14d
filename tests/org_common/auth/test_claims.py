"""What is passed on of a token: six claims, one text, at most 7 KB. What a token must say: corpus.py."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common.auth.claims import LEEWAY_S, MAX_CONTEXT_BYTES, Claims, check_claims, is_trusted_mailbox
from org_common.auth.refusals import TokenRefused
from org_common.values.identity import LEEWAY_S as LEEWAY_OF_HANDLERS_S
from org_common.values.identity import Identity
from tests.org_common.auth.forge import ISSUERS, NOW, good_claims

MAIN = ISSUERS["main"]
TEXTS = st.text(min_size=1, max_size=600)


def made(**changes: Any) -> Claims:
    return check_claims(MAIN, {**good_claims("main"), **changes}, NOW)


def test_six_claims_are_passed_on_and_nothing_else() -> None:
    text = made(role="service_role", outer_sub="root", user_metadata={"a": 1}, org="acme").to_json()

    assert json.loads(text) == {
        "iss": "https://issuer.test",
        "sub": "auth0|alice",
        "exp": NOW + 3600,
        "email": "alice@acme.test",
        "email_verified": True,
        "jti": "t-1",
    }


def test_tenant_is_passed_on_where_the_settings_name_its_claim() -> None:
    strict = check_claims(ISSUERS["strict"], good_claims("strict"), NOW)

    assert json.loads(strict.to_json())["tenant"] == "acme"


def test_context_is_ascii_and_on_one_line() -> None:
    text = made(sub="Zo\u00eb \U0001f600").to_json()

    assert text.isascii()
    assert "\n" not in text
    assert json.loads(text)["sub"] == "Zo\u00eb \U0001f600"


def test_handlers_read_what_is_passed_on() -> None:
    identity = Identity.from_claims(made(exp=NOW + 3600).to_json())

    assert (identity.issuer, identity.subject) == ("https://issuer.test", "auth0|alice")
    assert (identity.email, identity.email_verified, identity.token_id) == ("alice@acme.test", True, "t-1")


def test_claims_of_more_than_seven_kilobytes_are_refused() -> None:
    large = made(sub="\U0001f600" * 512, email="\U0001f600" * 512)

    with pytest.raises(TokenRefused) as caught:
        large.to_json()

    assert caught.value.reason == "too_large"


def test_seven_kilobytes_are_the_most_that_is_passed_on() -> None:
    """As a string in JSON, where a quote and a backslash take two bytes each."""

    def passed_on(sub: str) -> str:
        return Claims(
            "https://issuer.test", sub, NOW, email=None, email_verified=False, jti=None, tenant=None
        ).to_json()

    room = 7 * 1024 - (len(json.dumps(passed_on(""))) - 2)
    assert len(json.dumps(passed_on("a" * room))) - 2 == 7 * 1024
    # Of one more byte. What is escaped in the claims is escaped again in the string.
    for text in ("a" * (room + 1), "a" * (room - 3) + '"', "a" * (room - 3) + "\\"):
        with pytest.raises(TokenRefused):
            passed_on(text)


@given(sub=TEXTS, email=st.none() | TEXTS, jti=st.none() | TEXTS, verified=st.booleans(), role=TEXTS)
def test_context_of_any_claims_is_valid_or_they_are_refused(
    sub: str, email: str | None, jti: str | None, verified: bool, role: str
) -> None:
    try:
        text = made(sub=sub, email=email, jti=jti, email_verified=verified, role=role).to_json()
    except TokenRefused:
        return

    assert len(json.dumps(text)) <= MAX_CONTEXT_BYTES + 2
    assert set(json.loads(text)) == {"iss", "sub", "exp", "email", "email_verified", "jti"}
    assert json.loads(text)["sub"] == sub


@pytest.mark.parametrize("email", [None, "", "alice", "alice@evil.test"])
def test_nobody_vouches_for_other_mailboxes(email: str | None) -> None:
    assert not is_trusted_mailbox(MAIN, email)


def test_handlers_allow_for_clocks_what_the_authorizer_allows() -> None:
    assert LEEWAY_S == LEEWAY_OF_HANDLERS_S == 30
    assert MAIN.max_lifetime_s == 24 * 3600


def test_repr_leaves_the_email_out() -> None:
    assert repr(made()) == "Claims(iss='https://issuer.test', sub='auth0|alice')"
