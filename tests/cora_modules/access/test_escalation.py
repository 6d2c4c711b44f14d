"""Whoever wants more than he has is refused with the right status, and no row of any table is another than before."""

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
from tests.cora_modules.access.attempts import ATTEMPTS, EVIL, ME, Attempt, furnish
from tests.cora_modules.access.world import APPS, IDS, Somebody, World, is_a_problem, leaked

pytestmark = pytest.mark.db


@pytest.fixture(scope="module")
def built_fortress(database_template: LocalDatabase) -> Iterator[World]:
    """Behind `fortress`; not for tests."""
    world = World(clone(database_template, f"fortress_{uuid.uuid4().hex}"))
    furnish(world)
    yield world
    world.close()
    drop(world.local)


@pytest.fixture
def fortress(built_fortress: World) -> Iterator[World]:
    """Acme and Globex as always, and what makes the attempts worth trying."""
    with built_fortress.served():
        yield built_fortress


@contextmanager
def unchanged(world: World) -> Iterator[None]:
    """Nothing that happens in the block leaves a trace in any table."""
    before = world.everything()
    yield
    assert world.everything() == before


def test_there_are_enough_of_them() -> None:
    assert len(ATTEMPTS) >= 60
    assert len({(each.what, str(each.who), each.method, each.path, str(each.body)) for each in ATTEMPTS}) == len(
        ATTEMPTS
    )


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=[f"{at}-{each.what}" for at, each in enumerate(ATTEMPTS)])
def test_attempt_is_refused_and_changes_nothing(fortress: World, attempt: Attempt) -> None:
    path, _, query = attempt.path.partition("?")

    with unchanged(fortress):
        answer = fortress.as_(attempt.who).send(attempt.method, path, query=query, body=attempt.body)

    assert answer.status == attempt.status
    assert is_a_problem(answer)
    assert attempt.code in (None, answer.json()["code"])


def test_every_refusal_is_in_the_document() -> None:
    paths = document(APPS, title="access")["paths"]

    undocumented = []
    for each in ATTEMPTS:
        parts = each.path.partition("?")[0].split("/")
        (template,) = [path for path in paths if _is_of(path, parts)]
        if str(each.status) not in paths[template][each.method.lower()]["responses"]:
            undocumented.append((each.what, each.status))
    assert undocumented == []


def _is_of(template: str, parts: list[str]) -> bool:
    names = template.split("/")
    return len(names) == len(parts) and all(
        name == part or name.startswith("{") for name, part in zip(names, parts, strict=True)
    )


def test_outsiders_learn_nothing_from_being_refused(fortress: World) -> None:
    outsiders = [each for each in ATTEMPTS if each.who in ("bob", "erin", "root", "sam", "stranger")]

    for each in outsiders:
        path, _, query = each.path.partition("?")
        answer = fortress.as_(each.who).send(each.method, path, query=query, body=each.body)
        assert leaked(answer, fortress.secrets()) == [], each.what


def test_same_attempts_succeed_for_those_who_may(world: World) -> None:
    """Else they might be refused for another reason than they should."""
    furnish(world)
    alice, sam = world.as_("alice"), world.as_("sam")

    done = [
        alice.patch(f"/orgs/{attempt_org}/members/{IDS['carol']}", {"role": "org_admin"}).status
        for attempt_org in {each.path.split("/")[2] for each in ATTEMPTS if each.path.startswith("/orgs/")}
    ]
    done.append(sam.patch(f"/admin/sys/users/{IDS['erin']}", {"isActive": False}).status)
    done.append(world.as_(Somebody("new", email="new@open-zq7.example")).post("/users/me/provision").status)
    done.append(world.as_("guest").post("/users/me/provision").status)

    # The other organization is not alice's.
    assert sorted(done) == [200, 200, 200, 200, 404]


# --- forged request contexts ------------------------------------------------------------------

GOOD: dict[str, Any] = {"iss": ISSUER, "sub": "local|alice", "exp": 4102444800, "email": None, "email_verified": False}


def sent(authorizer: Any, /, **event: Any) -> Answer:
    """A change of alice's profile in an event whose authorizer's part was put together by hand."""
    made = gateway.event("PATCH", ME, headers={"content-type": "application/json"}, body=b'{"fullName": "Mallory"}')
    if authorizer is not None:
        made["requestContext"]["authorizer"] = authorizer
    made.update(event)
    return Answer(users.app(made, LocalContext("test", 29)))


