"""The verdict in each form that API Gateway asks for, and the pitfalls of what it does with the answer."""

import json
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest

from org_common.auth.authorizer import Authorizer, AuthorizerError, UnauthorizedResponse, authorizer
from org_common.auth.fetch import FetchError
from org_common.auth.jwks import Jwks
from org_common.auth.tokens import Verifier
from org_common.config.settings import Settings, SettingsError
from org_common.telemetry import log
from org_common.values.errors import OrgError
from org_common.values.identity import Identity
from tests.org_common.auth.corpus import CORPUS, OK
from tests.org_common.auth.events import ARN, Event, format_1, http_api, rest_api, rest_token
from tests.org_common.auth.forge import ISSUERS, NOW, Case, token, verifier
from tests.org_common.auth.keyserver import key_server

FORMS = [http_api, format_1, rest_api, rest_token]
POLICIES = [format_1, rest_api, rest_token]
GOOD = Case("good", "good", OK)

Form = Callable[..., Event]


@pytest.fixture
def app() -> Authorizer:
    return Authorizer(verifier())


def good() -> str:
    return f"Bearer {token(GOOD)}"


def claims_of(answer: Event) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(answer["context"]["claims"])
    return made


# --- the forms ---------------------------------------------------------------------------------


def test_http_api_gets_a_simple_response(app: Authorizer) -> None:
    answer = app(http_api(good()), None)

    assert answer.keys() == {"isAuthorized", "context"}
    # An emulator once took the text "false" for true.
    assert answer["isAuthorized"] is True
    assert claims_of(answer)["sub"] == "auth0|alice"


@pytest.mark.parametrize(
    ("form", "resource"),
    [(rest_api, f"{ARN}/prod/*/*"), (rest_token, f"{ARN}/prod/*/*"), (format_1, f"{ARN}/$default/*/*")],
)
def test_rest_api_gets_a_policy_for_its_api_and_stage(app: Authorizer, form: Form, resource: str) -> None:
    answer = app(form(good()), None)

    assert answer["principalId"] == "auth0|alice"
    assert answer["policyDocument"] == {
        "Version": "2012-10-17",
        "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": resource}],
    }
    assert claims_of(answer)["iss"] == "https://issuer.test"


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_pass_the_same_on(app: Authorizer, form: Form) -> None:
    answer = app(form(good()), None)

    assert answer["context"] == app(http_api(good()), None)["context"]
    assert [type(value) for value in answer["context"].values()] == [str]
    assert json.loads(json.dumps(answer)) == answer


@pytest.mark.parametrize("form", FORMS)
def test_handlers_read_what_the_authorizer_passes_on(form: Form) -> None:
    now = Authorizer(Verifier([ISSUERS["legacy"]]))
    fresh = Case("", "", OK, issuer="legacy", claims={"iat": int(time.time()), "exp": int(time.time()) + 60})

    identity = Identity.from_claims(now(form(f"Bearer {token(fresh)}"), None)["context"]["claims"])

    assert (identity.issuer, identity.subject) == (ISSUERS["legacy"].url, "auth0|alice")


# --- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", [case for case in CORPUS if case.expected != OK][::25], ids=lambda case: case.name)
def test_token_that_does_not_hold_is_a_401(app: Authorizer, form: Form, case: Case) -> None:
    with pytest.raises(UnauthorizedResponse) as caught:
        app(form(f"Bearer {token(case)}"), None)

    # API Gateway's word for 401: any other text is a 500.
    assert str(caught.value) == "Unauthorized"
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("sent", [None, "", "Bearer", "Basic YTpi", "Bearer a.b.c,Bearer d.e.f"])
def test_missing_or_other_header_is_a_401(app: Authorizer, form: Form, sent: str | None) -> None:
    with pytest.raises(UnauthorizedResponse):
        app(form(sent), None)


def test_refusal_is_logged_by_its_reason_alone(app: Authorizer, caplog: pytest.LogCaptureFixture) -> None:
    expired = token(Case("", "", "expired", claims={"exp": NOW - 60}))

    with caplog.at_level(logging.DEBUG), pytest.raises(UnauthorizedResponse):
        app(http_api(f"Bearer {expired}"), None)

    assert [record.getMessage() for record in caplog.records] == ["token refused: expired"]
    assert not any(part in caplog.text for part in expired.split("."))


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Authorization": "@", "authorization": "@"}, id="in two cases"),
        pytest.param({"authorization": ["@"]}, id="list"),
        pytest.param({"authorization": 5}, id="number"),
        pytest.param({"authorization": None}, id="null"),
        pytest.param({"authorization": {"a": 1}}, id="object"),
        pytest.param({"x-authorization": "@"}, id="another header"),
        pytest.param([], id="no object"),
        pytest.param(None, id="null headers"),
    ],
)
@pytest.mark.parametrize("form", [http_api, rest_api, format_1])
def test_headers_of_other_shapes_are_a_401(app: Authorizer, form: Form, headers: Any) -> None:
    made = {k: good() if v == "@" else v for k, v in headers.items()} if isinstance(headers, dict) else headers

    with pytest.raises(UnauthorizedResponse):
        app(form(None, headers=made, multiValueHeaders=None), None)


def test_header_that_was_sent_twice_is_a_401(app: Authorizer) -> None:
    event = rest_api(good())
    event["multiValueHeaders"]["authorization"] = [good(), good()]

    with pytest.raises(UnauthorizedResponse):
        app(event, None)


