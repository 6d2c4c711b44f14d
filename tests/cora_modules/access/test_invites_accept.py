"""Who accepts an invitation, what becomes of him, and who cannot."""

import json

import pytest

from org_common.testing.client import ISSUER
from tests.cora_modules.access.arrivals import accept, invitation, roles_of
from tests.cora_modules.access.world import (
    ACME,
    GLOBEX,
    IDS,
    Somebody,
    World,
    invite_token,
    leaked,
    pointers,
)

pytestmark = pytest.mark.db


def test_stranger_becomes_a_user_and_a_member(world: World) -> None:
    answer = accept(world, "guest", invite_token("guest@zq7.example"))

    me = answer.json()
    assert (answer.status, me["email"], me["sysRole"]) == (200, "guest@zq7.example", "sys_user")
    assert [(org["id"], org["role"]) for org in me["organizations"]] == [(str(ACME), "org_user")]
    assert world.as_("guest").get("/users/me").json() == me
    invite = invitation(world, "guest@zq7.example")
    assert (invite["status"], str(invite["accepted_by"])) == ("accepted", me["id"])


def test_all_that_is_made_says_that_he_made_it_and_who_added_him(world: World) -> None:
    me = accept(world, "guest", invite_token("guest@zq7.example")).json()

    user = world.row("users", me["id"])
    (identity,) = [each for each in world.rows("user_identities") if each["subject"] == "local|guest"]
    (member,) = [each for each in world.rows("org_members") if str(each["user_id"]) == me["id"]]
    assert (identity["issuer"], identity["user_id"]) == (ISSUER, user["id"])
    assert {each["created_by"] for each in (user, identity, member)} == {user["id"]}
    assert member["added_by"] == IDS["alice"]


def test_known_user_joins_with_his_verified_email(world: World) -> None:
    token = world.invite(ACME, "erin.new@zq7.example", "org_admin")

    answer = accept(world, Somebody("erin", email="Erin.New@zq7.example"), token)

    assert (answer.status, answer.json()["id"]) == (200, str(IDS["erin"]))
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
def test_closed_invitation_is_told_from_an_open_one(still_world: World, state: str, status: int, code: str) -> None:
    email = f"{state}@zq7.example"

    answer = accept(still_world, Somebody("new", email=email), invite_token(email))

    assert (answer.status, answer.json()["code"]) == (status, code)


def test_invitation_is_accepted_once(world: World) -> None:
    token = invite_token("guest@zq7.example")

    statuses = [accept(world, "guest", token).status for _ in range(2)]

    assert statuses == [200, 409]


def test_who_was_removed_does_not_come_back_by_his_old_invitation(world: World) -> None:
    token = invite_token("guest@zq7.example")
    me = accept(world, "guest", token).json()
    world.as_("alice").delete(f"/orgs/{ACME}/members/{me['id']}")

    assert accept(world, "guest", token).status == 409
    assert roles_of(world, me["id"]) == {}


@pytest.mark.parametrize(
    "person",
    [
        Somebody("new", email="guest@zq7.example", verified=False),
        Somebody("new", email="other@zq7.example"),
        Somebody("new"),
        Somebody("erin", email="erin@zq7.example"),
        Somebody("alice", email="guest@zq7.example", verified=False),
    ],
    ids=["unverified", "another", "none", "known-another", "known-unverified"],
)
def test_token_is_good_for_the_invited_email_alone(still_world: World, person: Somebody) -> None:
    answer = accept(still_world, person, invite_token("guest@zq7.example"))

    assert (answer.status, answer.json()["code"]) == (403, "wrong_email")
    assert leaked(answer, {"guest@", "Acme", str(ACME)}) == []


@pytest.mark.parametrize("token", ["x", "token-of-nobody", "%", "\u0130", "a" * 200])
def test_unknown_token_is_not_found(still_world: World, token: str) -> None:
    assert accept(still_world, "guest", token).status == 404


@pytest.mark.parametrize("body", [{}, {"token": ""}, {"token": None}, {"token": 3}, {"token": "x" * 201}])
def test_token_that_is_none_is_pointed_at(still_world: World, body: dict[str, object]) -> None:
    answer = still_world.as_("guest").post("/invites/accept", body)

    assert (answer.status, pointers(answer)) == (422, [("body", "#/token")])


def test_hash_is_no_token(still_world: World) -> None:
    stored = invitation(still_world, "guest@zq7.example")["token_hash"]

    assert accept(still_world, "guest", stored.hex()).status == 404


def test_member_does_not_rise_by_an_invitation(world: World) -> None:
    token = world.invite(ACME, "carol.new@zq7.example", "org_owner")

    answer = accept(world, Somebody("carol", email="carol.new@zq7.example"), token)

    assert (answer.status, answer.json()["code"]) == (409, "already_member")
    assert roles_of(world, str(IDS["carol"])) == {ACME: "org_user"}


def test_email_of_an_account_makes_no_second_one(world: World) -> None:
    token = world.invite(GLOBEX, "alice@zq7.example", inviter="bob")
    before = world.everything()

    answer = accept(world, Somebody("alice", issuer="https://other.test", email="alice@zq7.example"), token)

    assert (answer.status, answer.json()["code"]) == (409, "email_taken")
    assert world.everything() == before


def test_deactivated_user_does_not_come_back_by_an_invitation(world: World) -> None:
    token = world.invite(GLOBEX, "erin@zq7.example", inviter="bob")
    world.admin.execute("update access.users set is_active = false where id = %s", [IDS["erin"]])

    answer = accept(world, Somebody("erin", email="erin@zq7.example"), token)

    assert (answer.status, answer.json()["code"]) == (403, "deactivated")


def test_acceptance_is_in_the_log(world: World) -> None:
    me = accept(world, "guest", invite_token("guest@zq7.example")).json()

    lines = [each for each in world.rows("auth_log") if str(each["user_id"]) == me["id"]]
    assert sorted(each["event"] for each in lines) == ["invite_accepted", "provisioned"]
    assert json.dumps(str(ACME)) in str([json.dumps(each["detail"]) for each in lines])
