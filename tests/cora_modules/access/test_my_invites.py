"""Consent of the invited, and the limits of invitations and memberships."""

from uuid import UUID

import pytest

from org_common.testing.client import Answer
from tests.cora_modules.access.arrivals import accept, memberships, provision, roles_of
from tests.cora_modules.access.world import ACME, GLOBEX, IDS, TokenHolder, World

pytestmark = pytest.mark.db

INVITES, MINE = f"/orgs/{ACME}/invites", "/users/me/invites"
ERIN = "erin@zq7.example"


def mine(world: World, name: str = "erin") -> list[str]:
    return [invite["id"] for invite in world.as_(name).get(MINE).json()["items"]]


def invite(world: World, email: str = ERIN, name: str = "alice", org_id: UUID = ACME) -> Answer:
    return world.as_(name).post(f"/orgs/{org_id}/invites", {"email": email})


# --- consent ------------------------------------------------------------------------------------


def test_caller_sees_their_open_invitations(world: World) -> None:
    first = invite(world).json()
    invite(world, "someone@zq7.example")
    second = invite(world, name="bob", org_id=GLOBEX).json()

    items = world.as_("erin").get(MINE).json()["items"]

    assert [item["id"] for item in items] == [second["id"], first["id"]]
    assert list(items[1]) == ["id", "orgId", "orgName", "role", "expiresAt", "createdAt"]
    assert first["token"] not in str(items)


def test_caller_accepts_in_the_app(world: World) -> None:
    (invite_id,) = [invite(world).json()["id"]]

    response = world.as_("erin").post(f"{MINE}/{invite_id}/accept")

    assert memberships(response) == {ACME: "org_user"}
    assert mine(world) == []
    assert world.row("invites", invite_id)["status"] == "accepted"


def test_caller_declines(world: World) -> None:
    invite_id = invite(world).json()["id"]

    response = world.as_("erin").delete(f"{MINE}/{invite_id}")

    assert (response.status, roles_of(world, str(IDS["erin"]))) == (204, {})
    assert mine(world) == []
    assert world.row("invites", invite_id)["status"] == "revoked"
    assert world.admin.execute("select from app.outbox").fetchall() == []


@pytest.mark.parametrize("name", ["bob", "carol", "root", "alice"])
@pytest.mark.parametrize(("method", "path"), [("POST", "/accept"), ("DELETE", "")])
def test_invitation_to_another_user_is_not_found(world: World, name: str, method: str, path: str) -> None:
    invite_id = invite(world).json()["id"]

    assert world.as_(name).send(method, f"{MINE}/{invite_id}{path}").status == 404
    assert mine(world, name) == []


@pytest.mark.parametrize("status", ["late", "expired", "revoked", "accepted"])
def test_closed_invitation_is_not_found(world: World, status: str) -> None:
    world.invite(ACME, ERIN, status=status)
    (row,) = [row for row in world.rows("invites") if row["email"] == ERIN]

    assert mine(world) == []
    assert world.as_("erin").post(f"{MINE}/{row['id']}/accept").status == 404


def test_invitation_of_a_fallen_admin_is_not_found(world: World) -> None:
    invite_id = invite(world, name="dave").json()["id"]
    world.admin.execute("delete from access.org_members where user_id = %s", [IDS["dave"]])

    assert mine(world) == []
    assert world.as_("erin").post(f"{MINE}/{invite_id}/accept").status == 404


@pytest.mark.parametrize("route", ["members", "invites"])
def test_known_user_is_no_member_before_they_accept(world: World, route: str) -> None:
    hooli = world.insert("orgs", name="Hooli", slug="hooli")
    for person in ("alice", "erin"):
        world.insert("org_members", org_id=hooli, user_id=IDS[person], org_role="org_user")
    body = {"userId": str(IDS["erin"])} if route == "members" else {"email": ERIN}

    response = world.as_("alice").post(f"/orgs/{ACME}/{route}", body)

    assert response.status in (201, 202)
    assert roles_of(world, str(IDS["erin"])) == {hooli: "org_user"}
    world.as_("erin").post(f"{MINE}/{response.json()['id']}/accept")
    assert roles_of(world, str(IDS["erin"])) == {hooli: "org_user", ACME: "org_user"}


