"""Every route of the module, called by every type of user."""

import pytest

from tests.cora_modules.access.world import ACME, PEOPLE, is_problem, leaked
from tests.cora_modules.mgmt.cloud import Cloud
from tests.cora_modules.mgmt.recorder import Recorder
from tests.cora_modules.mgmt.world import ACME_SECRET, APPS, FUNCTION, SYS_SECRET, MgmtWorld

pytestmark = pytest.mark.db

# Owner, admin and user of Acme; Globex's owner; a user without an organization; the platform's admin and its owner; two
# valid tokens of unknown users; alice's expired token; no token.
CAST = ("alice", "dave", "carol", "bob", "erin", "sam", "root", "stranger", "guest", "expired", "anonymous")
PLATFORM = (403, 403, 403, 403, 403, 200, 200, 403, 403, 401, 401)
ORG_ADMIN = (200, 200, 403, 404, 404, 404, 404, 403, 403, 401, 401)
STATUSES = {
    ("GET", "/admin/sys/modules"): PLATFORM,
    ("PATCH", "/admin/sys/modules/chat"): PLATFORM,
    ("GET", f"/orgs/{ACME}/modules"): ORG_ADMIN,
    ("PATCH", f"/orgs/{ACME}/modules/chat"): ORG_ADMIN,
    ("GET", "/admin/sys/lambda-config"): PLATFORM,
    ("PATCH", f"/admin/sys/lambda-config/{FUNCTION}"): PLATFORM,
    ("POST", "/admin/sys/lambda-config/sync"): PLATFORM,
    ("GET", "/admin/sys/monitoring/functions"): PLATFORM,
    ("GET", "/admin/sys/monitoring/database"): PLATFORM,
    ("GET", f"/orgs/{ACME}/usage"): ORG_ADMIN,
}
BODIES: dict[tuple[str, str], dict[str, object]] = {
    ("PATCH", "/admin/sys/modules/chat"): {"isEnabled": False},
    ("PATCH", f"/orgs/{ACME}/modules/chat"): {"enabled": False},
    ("PATCH", f"/admin/sys/lambda-config/{FUNCTION}"): {"memoryMb": 1024},
    ("POST", "/admin/sys/lambda-config/sync"): {},
}
CASES = [
    (route, name, status) for route, statuses in STATUSES.items() for name, status in zip(CAST, statuses, strict=True)
]
SUCCESSES = [case for case in CASES if case[2] < 400]
REFUSED = [case for case in CASES if case[2] >= 400]


def _id(case: tuple[tuple[str, str], str, int]) -> str:
    (method, path), name, status = case
    return f"{method} {path.replace(str(ACME), 'acme')} {name} {status}"


def test_cast_is_complete() -> None:
    assert set(CAST) == set(PEOPLE)


def test_table_has_every_route() -> None:
    ids = {"org_id": ACME, "name": "chat", "function": FUNCTION}
    declared = {(route.method, route.path.format(**ids)) for app in APPS for route in app.routes}

    assert declared == set(STATUSES)


@pytest.mark.parametrize(("route", "name", "status"), SUCCESSES, ids=map(_id, SUCCESSES))
def test_allowed_request_succeeds(
    world: MgmtWorld, cloud: Cloud, calls: Recorder, route: tuple[str, str], name: str, status: int
) -> None:
    before = world.snapshot()

    response = world.as_(name).send(*route, body=BODIES.get(route))

    assert response.status == status
    assert (world.snapshot() == before) is (route[0] == "GET")


@pytest.mark.parametrize(("route", "name", "status"), REFUSED, ids=map(_id, REFUSED))
def test_refused_request_changes_nothing_calls_nothing_and_leaks_nothing(
    world: MgmtWorld, calls: Recorder, route: tuple[str, str], name: str, status: int
) -> None:
    before = world.snapshot()

    response = world.as_(name).send(*route, body=BODIES.get(route))

    assert (response.status, is_problem(response)) == (status, True)
    assert (world.snapshot() == before, calls.calls) == (True, [])
    assert leaked(response, {ACME_SECRET, SYS_SECRET, *world.secrets()}) == []
