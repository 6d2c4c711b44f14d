"""Accepting an invitation: who can, and what it creates."""

import json

import pytest

from org_common.testing.client import ISSUER
from tests.cora_modules.access.arrivals import accept, invitation, roles_of
from tests.cora_modules.access.world import (
    ACME,
    GLOBEX,
    IDS,
    TokenHolder,
    World,
    invite_token,
    leaked,
    pointers,
)

pytestmark = pytest.mark.db


def test_new_caller_becomes_a_user_and_a_member(world: World) -> None:
    response = accept(world, "guest", invite_token("guest@zq7.example"))

    me = response.json()
    assert (response.status, me["email"], me["sysRole"]) == (200, "guest@zq7.example", "sys_user")
    assert [(org["id"], org["role"]) for org in me["organizations"]] == [(str(ACME), "org_user")]
    assert world.as_("guest").get("/users/me").json() == me
    invite = invitation(world, "guest@zq7.example")
    assert (invite["status"], str(invite["accepted_by"])) == ("accepted", me["id"])


def test_new_rows_name_the_new_user_and_the_inviter(world: World) -> None:
    me = accept(world, "guest", invite_token("guest@zq7.example")).json()

    user = world.row("users", me["id"])
    (identity,) = [row for row in world.rows("user_identities") if row["subject"] == "local|guest"]
    (member,) = [row for row in world.rows("org_members") if str(row["user_id"]) == me["id"]]
    assert (identity["issuer"], identity["user_id"]) == (ISSUER, user["id"])
    assert {row["created_by"] for row in (user, identity, member)} == {user["id"]}
    assert member["added_by"] == IDS["alice"]


def test_known_user_joins_with_the_verified_email_of_their_token(world: World) -> None:
    token = world.invite(ACME, "erin.new@zq7.example", "org_admin")

    response = accept(world, TokenHolder("erin", email="Erin.New@zq7.example"), token)

    assert (response.status, response.json()["id"]) == (200, str(IDS["erin"]))
    assert roles_of(world, str(IDS["erin"])) == {ACME: "org_admin"}
    assert len(world.rows("users")) == len(IDS)


@pytest.mark.parametrize(
    ("state", "status", "code"),
    [
        ("late", 410, "invite_closed"),
        ("expired", 410, "invite_closed"),
        ("revoked", 410, "invite_closed"),
        ("accepted", 409, "invite_accepted"),
    ],
)
def test_closed_invitation_is_reported_as_such(readonly_world: World, state: str, status: int, code: str) -> None:
    email = f"{state}@zq7.example"

    response = accept(readonly_world, TokenHolder("new", email=email), invite_token(email))

    assert (response.status, response.json()["code"]) == (status, code)


def test_invitation_is_accepted_once(world: World) -> None:
    token = invite_token("guest@zq7.example")

    statuses = [accept(world, "guest", token).status for _ in range(2)]

    assert statuses == [200, 409]


def test_removed_member_cannot_use_the_invitation_again(world: World) -> None:
    token = invite_token("guest@zq7.example")
    me = accept(world, "guest", token).json()
    world.as_("alice").delete(f"/orgs/{ACME}/members/{me['id']}")

    assert accept(world, "guest", token).status == 409
    assert roles_of(world, me["id"]) == {}


@pytest.mark.parametrize(
    "person",
    [
        TokenHolder("new", email="guest@zq7.example", verified=False),
        TokenHolder("new", email="other@zq7.example"),
        TokenHolder("new"),
        TokenHolder("erin", email="erin@zq7.example"),
        TokenHolder("alice", email="guest@zq7.example", verified=False),
    ],
    ids=["unverified", "another", "none", "known-another", "known-unverified"],
)
def test_token_requires_the_invited_email(readonly_world: World, person: TokenHolder) -> None:
    response = accept(readonly_world, person, invite_token("guest@zq7.example"))

    assert (response.status, response.json()["code"]) == (403, "wrong_email")
    assert leaked(response, {"guest@", "Acme", str(ACME)}) == []


@pytest.mark.parametrize("token", ["x", "token-of-no-one", "%", "\u0130", "a" * 200])
def test_unknown_token_is_not_found(readonly_world: World, token: str) -> None:
    assert accept(readonly_world, "guest", token).status == 404


@pytest.mark.parametrize("body", [{}, {"token": ""}, {"token": None}, {"token": 3}, {"token": "x" * 201}])
def test_invalid_token_is_rejected_with_a_pointer(readonly_world: World, body: dict[str, object]) -> None:
    response = readonly_world.as_("guest").post("/invites/accept", body)

    assert (response.status, pointers(response)) == (422, [("body", "#/token")])


def test_hash_is_not_accepted_as_a_token(readonly_world: World) -> None:
    stored = invitation(readonly_world, "guest@zq7.example")["token_hash"]

    assert accept(readonly_world, "guest", stored.hex()).status == 404


def test_member_cannot_be_promoted_by_an_invitation(world: World) -> None:
    token = world.invite(ACME, "carol.new@zq7.example", "org_owner")

    response = accept(world, TokenHolder("carol", email="carol.new@zq7.example"), token)

    assert (response.status, response.json()["code"]) == (409, "already_member")
    assert roles_of(world, str(IDS["carol"])) == {ACME: "org_user"}


def test_email_of_a_user_creates_no_second_user(world: World) -> None:
    token = world.invite(GLOBEX, "alice@zq7.example", inviter="bob")
    before = world.everything()

    response = accept(world, TokenHolder("alice", issuer="https://other.test", email="alice@zq7.example"), token)

    assert (response.status, response.json()["code"]) == (409, "email_taken")
    assert world.everything() == before


def test_deactivated_user_cannot_accept_an_invitation(world: World) -> None:
    token = world.invite(GLOBEX, "erin@zq7.example", inviter="bob")
    world.admin.execute("update access.users set is_active = false where id = %s", [IDS["erin"]])

    response = accept(world, TokenHolder("erin", email="erin@zq7.example"), token)

    assert (response.status, response.json()["code"]) == (403, "deactivated")


def test_acceptance_is_in_the_log(world: World) -> None:
    me = accept(world, "guest", invite_token("guest@zq7.example")).json()

    lines = [row for row in world.rows("auth_log") if str(row["user_id"]) == me["id"]]
    assert sorted(line["event"] for line in lines) == ["invite_accepted", "provisioned"]
    assert json.dumps(str(ACME)) in str([json.dumps(line["detail"]) for line in lines])
