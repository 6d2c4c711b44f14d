"""What the routes of invitations do: who invites, who accepts, and what becomes of the token."""

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


def test_list_has_all_invitations_and_no_token(still_world: World) -> None:
    items = still_world.as_("dave").get(INVITES).json()["items"]

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


def test_token_and_hash_are_in_no_answer_but_the_first(world: World) -> None:
    token = world.as_("dave").post(INVITES, NEW).json()["token"]

    listed = world.as_("alice").get(INVITES)

    assert leaked(listed, {token, hashlib.sha256(token.encode()).hexdigest()}) == []


# --- invite -----------------------------------------------------------------------------------


def test_new_invitation_is_where_location_says_and_open_for_a_week(world: World) -> None:
    answer = world.as_("dave").post(INVITES, NEW)

    made, stored = answer.json(), invitation(world, "new@zq7.example")
    assert (answer.status, answer.headers["location"]) == (201, f"{INVITES}/{made['id']}")
    assert list(made) == [*FIELDS, "orgName", "token"]
    assert (made["role"], made["status"], made["orgName"]) == ("org_user", "pending", "Acme Zq7 Rockets")
    assert timedelta(days=6) < stored["expires_at"] - datetime.now(UTC) <= timedelta(days=7)
    assert (stored["invited_by"], stored["created_by"]) == (IDS["dave"], IDS["dave"])


def test_token_is_kept_as_a_hash_only(world: World) -> None:
    token = world.as_("dave").post(INVITES, NEW).json()["token"]

    assert len(token) == 64
    assert invitation(world, "new@zq7.example")["token_hash"] == hashlib.sha256(token.encode()).digest()
    assert token not in str(world.snapshot())


def test_two_tokens_are_never_the_same(world: World) -> None:
    tokens = {world.as_("dave").post(INVITES, {"email": f"n{at}@zq7.example"}).json()["token"] for at in range(10)}

    assert len(tokens) == 10


def test_mail_goes_out_with_the_transaction(world: World) -> None:
    made = world.as_("dave").post(INVITES, NEW).json()

    (message,) = world.admin.execute("select queue, message from app.outbox").fetchall()
    sent = message["message"]
    assert (message["queue"], sent["template"], sent["email"]) == ("mail", "invite", "new@zq7.example")
    assert (sent["token"], sent["org_name"], sent["id"]) == (made["token"], made["orgName"], made["id"])


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
def test_role_is_granted_up_to_ones_own(world: World, name: str, role: str, status: int) -> None:
    assert world.as_(name).post(INVITES, {**NEW, "role": role}).status == status


@pytest.mark.parametrize("email", ["guest@zq7.example", "GUEST@zq7.Example"])
def test_one_invitation_is_open_at_a_time(still_world: World, email: str) -> None:
    answer = still_world.as_("dave").post(INVITES, {"email": email})

    assert (answer.status, answer.json()["code"]) == (409, "already_invited")


@pytest.mark.parametrize("email", ["carol@zq7.example", "Alice@Zq7.Example"])
def test_member_is_not_invited(still_world: World, email: str) -> None:
    answer = still_world.as_("dave").post(INVITES, {"email": email})

    assert (answer.status, answer.json()["code"]) == (409, "already_member")


@pytest.mark.parametrize("email", [f"{state}@zq7.example" for state in ("late", "expired", "revoked", "accepted")])
def test_closed_invitation_can_be_followed_by_another(world: World, email: str) -> None:
    answer = world.as_("dave").post(INVITES, {"email": email})

    assert answer.status == 201
    assert [each["status"] for each in world.rows("invites") if each["email"] == email].count("pending") == 1


def test_two_organizations_may_invite_one_email(world: World) -> None:
    answer = world.as_("bob").post(f"/orgs/{GLOBEX}/invites", {"email": "guest@zq7.example"})

    assert answer.status == 201


def test_whether_a_stranger_to_the_organization_is_on_the_platform_is_not_told(world: World) -> None:
    known, unknown = (world.as_("dave").post(INVITES, {"email": f"{name}@zq7.example"}) for name in ("bob", "nobody"))

    assert (known.status, list(known.json())) == (unknown.status, list(unknown.json()))


NO_EMAILS = [
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
NO_EMAILS += ["\u212a@zq7.example", "a@zq7.example.", "x" * 250 + "@a.de", '"a b"@zq7.example', "Alice <a@zq7.example>"]


@pytest.mark.parametrize("email", [*NO_EMAILS, None, 3, []])
def test_email_that_is_none_is_pointed_at(still_world: World, email: object) -> None:
    answer = still_world.as_("dave").post(INVITES, {"email": email})

    assert (answer.status, pointers(answer)) == (422, [("body", "#/email")])


@pytest.mark.parametrize(
    "field", ["id", "orgId", "token", "tokenHash", "status", "expiresAt", "invitedBy", "createdBy"]
)
def test_caller_cannot_set_what_the_database_fills(still_world: World, field: str) -> None:
    answer = still_world.as_("alice").post(INVITES, {**NEW, field: str(GLOBEX)})

    assert (answer.status, pointers(answer)) == (422, [("body", f"#/{field}")])


# --- revoke -----------------------------------------------------------------------------------


def test_revoked_invitation_lets_nobody_in(world: World) -> None:
    assert world.as_("dave").delete(f"{INVITES}/{ACME_INVITE}").status == 204
    assert invitation(world, "guest@zq7.example")["status"] == "revoked"

    answer = accept(world, "guest", invite_token("guest@zq7.example"))

    assert (answer.status, answer.json()["code"]) == (410, "invite_closed")


@pytest.mark.parametrize("state", ["accepted", "revoked", "expired"])
def test_closed_invitation_cannot_be_revoked(still_world: World, state: str) -> None:
    invite_id = invitation(still_world, f"{state}@zq7.example")["id"]

    answer = still_world.as_("dave").delete(f"{INVITES}/{invite_id}")

    assert (answer.status, answer.json()["code"]) == (409, "not_pending")


def test_admin_does_not_revoke_what_an_owner_grants(still_world: World) -> None:
    invite_id = invitation(still_world, "boss@zq7.example")["id"]

    assert still_world.as_("dave").delete(f"{INVITES}/{invite_id}").status == 403


@pytest.mark.parametrize("name", ["alice", "both"])
def test_invitation_of_another_organization_is_not_found_under_ones_own(world: World, name: str) -> None:
    if name == "both":
        world.insert("org_members", org_id=GLOBEX, user_id=IDS["alice"], org_role="org_owner")

    answer = world.as_("alice").delete(f"{INVITES}/{GLOBEX_INVITE}")

    assert answer.status == 404
    assert invitation(world, "guest@kw4.example")["status"] == "pending"
