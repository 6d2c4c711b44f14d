"""Every route of the module, called by every type of user."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from org_common.testing.client import Answer
from tests.cora_modules.access.world import (
    ACME,
    ACME_DOMAIN,
    ACME_INVITE,
    APPS,
    IDS,
    PEOPLE,
    World,
    invite_token,
    leaked,
)

pytestmark = pytest.mark.db

ORG = f"/orgs/{ACME}"
DOMAINS = f"{ORG}/email-domains"
DOMAIN = f"{DOMAINS}/{ACME_DOMAIN}"
VERIFY = f"/admin/sys/email-domains/{ACME_DOMAIN}/verify"
MEMBERS = f"{ORG}/members"
CAROL = f"{MEMBERS}/{IDS['carol']}"
INVITES = f"{ORG}/invites"
INVITE = f"{INVITES}/{ACME_INVITE}"
SYS_USERS = "/admin/sys/users"
SYS_CAROL = f"{SYS_USERS}/{IDS['carol']}"
PROVISION = ("POST", "/users/me/provision")

# Owner, admin and user of Acme; Globex's owner; a user without an organization; the platform's admin and its owner; a
# valid token of an unknown user, and one whose e-mail is invited; alice's expired token; no token. Callers who may know
# that Acme exists get 403, others 404.
CAST = ("alice", "dave", "carol", "bob", "erin", "sam", "root", "stranger", "guest", "expired", "anonymous")
STATUSES = {
    ("GET", "/orgs"): (200, 200, 200, 200, 200, 200, 200, 403, 403, 401, 401),
    ("POST", "/orgs"): (201, 201, 201, 201, 201, 201, 201, 403, 403, 401, 401),
    ("GET", ORG): (200, 200, 200, 404, 404, 404, 404, 403, 403, 401, 401),
    ("PATCH", ORG): (200, 200, 403, 404, 404, 404, 404, 403, 403, 401, 401),
    ("DELETE", ORG): (204, 403, 403, 404, 404, 404, 404, 403, 403, 401, 401),
    ("GET", DOMAINS): (200, 200, 403, 404, 404, 404, 404, 403, 403, 401, 401),
    ("POST", DOMAINS): (201, 201, 403, 404, 404, 404, 404, 403, 403, 401, 401),
    ("PATCH", DOMAIN): (200, 200, 403, 404, 404, 404, 404, 403, 403, 401, 401),
    ("DELETE", DOMAIN): (204, 204, 403, 404, 404, 404, 404, 403, 403, 401, 401),
    ("POST", VERIFY): (403, 403, 403, 403, 403, 200, 200, 403, 403, 401, 401),
    ("GET", "/users/me"): (200, 200, 200, 200, 200, 200, 200, 403, 403, 401, 401),
    ("PATCH", "/users/me"): (200, 200, 200, 200, 200, 200, 200, 403, 403, 401, 401),
    PROVISION: (200, 200, 200, 200, 200, 200, 200, 403, 200, 401, 401),
    ("POST", "/users/me/session"): (201, 201, 201, 201, 201, 201, 201, 403, 403, 401, 401),
    ("DELETE", "/users/me/session"): (204, 204, 204, 204, 204, 204, 204, 403, 403, 401, 401),
    ("GET", MEMBERS): (200, 200, 200, 404, 404, 404, 404, 403, 403, 401, 401),
    ("POST", MEMBERS): (201, 201, 403, 404, 404, 404, 404, 403, 403, 401, 401),
    ("PATCH", CAROL): (200, 200, 403, 404, 404, 404, 404, 403, 403, 401, 401),
    # Carol leaves.
    ("DELETE", CAROL): (204, 204, 204, 404, 404, 404, 404, 403, 403, 401, 401),
    ("GET", SYS_USERS): (403, 403, 403, 403, 403, 200, 200, 403, 403, 401, 401),
    ("GET", SYS_CAROL): (403, 403, 403, 403, 403, 200, 200, 403, 403, 401, 401),
    ("PATCH", SYS_CAROL): (403, 403, 403, 403, 403, 200, 200, 403, 403, 401, 401),
    ("GET", INVITES): (200, 200, 403, 404, 404, 404, 404, 403, 403, 401, 401),
    ("POST", INVITES): (201, 201, 403, 404, 404, 404, 404, 403, 403, 401, 401),
    ("DELETE", INVITE): (204, 204, 403, 404, 404, 404, 404, 403, 403, 401, 401),
    # Only the invited e-mail can use the token.
    ("POST", "/invites/accept"): (403, 403, 403, 403, 403, 403, 403, 403, 200, 401, 401),
}
BODIES: dict[tuple[str, str], dict[str, object]] = {
    ("POST", "/orgs"): {"name": "Initech", "slug": "initech"},
    ("PATCH", ORG): {"name": "Renamed"},
    ("POST", DOMAINS): {"domain": "initech.example"},
    ("PATCH", DOMAIN): {"autoProvision": True},
    ("PATCH", "/users/me"): {"fullName": "Renamed"},
    ("POST", MEMBERS): {"userId": str(IDS["erin"])},
    ("PATCH", CAROL): {"role": "org_admin"},
    ("PATCH", SYS_CAROL): {"isActive": False},
    ("POST", INVITES): {"email": "new@zq7.example"},
    ("POST", "/invites/accept"): {"token": invite_token("guest@zq7.example")},
}


def _start_sessions(world: World) -> None:
    for person in IDS:
        world.as_(person).post("/users/me/session")


def _add_shared_organization(world: World) -> None:
    """Add an organization that the admins of Acme share with erin."""
    org_id = world.insert("orgs", name="Hooli", slug="hooli")
    for person in ("alice", "dave", "erin"):
        world.insert("org_members", org_id=org_id, user_id=IDS[person], org_role="org_user")


# What a route needs before it can succeed.
SETUPS: dict[tuple[str, str], Callable[[World], None]] = {
    ("DELETE", "/users/me/session"): _start_sessions,
    ("POST", MEMBERS): _add_shared_organization,
}
CASES = [
    (route, name, status) for route, statuses in STATUSES.items() for name, status in zip(CAST, statuses, strict=True)
]
SUCCESSES = [case for case in CASES if case[2] < 400]
# Provisioning a known user changes nothing.
READS = [case for case in SUCCESSES if case[0][0] == "GET" or (case[0] == PROVISION and case[1] != "guest")]
WRITES = [case for case in SUCCESSES if case not in READS]
REFUSED = [case for case in CASES if case[2] >= 400]


def _case_id(case: tuple[tuple[str, str], str, int]) -> str:
    (method, path), name, status = case
    for id, what in ((ACME, "acme"), (ACME_DOMAIN, "domain"), (ACME_INVITE, "invite"), (IDS["carol"], "carol")):
        path = path.replace(str(id), what)
    return f"{method} {path} {name} {status}"


def call(world: World, route: tuple[str, str], name: str) -> Answer:
    method, path = route
    return world.as_(name).send(method, path, body=BODIES.get(route))


def test_cast_is_complete() -> None:
    assert set(CAST) == set(PEOPLE)


def test_table_has_every_route() -> None:
    ids = {"org_id": ACME, "domain_id": ACME_DOMAIN, "invite_id": ACME_INVITE, "user_id": IDS["carol"]}
    declared = {(route.method, route.path.format(**ids)) for app in APPS for route in app.routes}

    assert declared == set(STATUSES)


@pytest.mark.parametrize(("route", "name", "status"), READS, ids=map(_case_id, READS))
def test_read_succeeds(readonly_world: World, route: tuple[str, str], name: str, status: int) -> None:
    response = call(readonly_world, route, name)

    assert response.status == status


@pytest.mark.parametrize(("route", "name", "status"), WRITES, ids=map(_case_id, WRITES))
def test_write_changes_something(world: World, route: tuple[str, str], name: str, status: int) -> None:
    if route in SETUPS:
        SETUPS[route](world)
    before = world.snapshot()

    response = call(world, route, name)

    assert response.status == status
    assert world.snapshot() != before


@pytest.mark.parametrize(("route", "name", "status"), REFUSED, ids=map(_case_id, REFUSED))
def test_refused_request_changes_nothing_and_leaks_nothing(
    readonly_world: World, route: tuple[str, str], name: str, status: int
) -> None:
    before = readonly_world.snapshot()

    response = call(readonly_world, route, name)

    assert response.status == status
    assert response.headers["content-type"] == "application/problem+json"
    assert readonly_world.snapshot() == before
    assert leaked(response, readonly_world.secrets()) == []


@pytest.mark.parametrize("route", [route for route in STATUSES if str(ACME) in route[1]], ids=" ".join)
def test_hidden_organization_looks_absent(readonly_world: World, route: tuple[str, str]) -> None:
    method, path = route
    bob = readonly_world.as_("bob")

    hidden = bob.send(method, path, body=BODIES.get(route))
    absent = bob.send(method, path.replace(str(ACME), str(uuid4())), body=BODIES.get(route))

    assert (hidden.status, hidden.headers, hidden.body) == (absent.status, absent.headers, absent.body)