def test_header_in_any_case_is_read(app: Authorizer) -> None:
    event = rest_api(None, headers={"AUTHORIZATION": good()}, multiValueHeaders=None)

    assert claims_of(app(event, None))["sub"] == "auth0|alice"


# --- no verdict --------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_keys_that_cannot_be_had_are_an_error_and_no_denial(form: Form) -> None:
    """A denial would be kept by API Gateway for as long as an answer is, and `Unauthorized` would be a lie."""

    def down() -> bytes:
        raise FetchError("down")

    app = Authorizer(Verifier([ISSUERS["main"]], keys=lambda issuer: Jwks(issuer, fetch=down), clock=lambda: NOW))

    with pytest.raises(AuthorizerError) as caught:
        app(form(good()), None)

    assert str(caught.value) != "Unauthorized"
    assert not isinstance(caught.value, OrgError)


@pytest.mark.parametrize(
    "event",
    [
        *(None, [], "", 5, {}, {"version": "2.0"}, {"version": "2.0", "type": "TOKEN"}, {"type": "REQUEST"}),
        {"type": "REQUEST", "methodArn": None},
        {"type": "OTHER", "methodArn": f"{ARN}/prod/GET/"},
        {"version": "3.0", "type": "REQUEST"},
        *(
            {"type": "REQUEST", "methodArn": arn}
            for arn in (
                *(
                    "",
                    "*",
                    "arn:*",
                    f"{ARN}",
                    f"{ARN}/",
                    f"{ARN}/prod",
                    f"{ARN}/prod/",
                    f"{ARN}/*/GET/x",
                    f"{ARN}/p?/GET/x",
                ),
                *(
                    "arn:aws:execute-api:eu-central-1:123456789012:*/prod/GET/x",
                    "arn:aws:execute-api:*:123456789012:a/p/GET/x",
                ),
                *("arn:aws:execute-api:eu-central-1:*:a/p/GET/x", "arn:aws:lambda:eu-central-1:123456789012:a/p/GET/x"),
                *(
                    f" {ARN}/prod/GET/x",
                    f"{ARN}/prod*/GET/x",
                    f"{ARN}/$default2/GET/x",
                    f"{ARN}/${{x}}/GET/x",
                    f"{ARN}\n/p/GET/x",
                ),
                *(f"{ARN}/%2A/GET/x", "arn:aws:execute-api:eu-central-1:١٢٣٤٥٦٧٨٩٠١٢:a/p/GET/x"),
            )
        ),
    ],
    ids=repr,
)
def test_event_of_another_shape_is_an_error(app: Authorizer, event: Any) -> None:
    with pytest.raises(AuthorizerError, match="expected the event of a request authorizer"):
        app({"headers": {"authorization": good()}, **event} if isinstance(event, dict) else event, None)


# --- made from the environment ------------------------------------------------------------------


@pytest.mark.parametrize("form", POLICIES)
def test_principal_of_the_access_log_is_short_and_ascii(form: Form) -> None:
    app = Authorizer(verifier())
    sent = f"Bearer {token(Case('good', 'long', OK, claims={'sub': 'ä' + 'b' * 199}))}"

    answer = app(form(sent), None)

    assert answer["principalId"] == "?" + "b" * 127
    assert claims_of(answer)["sub"] == "ä" + "b" * 199


def test_server_in_front_gets_the_claims_that_handlers_read(app: Authorizer) -> None:
    assert json.loads(app.authorize(good())) == claims_of(app(http_api(good()), None))


def test_lines_of_the_function_are_json_in_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "authorizer")
    try:
        assert log.active() is None
        authorizer(settings=Settings())
        handler = log.active()
        assert handler is not None
        assert not handler.text
    finally:
        log.unconfigure()


VARIABLE = '[{"url": "https://issuer.test", "audience": "https://api.test", "algorithms": ["ES256"]%s}]'


def test_issuers_come_from_the_environment() -> None:
    settings = Settings.from_env({"ORG_COMMON_ISSUERS": VARIABLE % ""})

    assert authorizer(settings=settings).verifier.issuers == ("https://issuer.test",)


def test_given_issuers_win() -> None:
    settings = Settings.from_env({"ORG_COMMON_ISSUERS": VARIABLE % ""})

    assert authorizer([ISSUERS["rsa"]], settings=settings).verifier.issuers == ("https://rsa.test",)


@pytest.mark.parametrize("form", FORMS)
def test_without_issuers_each_call_says_what_is_missing(form: Form) -> None:
    app = authorizer(settings=Settings.from_env({}))

    with pytest.raises(SettingsError, match=r"ORG_COMMON_ISSUERS is not set.*Example: \[\{"):
        app(form(good()), None)


@pytest.mark.parametrize(
    ("kind", "fetched"),
    [("provisioned-concurrency", 1), ("on-demand", 0), ("snap-start", 0), ("", 0)],
)
def test_keys_are_fetched_ahead_where_lambda_starts_ahead(kind: str, fetched: int) -> None:
    with key_server() as server:
        text = VARIABLE % f', "jwks_url": "{server.url}", "loopback_http": true'
        settings = Settings.from_env({"ORG_COMMON_ISSUERS": text, "AWS_LAMBDA_INITIALIZATION_TYPE": kind})

        authorizer(settings=settings)

        assert server.requests == fetched


def test_repr_names_the_issuers() -> None:
    assert repr(authorizer([ISSUERS["main"]], settings=Settings())) == "Authorizer(Verifier(https://issuer.test))"
