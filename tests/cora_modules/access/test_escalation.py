"""Attempts to gain privileges are refused with the right status and change no row of any table."""

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cora_modules.access import users
from org_common.events import http_api as gateway
from org_common.testing.client import ISSUER, Answer
from org_common.tools.database.local import LocalDatabase, clone, drop
from org_common.tools.openapi.document import document
from org_common.values.types import LocalContext
from tests.cora_modules.access.attempts import ATTEMPTS, EVIL, ME, Attempt, prepare_targets
from tests.cora_modules.access.world import APPS, IDS, TokenHolder, World, is_problem, leaked

pytestmark = pytest.mark.db


@pytest.fixture(scope="module")
def shared_target(database_template: LocalDatabase) -> Iterator[World]:
    """The database of `target`. Tests use `target`."""
    world = World(clone(database_template, f"target_{uuid.uuid4().hex}"))
    prepare_targets(world)
    yield world
    world.close()
    drop(world.local)


@pytest.fixture
def target(shared_target: World) -> Iterator[World]:
    """Acme and Globex, and the rows that the attempts are aimed at."""
    with shared_target.served():
        yield shared_target


@contextmanager
def unchanged(world: World) -> Iterator[None]:
    """Assert that the block changes no row of any table."""
    before = world.everything()
    yield
    assert world.everything() == before


def test_attempts_are_many_and_different() -> None:
    assert len(ATTEMPTS) >= 60
    assert len(
        {
            (attempt.description, str(attempt.person), attempt.method, attempt.path, str(attempt.body))
            for attempt in ATTEMPTS
        }
    ) == len(ATTEMPTS)


@pytest.mark.parametrize(
    "attempt", ATTEMPTS, ids=[f"{at}-{attempt.description}" for at, attempt in enumerate(ATTEMPTS)]
)
def test_attempt_is_refused_and_changes_nothing(target: World, attempt: Attempt) -> None:
    path, _, query = attempt.path.partition("?")

    with unchanged(target):
        response = target.as_(attempt.person).send(attempt.method, path, query=query, body=attempt.body)

    assert response.status == attempt.status
    assert is_problem(response)
    assert attempt.code in (None, response.json()["code"])


def test_every_refusal_is_in_the_openapi_document() -> None:
    paths = document(APPS, title="access")["paths"]

    undocumented = []
    for attempt in ATTEMPTS:
        parts = attempt.path.partition("?")[0].split("/")
        (template,) = [path for path in paths if _matches(path, parts)]
        if str(attempt.status) not in paths[template][attempt.method.lower()]["responses"]:
            undocumented.append((attempt.description, attempt.status))
    assert undocumented == []


def _matches(template: str, parts: list[str]) -> bool:
    names = template.split("/")
    return len(names) == len(parts) and all(
        name == part or name.startswith("{") for name, part in zip(names, parts, strict=True)
    )


def test_refusals_leak_nothing_to_outsiders(target: World) -> None:
    outsiders = [attempt for attempt in ATTEMPTS if attempt.person in ("bob", "erin", "root", "sam", "stranger")]

    for attempt in outsiders:
        path, _, query = attempt.path.partition("?")
        response = target.as_(attempt.person).send(attempt.method, path, query=query, body=attempt.body)
        assert leaked(response, target.secrets()) == [], attempt.description


def test_similar_requests_succeed_with_permission(world: World) -> None:
    """Shows that the attempts are refused for lack of permission, and not for another reason."""
    prepare_targets(world)
    alice, sam = world.as_("alice"), world.as_("sam")

    statuses = [
        alice.patch(f"/orgs/{attempt_org}/members/{IDS['carol']}", {"role": "org_admin"}).status
        for attempt_org in {attempt.path.split("/")[2] for attempt in ATTEMPTS if attempt.path.startswith("/orgs/")}
    ]
    statuses.append(sam.patch(f"/admin/sys/users/{IDS['erin']}", {"isActive": False}).status)
    statuses.append(world.as_(TokenHolder("new", email="new@open-zq7.example")).post("/users/me/provision").status)
    statuses.append(world.as_("guest").post("/users/me/provision").status)

    # Alice is not a member of the other organization.
    assert sorted(statuses) == [200, 200, 200, 200, 404]


# --- forged request contexts ------------------------------------------------------------------

GOOD: dict[str, Any] = {"iss": ISSUER, "sub": "local|alice", "exp": 4102444800, "email": None, "email_verified": False}