def claims(**changes: Any) -> dict[str, Any]:
    return {"lambda": {"claims": json.dumps({**GOOD, **changes})}}


FORGED: dict[str, tuple[Any, dict[str, Any]]] = {
    "claims as an object": ({"lambda": {"claims": GOOD}}, {}),
    "claims of an API's JWT authorizer": ({"jwt": {"claims": GOOD}}, {}),
    "claims of an IAM authorizer": ({"iam": {"userId": "local|alice"}}, {}),
    "claims spread over the context": ({"lambda": GOOD}, {}),
    "claims in a list": ({"lambda": {"claims": [json.dumps(GOOD)]}}, {}),
    "claims beside the authorizer": (None, {"claims": json.dumps(GOOD)}),
    "authorizer beside the context": (None, {"authorizer": claims()}),
    "context as a text": (json.dumps(claims()), {}),
    "context as a list": ([claims()], {}),
    "lambda as a text": ({"lambda": json.dumps({"claims": json.dumps(GOOD)})}, {}),
    "principal": ({"principalId": "local|alice"}, {}),
    "headers": (None, {"headers": {"x-claims": json.dumps(GOOD), "content-type": "application/json"}}),
    "header with a token": (None, {"headers": {"authorization": "Bearer a.b.c", "content-type": "application/json"}}),
    "stage variables": (None, {"stageVariables": {"claims": json.dumps(GOOD)}}),
    "without a subject": (claims(sub=None), {}),
    "subject as a list": (claims(sub=["local|alice"]), {}),
    "subject as a number": (claims(sub=1), {}),
    "empty subject": (claims(sub=""), {}),
    "subject with a NUL": (claims(sub="local|alice\0"), {}),
    "issuer as a list": (claims(iss=[ISSUER]), {}),
    "issuer with a line break": (claims(iss=ISSUER + "\n"), {}),
    "without an end": (claims(exp=None), {}),
    "end as a text": (claims(exp="4102444800"), {}),
    "end that is a truth": (claims(exp=True), {}),
    "end that is none": (claims(exp=float("nan")), {}),
    "ended": (claims(exp=time.time() - 31), {}),
    "e-mail as a list": (claims(email=["alice@zq7.example"]), {}),
    "too long": (claims(more="x" * 9000), {}),
    "no JSON": ({"lambda": {"claims": "{"}}, {}),
    "JSON, no object": ({"lambda": {"claims": "[]"}}, {}),
    "null": ({"lambda": {"claims": "null"}}, {}),
}


@pytest.mark.parametrize(("authorizer", "event"), FORGED.values(), ids=FORGED)
def test_forged_context_is_nobody(fortress: World, authorizer: Any, event: dict[str, Any]) -> None:
    with unchanged(fortress):
        answer = sent(authorizer, **event)

    assert answer.status == 401
    assert is_a_problem(answer)


# Claims of a valid shape that would like to be more than they are.
PRETENDING: dict[str, dict[str, Any]] = {
    "user's id": {"sub": str(IDS["alice"])},
    "found already": {"sub": str(IDS["alice"]), "outer_sub": "local|alice"},
    "role of the database": {"sub": "local|x", "role": "app_sys"},
    "service": {"sub": "local|x", "role": "service_role", "sys_role": "sys_owner"},
    "other issuer": {"iss": EVIL},
    "issuer in capitals": {"iss": ISSUER.upper()},
    "subject in capitals": {"sub": "LOCAL|ALICE"},
    "subject with a space": {"sub": "local|alice "},
    "pattern": {"sub": "local|%"},
}


@pytest.mark.parametrize("changes", PRETENDING.values(), ids=PRETENDING)
def test_claims_are_taken_by_their_letter(fortress: World, changes: dict[str, Any]) -> None:
    with unchanged(fortress):
        answer = sent(claims(**changes))

    assert (answer.status, answer.json()["code"]) == (403, "not_provisioned")


def test_right_context_is_alice(world: World) -> None:
    """Else the events above might be refused for another reason than they should."""
    assert sent(claims()).status == 200
    assert world.row("users", IDS["alice"])["full_name"] == "Mallory"
