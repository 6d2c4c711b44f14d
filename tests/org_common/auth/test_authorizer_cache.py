"""What API Gateway does with an answer: keeps it, and uses it for others. Nobody gets further by that."""

import json
import re
import time
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common.auth.authorizer import Authorizer, AuthorizerError, UnauthorizedResponse
from org_common.auth.tokens import Verifier
from org_common.values.errors import OrgError
from org_common.values.identity import Identity
from tests.org_common.auth.corpus import OK
from tests.org_common.auth.events import ARN, Event, format_1, http_api, rest_api, rest_token
from tests.org_common.auth.forge import ISSUERS, NOW, Case, token, verifier

FORMS = [http_api, format_1, rest_api, rest_token]


@pytest.fixture
def app() -> Authorizer:
    return Authorizer(verifier())


def good() -> str:
    return f"Bearer {token(Case('good', 'good', OK))}"


def allows(policy: Event, arn: str) -> bool:
    """IAM's reading of a policy's resource: `*` is any number of characters."""
    [statement] = policy["Statement"]
    return statement["Effect"] == "Allow" and pattern(statement["Resource"]).fullmatch(arn) is not None


@cache
def pattern(resource: str) -> re.Pattern[str]:
    return re.compile(re.escape(resource).replace(r"\*", ".*"), re.DOTALL)


API_ID = st.text("abc019", min_size=1, max_size=4)
STAGE = st.text("pPrd_-1", min_size=1, max_size=4) | st.just("$default")
PATH = st.text("/ab{}*?$ .é", max_size=8)


@given(st.tuples(API_ID, STAGE, PATH), st.tuples(API_ID, STAGE, PATH), st.sampled_from(["GET", "DELETE"]))
def test_policy_never_reaches_another_api_or_stage(ours: Any, theirs: Any, method: str) -> None:
    def arn(api: str, stage: str, path: str) -> str:
        return f"arn:aws:execute-api:eu-central-1:123456789012:{api}/{stage}/{method}/{path}"

    try:
        policy = Authorizer(verifier())(rest_token(good(), methodArn=arn(*ours)), None)["policyDocument"]
    except AuthorizerError:
        return  # a path that is empty

    assert allows(policy, arn(*ours))
    assert allows(policy, arn(*theirs)) == (ours[:2] == theirs[:2])


def test_answer_that_is_kept_never_lets_anybody_through_who_would_not_be() -> None:
    """API Gateway's cache, as it is: by token, for an hour, whatever the route. The handlers have the last word.

    100,000 requests of tokens that expire at all times, to two APIs, with the longest TTL there is.
    """
    clock = [float(NOW)]
    now = Authorizer(Verifier([ISSUERS["legacy"]], clock=lambda: clock[0]))
    kept: dict[tuple[str, str], tuple[float, Event]] = {}
    tokens = {
        life: token(Case("", "", OK, issuer="legacy", claims={"iat": NOW, "exp": NOW + life, "sub": f"s-{life}"}))
        for life in range(-100, 7200, 73)
    }
    stages, lives = ("prod", "test"), list(tokens)
    wrong = asked = let_through = 0
    for at in range(100_000):
        clock[0] = NOW + at * 0.08
        life, stage = lives[at * 7 % len(lives)], stages[at % 2]
        key = (stage, tokens[life])
        arn = f"{ARN}/{stage}/{('GET', 'DELETE')[at % 3 == 0]}/orgs/{at % 11}"
        if key not in kept or clock[0] - kept[key][0] > 3600:
            asked += 1
            try:
                kept[key] = (clock[0], now(rest_token(f"Bearer {tokens[life]}", methodArn=arn), None))
            except UnauthorizedResponse:
                kept.pop(key, None)  # an error is not kept
                continue
        answer = kept[key][1]
        passed = allows(answer["policyDocument"], arn) and accepted(answer["context"]["claims"], clock[0])
        let_through += passed
        wrong += passed != (NOW + life > clock[0] - 30) or not allows(answer["policyDocument"], arn)
        wrong += allows(answer["policyDocument"], arn.replace(f"/{stage}/", f"/{stages[(at + 1) % 2]}/"))

    assert wrong == 0
    assert let_through > 10_000
    assert asked < 100_000


EXPIRY = re.compile(r'"exp":(\d+)')


def accepted(claims: str, now: float) -> bool:
    """What the handler's side says of a context at that moment, with `exp` moved to the time of this test."""
    expires_at = int(EXPIRY.findall(claims)[0]) + time.time() - now
    try:
        Identity.from_claims(EXPIRY.sub(f'"exp":{expires_at}', claims))
    except OrgError:
        return False
    return True


@pytest.mark.parametrize("form", FORMS)
def test_answer_is_smaller_than_api_gateway_takes(app: Authorizer, form: Any) -> None:
    large = Case("", "", OK, claims={"sub": "é" * 500, "jti": "é" * 400})

    answer = app(form(f"Bearer {token(large)}"), None)

    assert 6 * 1024 < len(json.dumps(answer)) < 8 * 1024


def test_answer_that_would_be_too_large_is_a_401(app: Authorizer) -> None:
    with pytest.raises(UnauthorizedResponse):
        app(
            http_api(
                f"Bearer {token(Case('', '', OK, claims={'sub': 'é' * 512, 'jti': 'é' * 512, 'email': 'é' * 512}))}"
            ),
            None,
        )
