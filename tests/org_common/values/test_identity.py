"""Only claims that are whole, well-typed and not expired make an identity."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common.values.errors import Unauthorized
from org_common.values.identity import LEEWAY_S, Identity

LEFT_OUT = object()


NAMES = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=64)


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


def test_claims_become_the_identity() -> None:
    identity = Identity.from_claims(claims(exp=4_000_000_000))

    assert (identity.issuer, identity.subject) == ("https://issuer.test", "auth0|alice")
    assert (identity.email, identity.email_verified) == ("alice@example.com", True)
    assert (identity.expires_at, identity.token_id) == (4_000_000_000, "t-1")


@pytest.mark.parametrize("name", ["email", "email_verified", "jti"])
@pytest.mark.parametrize("value", [LEFT_OUT, None], ids=["left out", "null"])
def test_optional_claims_may_be_missing(name: str, value: object) -> None:
    assert Identity.from_claims(claims(**{name: value})).subject == "auth0|alice"


@pytest.mark.parametrize("name", ["iss", "sub"])
@pytest.mark.parametrize(
    "value",
    [
        pytest.param(LEFT_OUT, id="left out"),
        pytest.param(None, id="null"),
        pytest.param(5, id="number"),
        pytest.param(True, id="bool"),
        pytest.param(["a"], id="list"),
        pytest.param({"a": 1}, id="object"),
        pytest.param("", id="empty"),
        pytest.param("a" * 513, id="too long"),
        pytest.param("a\0b", id="NUL"),
        pytest.param("a\nb", id="newline"),
        pytest.param("a\x1b[31m", id="escape"),
        pytest.param("a\x7f", id="delete"),
        pytest.param("a\u202eb", id="right-to-left override"),
        pytest.param("a\u200bb", id="zero-width space"),
        pytest.param("\ud800", id="lone surrogate"),
    ],
)
def test_issuer_and_subject_are_printable_names(name: str, value: object) -> None:
    with pytest.raises(Unauthorized) as caught:
        Identity.from_claims(claims(**{name: value}))

    assert caught.value.code == "invalid_claims"


@pytest.mark.parametrize("name", ["email", "jti"])
@pytest.mark.parametrize("value", [5, True, "", ["a"], {"a": 1}, "a\0b", "a\r\nb", "a" * 513])
def test_optional_claims_of_the_wrong_type_are_refused(name: str, value: object) -> None:
    with pytest.raises(Unauthorized) as caught:
        Identity.from_claims(claims(**{name: value}))

    assert caught.value.code == "invalid_claims"


@pytest.mark.parametrize("length", [1, 512])
def test_longest_and_shortest_subject_are_taken(length: int) -> None:
    assert Identity.from_claims(claims(sub="a" * length)).subject == "a" * length


@pytest.mark.parametrize(
    "expires_at",
    [
        pytest.param(LEFT_OUT, id="left out"),
        pytest.param(None, id="null"),
        pytest.param("4000000000", id="string"),
        pytest.param(True, id="bool"),
        pytest.param([4_000_000_000], id="list"),
        pytest.param(float("nan"), id="NaN"),
        pytest.param(float("inf"), id="Infinity"),
        pytest.param(10**400, id="beyond a double"),
    ],
)
def test_expiry_is_a_finite_number(expires_at: object) -> None:
    with pytest.raises(Unauthorized) as caught:
        Identity.from_claims(claims(exp=expires_at))

    assert caught.value.code == "invalid_claims"


@pytest.mark.parametrize("age_s", [LEEWAY_S, LEEWAY_S + 1, 3600, 2e9])
def test_expired_token_is_refused(age_s: float) -> None:
    with pytest.raises(Unauthorized) as caught:
        Identity.from_claims(claims(exp=time.time() - age_s))

    assert caught.value.code == "token_expired"


@pytest.mark.parametrize("age_s", [-3600, 0, LEEWAY_S - 1])
def test_clocks_may_disagree_by_thirty_seconds(age_s: float) -> None:
    assert LEEWAY_S == 30
    assert Identity.from_claims(claims(exp=time.time() - age_s)).subject == "auth0|alice"


@pytest.mark.parametrize("value", ["true", "false", 1, "yes", [True], {"a": 1}, False, None], ids=repr)
def test_only_true_itself_verifies_an_email(value: object) -> None:
    assert Identity.from_claims(claims(email_verified=value)).email_verified is False


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "null",
        "5",
        "true",
        '"text"',
        "[]",
        '["iss", "sub", "exp"]',
        "{}",
        "{",
        "{'iss': 1}",
        "\ufeff{}",
        "[" * 8000,
    ],
    ids=lambda text: text[:12] or "empty",
)
def test_text_that_is_not_an_object_with_claims_is_refused(text: str) -> None:
    with pytest.raises(Unauthorized) as caught:
        Identity.from_claims(text)

    assert caught.value.code == "invalid_claims"


def test_claims_of_more_than_eight_kilobytes_are_refused() -> None:
    with pytest.raises(Unauthorized) as caught:
        Identity.from_claims(claims(groups="g" * 8192))

    assert caught.value.code == "invalid_claims"


def test_other_claims_are_ignored() -> None:
    identity = Identity.from_claims(claims(role="app_sys", org_id="x", permissions=["*"]))

    assert identity.subject == "auth0|alice"


def test_refusal_does_not_carry_the_claims_into_a_log() -> None:
    with pytest.raises(Unauthorized) as caught:
        Identity.from_claims('{"hunter2": ')

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_repr_leaves_the_email_out() -> None:
    identity = Identity.from_claims(claims())

    assert repr(identity) == "Identity(issuer='https://issuer.test', subject='auth0|alice')"


@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
def test_claims_for_the_database_hold_the_route_s_role(role: str) -> None:
    identity = Identity.from_claims(claims(role="app_service"))

    assert json.loads(identity.claims(role)) == {
        "iss": "https://issuer.test",
        "sub": "auth0|alice",
        "role": role,
        "email": "alice@example.com",
        "email_verified": True,
    }


@given(issuer=NAMES, subject=NAMES, email=NAMES)
def test_no_text_breaks_out_of_the_claims(issuer: str, subject: str, email: str) -> None:
    identity = Identity.from_claims(claims(iss=issuer, sub=subject, email=email))

    passed_on = json.loads(identity.claims("authenticated"))

    assert passed_on == {
        "iss": issuer,
        "sub": subject,
        "role": "authenticated",
        "email": email,
        "email_verified": True,
    }


def test_text_that_looks_like_claims_stays_text() -> None:
    email = 'a","role":"app_sys","x":"'
    identity = Identity.from_claims(claims(email=email))

    text = identity.claims("authenticated")

    assert text.count('"role":') == 1
    assert json.loads(text)["email"] == email


def test_identity_cannot_be_changed() -> None:
    identity = Identity.from_claims(claims())

    with pytest.raises(AttributeError, match="Identity is immutable: cannot set 'subject'"):
        identity.subject = "bob"
    with pytest.raises(AttributeError, match="Identity is immutable: cannot delete 'email'"):
        del identity.email

    assert identity.subject == "auth0|alice"


@pytest.mark.parametrize("tenant", [5, "", ["acme"], "a\nb", True])
def test_tenant_of_the_wrong_type_is_refused(tenant: object) -> None:
    with pytest.raises(Unauthorized):
        Identity.from_claims(claims(tenant=tenant))
