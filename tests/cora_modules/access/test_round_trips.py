"""The round trips to the database that each request takes, counted on the wire."""

from collections.abc import Iterator

import pytest

from tests.cora_modules.access.world import ACME, IDS, World, invite_token
from tests.support.proxy import Proxy

pytestmark = pytest.mark.db

ORG = f"/orgs/{ACME}"


@pytest.fixture
def proxy(world: World) -> Iterator[Proxy]:
    """A proxy between the apps and the server. The apps are connected."""
    with world.proxied(lambda: world.as_("alice").get(ORG)) as proxy:
        yield proxy


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("alice", "/users/me"),
        ("alice", f"{ORG}/members"),
        ("carol", f"{ORG}/members?limit=1"),
        ("alice", f"{ORG}/invites"),
        ("alice", f"{ORG}/email-domains"),
        ("alice", "/orgs"),
        ("alice", "/users/me/invites"),
        ("sam", "/admin/sys/users"),
        ("sam", f"/admin/sys/users/{IDS['carol']}"),
        # Also if it is refused.
        ("bob", f"{ORG}/members"),
        ("carol", f"{ORG}/invites"),
        ("alice", "/admin/sys/users"),
        ("stranger", "/users/me"),
    ],
)
def test_read_is_one_round_trip(world: World, proxy: Proxy, name: str, path: str) -> None:
    world.as_(name).get(path)

    assert proxy.round_trips() == 1


@pytest.mark.parametrize(
    ("name", "method", "path", "body"),
    [
        ("guest", "POST", "/users/me/provision", None),
        ("alice", "POST", "/users/me/provision", None),
        ("guest", "POST", "/invites/accept", {"token": invite_token("guest@zq7.example")}),
        ("alice", "PATCH", "/users/me", {"fullName": "A"}),
        ("alice", "POST", "/users/me/session", None),
        ("alice", "DELETE", "/users/me/session", None),
        # The message of the mail is sent with COMMIT.
        ("alice", "POST", f"{ORG}/invites", {"email": "new@zq7.example"}),
        ("alice", "PATCH", f"{ORG}/members/{IDS['carol']}", {"role": "org_admin"}),
        ("carol", "DELETE", f"{ORG}/members/{IDS['carol']}", None),
        ("root", "PATCH", f"/admin/sys/users/{IDS['carol']}", {"isActive": False}),
    ],
)
def test_write_is_one_transaction_of_one_statement(
    world: World, proxy: Proxy, name: str, method: str, path: str, body: dict[str, object] | None
) -> None:
    response = world.as_(name).send(method, path, body=body)

    begins = [text for text in proxy.statements() if text.lower().startswith("begin")]
    assert response.status < 300
    assert (proxy.round_trips(), len(begins)) == (2, 1)


def test_reads_of_the_platform_are_read_only(world: World, proxy: Proxy) -> None:
    world.as_("sam").get("/admin/sys/users")

    assert any("transaction_read_only" in text for text in proxy.statements())


def test_bad_token_uses_no_connection(world: World, proxy: Proxy) -> None:
    responses = [world.as_(name).get("/users/me").status for name in ("expired", "anonymous")]

    assert (responses, proxy.round_trips()) == ([401, 401], 0)


@pytest.mark.parametrize(("method", "suffix"), [("POST", "/accept"), ("DELETE", "")])
def test_decision_of_the_invited_is_one_statement(world: World, proxy: Proxy, method: str, suffix: str) -> None:
    invite_id = world.as_("alice").post(f"{ORG}/invites", {"email": "erin@zq7.example"}).json()["id"]
    proxy.reset()

    response = world.as_("erin").send(method, f"/users/me/invites/{invite_id}{suffix}")

    assert (response.status < 300, proxy.round_trips()) == (True, 2)


def test_invitation_of_a_known_user_is_one_statement(world: World, proxy: Proxy) -> None:
    hooli = world.insert("orgs", name="Hooli", slug="hooli")
    for name in ("alice", "erin"):
        world.insert("org_members", org_id=hooli, user_id=IDS[name], org_role="org_user")

    response = world.as_("alice").post(f"{ORG}/members", {"userId": str(IDS["erin"])})

    assert (response.status, proxy.round_trips()) == (202, 2)
