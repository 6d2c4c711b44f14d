"""The routes of invitations: list, create and revoke."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from tests.cora_modules.access.arrivals import accept, invitation
from tests.cora_modules.access.world import (
    ACME,
    ACME_INVITE,
    GLOBEX,
    GLOBEX_INVITE,
    IDS,
    World,
    invite_token,
    leaked,
    pages,
    pointers,
)

pytestmark = pytest.mark.db

INVITES = f"/orgs/{ACME}/invites"
FIELDS = ["id", "orgId", "email", "role", "status", "expiresAt", "invitedBy", "createdAt"]
NEW = {"email": "new@zq7.example"}


# --- list -------------------------------------------------------------------------------------


def test_list_has_all_invitations_without_tokens(readonly_world: World) -> None:
    items = readonly_world.as_("dave").get(INVITES).json()["items"]

    assert {tuple(item) for item in items} == {tuple(FIELDS)}
    assert {item["email"]: item["status"] for item in items} == {
        "guest@zq7.example": "pending",
        "boss@zq7.example": "pending",
        "late@zq7.example": "expired",
        "expired@zq7.example": "expired",
        "revoked@zq7.example": "revoked",
        "accepted@zq7.example": "accepted",
    }


def test_newest_invitation_comes_first(world: World) -> None:
    dave = world.as_("dave")
    for name in ("one", "two", "three"):
        dave.post(INVITES, {"email": f"{name}@zq7.example"})

    emails = [item["email"].partition("@")[0] for page in pages(dave, INVITES, 2) for item in page]
    assert emails[:3] == ["three", "two", "one"]
    assert len(set(emails)) == len(emails) == 9


def test_token_is_in_the_first_response_only(world: World) -> None:
    token = world.as_("dave").post(INVITES, NEW).json()["token"]

    listed = world.as_("alice").get(INVITES)

    assert leaked(listed, {token, hashlib.sha256(token.encode()).hexdigest()}) == []


# --- create -----------------------------------------------------------------------------------


def test_new_invitation_has_a_location_and_expires_in_a_week(world: World) -> None:
    response = world.as_("dave").post(INVITES, NEW)

    invite, stored = response.json(), invitation(world, "new@zq7.example")
    assert (response.status, response.headers["location"]) == (201, f"{INVITES}/{invite['id']}")
    assert list(invite) == [*FIELDS, "orgName", "token"]
    assert (invite["role"], invite["status"], invite["orgName"]) == ("org_user", "pending", "Acme Zq7 Rockets")
    assert timedelta(days=6) < stored["expires_at"] - datetime.now(UTC) <= timedelta(days=7)
    assert (stored["invited_by"], stored["created_by"]) == (IDS["dave"], IDS["dave"])


def test_token_is_stored_as_a_hash(world: World) -> None:
    token = world.as_("dave").post(INVITES, NEW).json()["token"]

    assert len(token) == 64
    assert invitation(world, "new@zq7.example")["token_hash"] == hashlib.sha256(token.encode()).digest()
    assert token not in str(world.snapshot())


def test_tokens_are_unique(world: World) -> None:
    tokens = {world.as_("dave").post(INVITES, {"email": f"n{at}@zq7.example"}).json()["token"] for at in range(10)}

    assert len(tokens) == 10


def test_new_invitation_sends_a_mail(world: World) -> None:
    invite = world.as_("dave").post(INVITES, NEW).json()

    (message,) = world.admin.execute("select queue, message from app.outbox").fetchall()
    sent = message["message"]
    assert (message["queue"], sent["template"], sent["email"]) == ("mail", "invite", "new@zq7.example")
    assert (sent["token"], sent["org_name"], sent["id"]) == (invite["token"], invite["orgName"], invite["id"])


def test_refused_invitation_sends_no_mail(world: World) -> None:
    world.as_("dave").post(INVITES, {"email": "guest@zq7.example"})

    assert world.admin.execute("select from app.outbox").fetchall() == []


@pytest.mark.parametrize(
    ("name", "role", "status"),
    [
        ("alice", "org_owner", 201),
        ("alice", "org_user", 201),
        ("dave", "org_admin", 201),
        ("dave", "org_owner", 403),
        ("carol", "org_user", 403),
    ],
)
def test_role_is_at_most_the_role_of_the_caller(world: World, name: str, role: str, status: int) -> None:
    assert world.as_(name).post(INVITES, {**NEW, "role": role}).status == status


@pytest.mark.parametrize("email", ["guest@zq7.example", "GUEST@zq7.Example"])
def test_second_open_invitation_is_a_conflict(readonly_world: World, email: str) -> None:
    response = readonly_world.as_("dave").post(INVITES, {"email": email})

    assert (response.status, response.json()["code"]) == (409, "already_invited")


@pytest.mark.parametrize("email", ["carol@zq7.example", "Alice@Zq7.Example"])
def test_member_cannot_be_invited(readonly_world: World, email: str) -> None:
    response = readonly_world.as_("dave").post(INVITES, {"email": email})

    assert (response.status, response.json()["code"]) == (409, "already_member")


@pytest.mark.parametrize("email", [f"{state}@zq7.example" for state in ("late", "expired", "revoked", "accepted")])
def test_email_of_a_closed_invitation_can_be_invited_again(world: World, email: str) -> None:
    response = world.as_("dave").post(INVITES, {"email": email})

    assert response.status == 201
    assert [row["status"] for row in world.rows("invites") if row["email"] == email].count("pending") == 1


def test_two_organizations_can_invite_one_email(world: World) -> None:
    response = world.as_("bob").post(f"/orgs/{GLOBEX}/invites", {"email": "guest@zq7.example"})

    assert response.status == 201


def test_invitation_does_not_reveal_whether_the_email_has_a_user(world: World) -> None:
    known, unknown = (world.as_("dave").post(INVITES, {"email": f"{name}@zq7.example"}) for name in ("bob", "unknown"))

    assert (known.status, list(known.json())) == (unknown.status, list(unknown.json()))


INVALID_EMAILS = [
    "",
    "x",
    "@zq7.example",
    "a@",
    "a@b",
    "a b@zq7.example",
    "a@zq7.example\n",
    "a@@zq7.example",
    "ü@zq7.example",
]
INVALID_EMAILS += [
    "\u212a@zq7.example",
    "a@zq7.example.",
    "x" * 250 + "@a.de",
    '"a b"@zq7.example',
    "Alice <a@zq7.example>",
]


@pytest.mark.parametrize("email", [*INVALID_EMAILS, None, 3, []])
def test_invalid_email_is_rejected_with_a_pointer(readonly_world: World, email: object) -> None:
    response = readonly_world.as_("dave").post(INVITES, {"email": email})

    assert (response.status, pointers(response)) == (422, [("body", "#/email")])


@pytest.mark.parametrize(
    "field", ["id", "orgId", "token", "tokenHash", "status", "expiresAt", "invitedBy", "createdBy"]
)
def test_fields_that_the_database_fills_are_rejected(readonly_world: World, field: str) -> None:
    response = readonly_world.as_("alice").post(INVITES, {**NEW, field: str(GLOBEX)})

    assert (response.status, pointers(response)) == (422, [("body", f"#/{field}")])


# --- revoke -----------------------------------------------------------------------------------


def test_revoked_invitation_cannot_be_accepted(world: World) -> None:
    assert world.as_("dave").delete(f"{INVITES}/{ACME_INVITE}").status == 204
    assert invitation(world, "guest@zq7.example")["status"] == "revoked"

    response = accept(world, "guest", invite_token("guest@zq7.example"))

    assert (response.status, response.json()["code"]) == (410, "invite_closed")


@pytest.mark.parametrize("state", ["accepted", "revoked", "expired"])
def test_closed_invitation_cannot_be_revoked(readonly_world: World, state: str) -> None:
    invite_id = invitation(readonly_world, f"{state}@zq7.example")["id"]

    response = readonly_world.as_("dave").delete(f"{INVITES}/{invite_id}")

    assert (response.status, response.json()["code"]) == (409, "not_pending")


def test_admin_cannot_revoke_an_invitation_of_an_owner(readonly_world: World) -> None:
    invite_id = invitation(readonly_world, "boss@zq7.example")["id"]

    assert readonly_world.as_("dave").delete(f"{INVITES}/{invite_id}").status == 403


@pytest.mark.parametrize("name", ["alice", "both"])
def test_invitation_of_another_organization_is_not_found(world: World, name: str) -> None:
    if name == "both":
        world.insert("org_members", org_id=GLOBEX, user_id=IDS["alice"], org_role="org_owner")

    response = world.as_("alice").delete(f"{INVITES}/{GLOBEX_INVITE}")

    assert response.status == 404
    assert invitation(world, "guest@kw4.example")["status"] == "pending"
