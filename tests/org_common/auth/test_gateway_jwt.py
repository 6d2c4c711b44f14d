"""Behind API Gateway's own JWT authorizer: what it passes on as texts is checked as a token's claims are."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common import HTTP_API, REST_API, TOKEN, App, GatewayJwt, Identity, Issuer, Settings
from org_common.auth.gateway_jwt import _typed
from org_common.config.settings import SettingsError
from org_common.events import http_api as gateway
from org_common.http.request import Request
from org_common.testing import Person
from org_common.values.errors import Forbidden, Unauthorized
from org_common.values.types import Deadline, LocalContext

ISSUERS = [
    Issuer(
        "https://issuer.test", audience="api", algorithms=["RS256"], email_domains=["acme.test"], tenant_claim="org"
    ),
    Issuer(
        "https://cognito.test", audience="client", algorithms=["RS256"], audience_claim="client_id", token_use="access"
    ),
]
SOURCE = GatewayJwt(ISSUERS)


def claims(**changes: Any) -> dict[str, Any]:
    """As API Gateway writes them: each a text."""
    now = int(time.time())
    made = {
        "iss": "https://issuer.test",
        "aud": "api",
        "sub": "alice",
        "iat": str(now),
        "exp": str(now + 600),
        "email": "alice@acme.test",
        "email_verified": "true",
        "jti": "t-1",
        "org": "acme",
    }
    return {name: value for name, value in {**made, **changes}.items() if value is not None}


def request(authorizer: Any, *, tenant_id: str | None = None) -> Request:
    return Request("GET", "/", "/", "", {}, b"", "r-1", authorizer, Deadline.after(3), tenant_id)


def of(**changes: Any) -> Identity:
    identity = SOURCE.identity(request({"jwt": {"claims": claims(**changes), "scopes": None}}))
    assert identity is not None
    return identity


def refused(**changes: Any) -> str:
    with pytest.raises(Unauthorized) as caught:
        of(**changes)
    return str(getattr(caught.value, "reason", ""))


def test_claims_make_the_caller() -> None:
    identity = of()

    assert (identity.issuer, identity.subject, identity.token_id) == ("https://issuer.test", "alice", "t-1")
    assert (identity.email, identity.email_verified, identity.tenant) == ("alice@acme.test", True, "acme")
    assert identity.expires_at == pytest.approx(time.time() + 600, abs=5)


def test_log_says_why_claims_were_refused_and_nothing_of_them(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "org_common"):
        assert refused(iss="https://other.test") == "issuer"
        assert refused(exp="x") == "claim_type"

    assert [record.getMessage() for record in caplog.records] == ["token refused: issuer", "token refused: claim_type"]


@pytest.mark.parametrize("written", ["{:d}", "{:d}.0", "{:.9E}"])
def test_times_are_read_in_each_way_of_writing(written: str) -> None:
    text = written.format(int(time.time()) + 600).replace("E+0", "E")

    assert of(exp=text).subject == "alice"


def test_list_of_audiences_is_read() -> None:
    assert of(aud="[https://userinfo.test api]").subject == "alice"


@pytest.mark.parametrize("claim", ["scope", "scp"])
@pytest.mark.parametrize(
    ("sent", "is_valid"),
    [
        ("orders", True),
        ("openid orders", True),
        ("[orders]", True),
        ("[openid orders email]", True),
        ("orders:read", False),
        ("[openid]", False),
        ("[]", False),
        ("", False),
        (None, False),
    ],
)
def test_scopes_are_words_or_a_list(claim: str, sent: str | None, is_valid: bool) -> None:
    issuer = Issuer("https://issuer.test", audience="api", algorithms=["RS256"], required={claim: "orders"})
    source = GatewayJwt([issuer])
    authorizer = request({"claims": claims(**{claim: sent}), "scopes": None})
    if is_valid:
        assert source.identity(authorizer) is not None
        return
    with pytest.raises(Unauthorized) as caught:
        source.identity(authorizer)
    assert getattr(caught.value, "reason", None) == "required_claim"


@pytest.mark.parametrize("verified", ["false", "True", "1", "", "yes"])
def test_only_true_verifies_an_email(verified: str) -> None:
    assert of(email_verified=verified).email_verified is False


def test_mailbox_that_the_issuer_cannot_vouch_for_is_not_verified() -> None:
    assert of(email="root@evil.test").email_verified is False


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://evil.test"}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"aud": "other"}, "audience"),
        ({"aud": "[other]"}, "audience"),
        ({"aud": None}, "missing_claim"),
        ({"sub": None}, "missing_claim"),
        ({"sub": ""}, "claim_type"),
        ({"exp": None}, "missing_claim"),
        ({"iat": None}, "missing_claim"),
        ({"exp": "1700000000"}, "expired"),
        ({"exp": "99999999999"}, "lifetime"),
        ({"exp": "soon"}, "claim_type"),
        ({"exp": "NaN"}, "claim_type"),
        ({"exp": "inf"}, "claim_type"),
        ({"exp": "1e99"}, "claim_type"),
        ({"exp": "-1"}, "claim_type"),
        ({"exp": "١٢٣"}, "claim_type"),
        ({"exp": 1_700_000_000}, "claim_type"),
        ({"email_verified": True}, "claim_type"),
        ({"token_use": "id"}, "token_use"),
        ({"iss": "https://cognito.test"}, "missing_claim"),
        ({"iss": "https://cognito.test", "client_id": "client"}, "token_use"),
    ],
)
def test_what_the_gateway_does_not_look_at_is_looked_at_here(changes: dict[str, Any], reason: str) -> None:
    assert refused(**changes) == reason


@pytest.mark.parametrize(
    "authorizer",
    [
        {"jwt": None},
        {"jwt": {}},
        {"jwt": {"claims": None}},
        {"jwt": {"claims": "{}"}},
        {"jwt": [claims()]},
        {"jwt": {"claims": claims()}, "lambda": {}},
        {"jwt": {"claims": claims()}, "claims": {}},
        {"claims": claims(), "scopes": None, "lambda": {}},
        {"claims": claims(), "principalId": "x"},
        {"scopes": ["a"]},
        {"claims": {**claims(), "exp": 1_700_000_000}},
        {"claims": [claims()]},
        {"lambda": {"claims": Person("alice").claims()}},
        {"lambda": {"jwt": {"claims": claims()}}},
        {"claims": Person("alice").claims()},
        {"iam": {"userId": "x"}},
    ],
    ids=lambda authorizer: str(authorizer)[:40],
)
def test_context_of_another_shape_is_refused(authorizer: Any) -> None:
    with pytest.raises(Unauthorized):
        SOURCE.identity(request(authorizer))


@pytest.mark.parametrize("authorizer", [None, {}])
def test_without_a_context_nobody_calls(authorizer: Any) -> None:
    assert SOURCE.identity(request(authorizer)) is None


COGNITO = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc"
POOL = [
    Issuer(COGNITO, audience="client", audience_claim="client_id", algorithms=["RS256"]),
    Issuer(COGNITO, audience="client", token_use="id", algorithms=["RS256"], max_lifetime_s=7 * 86_400),
]
NUMBERS: list[Callable[[int], str]] = [
    "{:d}".format,
    "{:d}.0".format,
    "{:.9E}".format,
    "{:.9e}".format,
    "{:.10g}".format,
]


def java_date(seconds: int) -> str:
    return time.strftime("%a %b %d %H:%M:%S UTC %Y", time.gmtime(seconds))


def cognito(token_use: str, write_time: Callable[[int], str], groups: str, life_s: int) -> dict[str, str]:
    now = int(time.time())
    audience = {"client_id": "client", "scope": "openid"} if token_use == "access" else {"aud": "client"}
    return {
        "iss": COGNITO,
        "sub": "d2f50444-0041",
        "token_use": token_use,
        "auth_time": str(now),
        "iat": write_time(now),
        "exp": write_time(now + life_s),
        "jti": "t-1",
        "cognito:groups": groups,
        **audience,
    }


# Each way in which API Gateway passes on the claims that it verified.
IN_FRONT: dict[str, tuple[Callable[[dict[str, str]], dict[str, Any]], list[Callable[[int], str]], str]] = {
    "HTTP API, format 2.0": (lambda sent: {"jwt": {"claims": sent, "scopes": None}}, NUMBERS, "[admins staff]"),
    "HTTP API, format 2.0, scopes": (lambda sent: {"jwt": {"claims": sent, "scopes": ["openid"]}}, NUMBERS, "[a]"),
    "HTTP API, format 1.0": (lambda sent: {"claims": sent, "scopes": None}, NUMBERS, "[admins staff]"),
    "HTTP API, format 1.0, scopes": (lambda sent: {"claims": sent, "scopes": ["openid"]}, NUMBERS, "[a]"),
    "REST API, Cognito": (lambda sent: {"claims": sent}, [java_date, *NUMBERS[:1]], "admins,staff"),
}


def event_of(in_front: str, authorizer: dict[str, Any] | None) -> dict[str, Any]:
    if "2.0" in in_front:
        event = gateway.event("GET", "/me")
    else:
        event = {"httpMethod": "GET", "path": "/me", "headers": {}, "requestContext": {"stage": "$default"}}
        event["requestContext"]["requestId"] = "r"
        if "1.0" in in_front:
            event["version"] = "1.0"
    if authorizer is not None:
        event["requestContext"]["authorizer"] = authorizer
    return event


def me_behind_any() -> App:
    app = App("me", identity=GatewayJwt(POOL), events=(HTTP_API, REST_API))

    @app.get("/me", allow=TOKEN)
    def me(identity: Identity) -> dict[str, object]:
        return {"sub": identity.subject, "life": round(identity.expires_at - time.time())}

    return app


@pytest.mark.parametrize("token_use", ["access", "id"])
@pytest.mark.parametrize("in_front", IN_FRONT)
def test_claims_are_read_behind_each_authorizer(in_front: str, token_use: str) -> None:
    app = me_behind_any()
    make, times, groups = IN_FRONT[in_front]
    for write_time in times:
        for life_s in (300, 86_400):
            event = event_of(in_front, make(cognito(token_use, write_time, groups, life_s)))
            response = app(event, LocalContext("r", 10))
            assert response["statusCode"] == 200, (in_front, write_time(5))
            assert abs(json.loads(response["body"])["life"] - life_s) < 5
        expired = make(cognito(token_use, write_time, groups, -60))
        assert json.loads(app(event_of(in_front, expired), LocalContext("r", 10))["body"])["code"] == "token_expired"
        too_long = make(cognito(token_use, write_time, groups, 6 * 86_400))
        status = app(event_of(in_front, too_long), LocalContext("r", 10))["statusCode"]
        assert status == (200 if token_use == "id" else 401)


@pytest.mark.parametrize(
    ("in_front", "authorizer"),
    [(in_front, None) for in_front in IN_FRONT] + [("HTTP API, format 1.0", {"claims": None, "scopes": None})],
)
def test_route_without_an_authorizer_has_no_caller(in_front: str, authorizer: dict[str, Any] | None) -> None:
    response = me_behind_any()(event_of(in_front, authorizer), LocalContext("r", 10))

    assert (response["statusCode"], json.loads(response["body"])["code"]) == (401, "unauthorized")


@given(st.integers(0, 7_258_118_399))
def test_every_date_of_java_is_the_time_that_it_says(seconds: int) -> None:
    assert _typed("exp", java_date(seconds)) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "Fri Jul 29 18:52:53 CEST 2016",
        "Fri Jul 32 18:52:53 UTC 2016",
        "Fri Feb 30 18:52:53 UTC 2016",
        "Fri Foo 29 18:52:53 UTC 2016",
        "Fri Jul 29 25:52:53 UTC 2016",
        "Fri Jul 29 18:52:53 UTC 0000",
        "fri Jul 29 18:52:53 UTC 2016",
        "Fri Jul 29 18:52:53 UTC 2016 ",
        "Fri Jul ٢٩ 18:52:53 UTC 2016",
        "2016-07-29T18:52:53Z",
    ],
)
@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
def test_other_dates_are_no_times(claim: str, text: str) -> None:
    assert refused(**{claim: text}) == "claim_type"


def test_token_of_another_tenant_is_a_403() -> None:
    authorizer = {"jwt": {"claims": claims()}}

    assert SOURCE.identity(request(authorizer, tenant_id="acme")) is not None
    with pytest.raises(Forbidden):
        SOURCE.identity(request(authorizer, tenant_id="globex"))


def test_app_answers_an_event_of_that_authorizer() -> None:
    app = App("native", identity=SOURCE, events=(HTTP_API,))

    @app.get("/me", allow=TOKEN)
    def me(identity: Identity) -> str:
        return identity.subject

    event = gateway.event("GET", "/me")
    event["requestContext"]["authorizer"] = {"jwt": {"claims": claims(), "scopes": None}}

    assert app(event, LocalContext("r-1", 3))["body"] == '"alice"'


def test_without_issuers_it_says_what_is_missing() -> None:
    with pytest.raises(SettingsError, match="ORG_COMMON_ISSUERS"):
        GatewayJwt(settings=Settings()).identity(request({"jwt": {"claims": claims()}}))


def test_issuers_come_from_the_environment_by_default() -> None:
    assert repr(GatewayJwt(settings=Settings(issuers=tuple(ISSUERS)))) == (
        "GatewayJwt(https://issuer.test, https://cognito.test)"
    )


def test_it_loads_no_pyjwt() -> None:
    code = "import sys; from org_common import GatewayJwt; print({'jwt', 'cryptography'} & set(sys.modules))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"