# --- limits -------------------------------------------------------------------------------------


def limited(response: Answer) -> bool:
    if response.status != 429:
        assert response.status == 201, response
        return False
    assert response.json()["code"] == "too_many_invites"
    assert 0 < int(response.headers["retry-after"]) <= 86_400
    return True


def new_org(world: World, name: str, slug: str) -> UUID:
    return UUID(world.as_(name).post("/orgs", {"name": slug, "slug": slug}).json()["id"])


def test_organization_sends_twenty_an_hour(world: World) -> None:
    sent = [limited(invite(world, f"u{at}@x.example", ("alice", "dave")[at % 2])) for at in range(22)]

    assert sent == [False] * 20 + [True] * 2
    assert not limited(invite(world, "other@x.example", "bob", GLOBEX))


def test_caller_sends_twenty_an_hour_in_all_organizations(world: World) -> None:
    orgs = [new_org(world, "erin", f"org-{at}") for at in range(3)]

    sent = [limited(invite(world, f"u{at}@x.example", "erin", orgs[at % 3])) for at in range(22)]

    assert sent == [False] * 20 + [True] * 2


@pytest.mark.parametrize(
    "emails",
    [["v@gmail.com"] * 4, ["v@gmail.com", "v+1@gmail.com", "V.@GMAIL.com", "v+2@googlemail.com"]],
    ids=["same", "spellings"],
)
def test_mailbox_gets_three_a_day_of_all_organizations(world: World, emails: list[str]) -> None:
    names = ("erin", "carol", "bob", "sam")
    orgs = [new_org(world, name, f"org-{name}") for name in names]

    sent = [limited(invite(world, email, name, org)) for email, name, org in zip(emails, names, orgs, strict=True)]

    assert sent == [False] * 3 + [True]


def test_revoking_resets_no_limit(world: World) -> None:
    sent = []
    for _ in range(4):
        response = invite(world, "v@x.example")
        sent.append(limited(response))
        if not sent[-1]:
            world.as_("alice").delete(f"{INVITES}/{response.json()['id']}")

    assert sent == [False] * 3 + [True]


def test_deleting_the_organization_resets_no_limit(world: World) -> None:
    sent = []
    for at in range(4):
        org_id = new_org(world, "erin", f"org-{at}")
        sent.append(limited(invite(world, "v@x.example", "erin", org_id)))
        world.as_("erin").delete(f"/orgs/{org_id}")

    assert sent == [False] * 3 + [True]


def test_refused_invitation_counts_for_nothing(world: World) -> None:
    for _ in range(5):
        assert invite(world, "guest@zq7.example").status == 409

    assert not limited(invite(world, "new@zq7.example"))


def test_limit_ends_with_its_period(world: World) -> None:
    for at in range(20):
        invite(world, f"u{at}@x.example")
    wait = int(invite(world, "v@x.example").headers["retry-after"])
    world.admin.execute("set session_replication_role = replica")
    world.admin.execute("update access.auth_log set created_at = created_at - interval '1 second' * %s", [wait])
    world.admin.execute("set session_replication_role = default")

    assert 3590 <= wait <= 3600
    assert not limited(invite(world, "v@x.example"))


def test_user_belongs_to_200_organizations(world: World) -> None:
    world.admin.execute(
        "with made as (insert into access.orgs (name, slug) select 'O' || n, 'o-' || n from generate_series(1, 199) n "
        "returning id) insert into access.org_members (org_id, user_id, org_role) select id, %s, 'org_user' from made",
        [IDS["erin"]],
    )
    token = invite(world).json()["token"]
    invite_id = invite(world, name="bob", org_id=GLOBEX).json()["id"]

    assert accept(world, TokenHolder("erin", email=ERIN), token).status == 200
    refused = [
        world.as_("erin").post(f"{MINE}/{invite_id}/accept"),
        world.as_("erin").post("/orgs", {"name": "One more", "slug": "one-more"}),
    ]
    assert [(answer.status, answer.json()["code"]) for answer in refused] == [(409, "too_many_orgs")] * 2
    assert len(roles_of(world, str(IDS["erin"]))) == 200
    assert len(provision(world, "erin").json()["organizations"]) == 50
