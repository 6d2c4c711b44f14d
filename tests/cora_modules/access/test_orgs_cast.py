"""Every route of access/orgs, called by everybody who could call it."""

from uuid import uuid4

import pytest

from cora_modules.access.orgs import app
from org_common.testing.client import Answer
from tests.cora_modules.access.world import ACME, ACME_DOMAIN, PEOPLE, World, leaked

pytestmark = pytest.mark.db

ORG = f"/orgs/{ACME}"
DOMAINS = f"{ORG}/email-domains"
DOMAIN = f"{DOMAINS}/{ACME_DOMAIN}"

# Owner, admin and user of Acme; Globex's owner; a user without any organization; the platform's owner; a valid token
# of nobody known; alice's token of an hour ago; no token. 403 is for who may know that Acme exists, 404 for others.
CAST = ("alice", "dave", "carol", "bob", "erin", "root", "stranger", "expired", "nobody")
STATUSES = {
    ("GET", "/orgs"): (200, 200, 200, 200, 200, 200, 403, 401, 401),
    ("POST", "/orgs"): (201, 201, 201, 201, 201, 201, 403, 401, 401),
    ("GET", ORG): (200, 200, 200, 404, 404, 404, 403, 401, 401),
    ("PATCH", ORG): (200, 200, 403, 404, 404, 404, 403, 401, 401),
    ("DELETE", ORG): (204, 403, 403, 404, 404, 404, 403, 401, 401),
    ("GET", DOMAINS): (200, 200, 403, 404, 404, 404, 403, 401, 401),
    ("POST", DOMAINS): (201, 201, 403, 404, 404, 404, 403, 401, 401),
    ("PATCH", DOMAIN): (200, 200, 403, 404, 404, 404, 403, 401, 401),
    ("DELETE", DOMAIN): (204, 204, 403, 404, 404, 404, 403, 401, 401),
}
BODIES = {
    ("POST", "/orgs"): {"name": "Initech", "slug": "initech"},
    ("PATCH", ORG): {"name": "Renamed"},
    ("POST", DOMAINS): {"domain": "initech.example"},
    ("PATCH", DOMAIN): {"autoProvision": True},
}
CASES = [
    (route, name, status) for route, statuses in STATUSES.items() for name, status in zip(CAST, statuses, strict=True)
]
READS = [case for case in CASES if case[2] == 200 and case[0][0] == "GET"]
WRITES = [case for case in CASES if case[2] < 400 and case[0][0] != "GET"]
REFUSED = [case for case in CASES if case[2] >= 400]


def _named(case: tuple[tuple[str, str], str, int]) -> str:
    (method, path), name, status = case
    return f"{method} {path.replace(str(ACME), 'acme').replace(str(ACME_DOMAIN), 'domain')} {name} {status}"


def call(world: World, route: tuple[str, str], name: str) -> Answer:
    method, path = route
    return world.as_(name).send(method, path, body=BODIES.get(route))


def test_the_cast_is_everybody() -> None:
    assert set(CAST) == set(PEOPLE)


def test_the_table_has_every_route() -> None:
    declared = {(route.method, route.path.format(org_id=ACME, domain_id=ACME_DOMAIN)) for route in app.routes}

    assert declared == set(STATUSES)


@pytest.mark.parametrize(("route", "name", "status"), READS, ids=map(_named, READS))
def test_reader_gets_an_answer(still_world: World, route: tuple[str, str], name: str, status: int) -> None:
    answer = call(still_world, route, name)

    assert answer.status == status


@pytest.mark.parametrize(("route", "name", "status"), WRITES, ids=map(_named, WRITES))
def test_writer_changes_something(world: World, route: tuple[str, str], name: str, status: int) -> None:
    before = world.snapshot()

    answer = call(world, route, name)

    assert answer.status == status
    assert world.snapshot() != before


@pytest.mark.parametrize(("route", "name", "status"), REFUSED, ids=map(_named, REFUSED))
def test_refused_caller_changes_nothing_and_learns_nothing(
    still_world: World, route: tuple[str, str], name: str, status: int
) -> None:
    before = still_world.snapshot()

    answer = call(still_world, route, name)

    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert still_world.snapshot() == before
    assert leaked(answer, still_world.secrets()) == []


@pytest.mark.parametrize("route", [route for route in STATUSES if str(ACME) in route[1]], ids=" ".join)
def test_hidden_org_looks_like_one_that_does_not_exist(still_world: World, route: tuple[str, str]) -> None:
    method, path = route
    bob = still_world.as_("bob")

    hidden = bob.send(method, path, body=BODIES.get(route))
    absent = bob.send(method, path.replace(str(ACME), str(uuid4())), body=BODIES.get(route))

    assert (hidden.status, hidden.headers, hidden.body) == (absent.status, absent.headers, absent.body)
