"""Behind API Gateway's own JWT authorizer: what it passes on as texts is checked as a token's claims are."""

import subprocess
import sys
import time
from typing import Any

import pytest

from org_common import HTTP_API, TOKEN, App, GatewayJwt, Identity, Issuer, Settings
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
        {"claims": claims()},
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