def send_as(authorizer: Any, /, **event: Any) -> Answer:
    """The response to a change of alice's profile, with this authorizer context in the event."""
    request = gateway.event("PATCH", ME, headers={"content-type": "application/json"}, body=b'{"fullName": "Mallory"}')
    if authorizer is not None:
        request["requestContext"]["authorizer"] = authorizer
    request.update(event)
    return Answer(users.app(request, LocalContext("test", 29)))


def claims(**changes: Any) -> dict[str, Any]:
    return {"lambda": {"claims": json.dumps({**GOOD, **changes})}}


FORGED: dict[str, tuple[Any, dict[str, Any]]] = {
    "claims as an object": ({"lambda": {"claims": GOOD}}, {}),
    "claims of an API's JWT authorizer": ({"jwt": {"claims": GOOD}}, {}),
    "claims of an IAM authorizer": ({"iam": {"userId": "local|alice"}}, {}),
    "claims spread over the context": ({"lambda": GOOD}, {}),
    "claims in a list": ({"lambda": {"claims": [json.dumps(GOOD)]}}, {}),
    "claims next to the authorizer": (None, {"claims": json.dumps(GOOD)}),
    "authorizer outside the context": (None, {"authorizer": claims()}),
    "context as a string": (json.dumps(claims()), {}),
    "context as a list": ([claims()], {}),
    "lambda as a string": ({"lambda": json.dumps({"claims": json.dumps(GOOD)})}, {}),
    "principal": ({"principalId": "local|alice"}, {}),
    "headers": (None, {"headers": {"x-claims": json.dumps(GOOD), "content-type": "application/json"}}),
    "header with a token": (None, {"headers": {"authorization": "Bearer a.b.c", "content-type": "application/json"}}),
    "stage variables": (None, {"stageVariables": {"claims": json.dumps(GOOD)}}),
    "without a subject": (claims(sub=None), {}),
    "subject as a list": (claims(sub=["local|alice"]), {}),
    "subject as a number": (claims(sub=1), {}),
    "empty subject": (claims(sub=""), {}),
    "subject with NUL": (claims(sub="local|alice\0"), {}),
    "issuer as a list": (claims(iss=[ISSUER]), {}),
    "issuer with a line break": (claims(iss=ISSUER + "\n"), {}),
    "without an expiry": (claims(exp=None), {}),
    "expiry as a string": (claims(exp="4102444800"), {}),
    "expiry as a boolean": (claims(exp=True), {}),
    "expiry NaN": (claims(exp=float("nan")), {}),
    "expired": (claims(exp=time.time() - 31), {}),
    "e-mail as a list": (claims(email=["alice@zq7.example"]), {}),
    "too long": (claims(more="x" * 9000), {}),
    "invalid JSON": ({"lambda": {"claims": "{"}}, {}),
    "JSON array": ({"lambda": {"claims": "[]"}}, {}),
    "JSON null": ({"lambda": {"claims": "null"}}, {}),
}


@pytest.mark.parametrize(("authorizer", "event"), FORGED.values(), ids=FORGED)
def test_forged_context_is_unauthorized(target: World, authorizer: Any, event: dict[str, Any]) -> None:
    with unchanged(target):
        response = send_as(authorizer, **event)

    assert response.status == 401
    assert is_problem(response)


# Valid claims that resemble those of a user or of a privileged role.
IMPERSONATIONS: dict[str, dict[str, Any]] = {
    "user's id": {"sub": str(IDS["alice"])},
    "user's id with an outer subject": {"sub": str(IDS["alice"]), "outer_sub": "local|alice"},
    "database role": {"sub": "local|x", "role": "app_sys"},
    "service role": {"sub": "local|x", "role": "service_role", "sys_role": "sys_owner"},
    "other issuer": {"iss": EVIL},
    "issuer in capitals": {"iss": ISSUER.upper()},
    "subject in capitals": {"sub": "LOCAL|ALICE"},
    "subject with a space": {"sub": "local|alice "},
    "LIKE pattern": {"sub": "local|%"},
}


@pytest.mark.parametrize("changes", IMPERSONATIONS.values(), ids=IMPERSONATIONS)
def test_claims_are_compared_exactly(target: World, changes: dict[str, Any]) -> None:
    with unchanged(target):
        response = send_as(claims(**changes))

    assert (response.status, response.json()["code"]) == (403, "not_provisioned")


def test_valid_context_is_accepted(world: World) -> None:
    """Shows that the events above are refused for their context, and not for another reason."""
    assert send_as(claims()).status == 200
    assert world.row("users", IDS["alice"])["full_name"] == "Mallory"
