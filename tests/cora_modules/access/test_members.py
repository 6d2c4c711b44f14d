"""Who joins an organization, rises, falls and leaves, and who decides it."""

from uuid import UUID, uuid4

import pytest

from tests.cora_modules.access.arrivals import invitation
from tests.cora_modules.access.world import ACME, GLOBEX, IDS, World, pages, pointers

pytestmark = pytest.mark.db

MEMBERS = f"/orgs/{ACME}/members"
FIELDS = ["id", "email", "fullName", "avatarUrl", "role", "addedAt"]


def of(name: str) -> str:
    return f"{MEMBERS}/{IDS[name]}"


def roles(world: World, org_id: UUID = ACME) -> dict[UUID, str]:
    return {row["user_id"]: row["org_role"] for row in world.rows("org_members") if row["org_id"] == org_id}


@pytest.fixture
def met(world: World) -> World:
    """Alice, dave and erin share another organization."""
    org_id = world.insert("orgs", name="Hooli", slug="hooli")
    for name in ("alice", "dave", "erin"):
        world.insert("org_members", org_id=org_id, user_id=IDS[name], org_role="org_user")
    return world


# --- list -------------------------------------------------------------------------------------


def test_members_see_name_email_and_avatar_of_each_other(still_world: World) -> None:
    page = still_world.as_("carol").get(MEMBERS).json()

    assert {tuple(member) for member in page["items"]} == {tuple(FIELDS)}
    assert {(member["id"], member["role"]) for member in page["items"]} == {
        (str(IDS["alice"]), "org_owner"),
        (str(IDS["dave"]), "org_admin"),
        (str(IDS["carol"]), "org_user"),
    }


def test_pages_have_each_member_once_and_those_who_came_first_first(world: World) -> None:
    for at in range(5):
        user_id = world.insert("users", email=f"u{at}@zq7.example")
        world.insert("org_members", org_id=ACME, user_id=user_id, org_role="org_user")
    found = [member for page in pages(world.as_("carol"), MEMBERS, 3) for member in page]

    assert len({member["id"] for member in found}) == len(found) == 8
    assert [(each["addedAt"], each["id"]) for each in found] == sorted((each["addedAt"], each["id"]) for each in found)


# --- add --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "role"),
    [("alice", "org_owner"), ("alice", "org_user"), ("dave", "org_admin"), ("dave", "org_user")],
)
def test_admin_adds_whom_he_knows_up_to_his_own_role(met: World, name: str, role: str) -> None:
    answer = met.as_(name).post(MEMBERS, {"userId": str(IDS["erin"]), "role": role})

    added = next(row for row in met.rows("org_members") if (row["org_id"], row["user_id"]) == (ACME, IDS["erin"]))
    assert (answer.status, answer.headers["location"]) == (201, of("erin"))
    assert list(answer.json()) == FIELDS
    assert (answer.json()["id"], answer.json()["role"]) == (str(IDS["erin"]), role)
    assert (added["org_role"], added["added_by"], added["created_by"]) == (role, IDS[name], IDS[name])


def test_new_member_is_a_user_by_default(met: World) -> None:
    assert met.as_("dave").post(MEMBERS, {"userId": str(IDS["erin"])}).json()["role"] == "org_user"


def test_admin_does_not_add_owners(met: World) -> None:
    answer = met.as_("dave").post(MEMBERS, {"userId": str(IDS["erin"]), "role": "org_owner"})

    assert answer.status == 403
    assert IDS["erin"] not in roles(met)


@pytest.mark.parametrize(
    "user_id", [IDS["bob"], IDS["erin"], IDS["root"], uuid4()], ids=["bob", "erin", "root", "absent"]
)
def test_user_whom_the_admin_cannot_see_is_not_there(still_world: World, user_id: UUID) -> None:
    answer = still_world.as_("alice").post(MEMBERS, {"userId": str(user_id)})

    assert (answer.status, answer.json()["code"]) == (409, "broken_reference")
    assert str(user_id) not in answer.body.decode()


def test_deactivated_user_is_not_added(met: World) -> None:
    met.admin.execute("update access.users set is_active = false where id = %s", [IDS["erin"]])

    answer = met.as_("alice").post(MEMBERS, {"userId": str(IDS["erin"])})

    assert (answer.status, answer.json()["code"]) == (409, "broken_reference")


def test_member_is_added_once(still_world: World) -> None:
    answer = still_world.as_("alice").post(MEMBERS, {"userId": str(IDS["carol"]), "role": "org_admin"})

    assert (answer.status, answer.json()["code"]) == (409, "duplicate")


def test_request_that_comes_again_with_its_key_adds_once(met: World) -> None:
    key, body = {"idempotency-key": "1"}, {"userId": str(IDS["erin"])}

    answers = [met.as_("alice").post(MEMBERS, body, headers=key) for _ in range(2)]

    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()


def test_open_invitation_of_who_is_added_is_closed(met: World) -> None:
    met.invite(ACME, "erin@zq7.example", "org_admin")

    met.as_("alice").post(MEMBERS, {"userId": str(IDS["erin"])})

    assert invitation(met, "erin@zq7.example")["status"] == "revoked"


@pytest.mark.parametrize("role", ["sys_owner", "ws_user", "", None, 3])
def test_role_of_another_ladder_is_pointed_at(still_world: World, role: object) -> None:
    answer = still_world.as_("alice").post(MEMBERS, {"userId": str(IDS["erin"]), "role": role})

    assert (answer.status, pointers(answer)) == (422, [("body", "#/role")])


# --- change -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "whom", "role"),
    [
        ("alice", "carol", "org_admin"),
        ("alice", "carol", "org_owner"),
        ("alice", "dave", "org_user"),
        ("dave", "carol", "org_admin"),
        ("dave", "dave", "org_user"),
    ],
)
def test_role_is_given_up_to_ones_own(world: World, name: str, whom: str, role: str) -> None:
    before = roles(world)

    answer = world.as_(name).patch(of(whom), {"role": role})

    assert (answer.status, list(answer.json()), answer.json()["role"]) == (200, FIELDS, role)
    assert roles(world) == {**before, IDS[whom]: role}


@pytest.mark.parametrize(
    ("name", "whom", "role"),
    [
        ("dave", "carol", "org_owner"),
        ("dave", "dave", "org_owner"),
        ("dave", "alice", "org_user"),
        ("dave", "alice", "org_owner"),
        ("carol", "carol", "org_admin"),
        ("carol", "dave", "org_user"),
    ],
)
def test_role_above_ones_own_is_neither_given_nor_taken(still_world: World, name: str, whom: str, role: str) -> None:
    assert still_world.as_(name).patch(of(whom), {"role": role}).status == 403


@pytest.mark.parametrize("role", ["org_admin", "org_user"])
def test_last_owner_cannot_be_demoted(still_world: World, role: str) -> None:
    answer = still_world.as_("alice").patch(of("alice"), {"role": role})

    assert (answer.status, answer.json()["code"]) == (409, "last_owner")


def test_owner_who_is_not_the_last_may_step_down(world: World) -> None:
    alice = world.as_("alice")
    alice.patch(of("dave"), {"role": "org_owner"})

    assert alice.patch(of("alice"), {"role": "org_user"}).status == 200
    assert roles(world)[IDS["alice"]] == "org_user"


def test_owner_who_cannot_sign_in_does_not_count(world: World) -> None:
    world.as_("alice").patch(of("dave"), {"role": "org_owner"})
    world.admin.execute("update access.users set is_active = false where id = %s", [IDS["dave"]])

    answer = world.as_("alice").delete(of("alice"))

    assert (answer.status, answer.json()["code"]) == (409, "last_owner")


@pytest.mark.parametrize("body", [{}, {"role": "org_user"}])
def test_patch_that_changes_nothing_leaves_no_trace(still_world: World, body: dict[str, str]) -> None:
    answer = still_world.as_("alice").patch(of("carol"), body)

    assert (answer.status, answer.json()["role"]) == (200, "org_user")


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.parametrize("user_id", [IDS["bob"], uuid4()], ids=["bob", "absent"])
def test_who_is_no_member_is_not_found(still_world: World, method: str, user_id: UUID) -> None:
    body = {"role": "org_user"} if method == "PATCH" else None

    assert still_world.as_("alice").send(method, f"{MEMBERS}/{user_id}", body=body).status == 404


def test_membership_of_another_organization_is_not_touched(world: World) -> None:
    world.insert("org_members", org_id=GLOBEX, user_id=IDS["carol"], org_role="org_user")

    world.as_("alice").patch(of("carol"), {"role": "org_admin"})

    assert roles(world, GLOBEX) == {IDS["bob"]: "org_owner", IDS["carol"]: "org_user"}


# --- remove -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "whom"),
    [("alice", "dave"), ("alice", "carol"), ("dave", "carol"), ("dave", "dave"), ("carol", "carol")],
)
def test_member_is_removed_by_who_stands_above_him_or_leaves(world: World, name: str, whom: str) -> None:
    assert world.as_(name).delete(of(whom)).status == 204
    assert IDS[whom] not in roles(world)
    assert len(world.rows("users")) == len(IDS)


@pytest.mark.parametrize(("name", "whom"), [("dave", "alice"), ("carol", "dave"), ("carol", "alice")])
def test_nobody_is_removed_from_below(still_world: World, name: str, whom: str) -> None:
    assert still_world.as_(name).delete(of(whom)).status == 403


def test_last_owner_cannot_leave(still_world: World) -> None:
    answer = still_world.as_("alice").delete(of("alice"))

    assert (answer.status, answer.json()["code"]) == (409, "last_owner")


def test_owner_can_be_removed_by_another(world: World) -> None:
    world.as_("alice").patch(of("dave"), {"role": "org_owner"})

    assert world.as_("dave").delete(of("alice")).status == 204


def test_who_has_left_sees_nothing_any_more(world: World) -> None:
    carol = world.as_("carol")
    carol.delete(of("carol"))

    assert [carol.get(path).status for path in (MEMBERS, f"/orgs/{ACME}")] == [404, 404]
    assert carol.delete(of("carol")).status == 404


@pytest.mark.parametrize(
    ("method", "body"), [("DELETE", None), ("PATCH", {"role": "org_user"})], ids=["leaves", "falls"]
)
def test_invitations_of_who_may_grant_no_more_are_revoked(
    world: World, method: str, body: dict[str, str] | None
) -> None:
    dave = world.as_("dave")
    dave.post(f"/orgs/{ACME}/invites", {"email": "backdoor@zq7.example", "role": "org_admin"})

    world.as_("alice").send(method, of("dave"), body=body)

    assert invitation(world, "backdoor@zq7.example")["status"] == "revoked"
    assert invitation(world, "guest@zq7.example")["status"] == "pending"


def test_who_falls_one_step_keeps_what_he_may_still_grant(world: World) -> None:
    alice = world.as_("alice")
    alice.patch(of("dave"), {"role": "org_owner"})

    world.as_("dave").patch(of("alice"), {"role": "org_admin"})

    assert invitation(world, "boss@zq7.example")["status"] == "revoked"
    assert invitation(world, "guest@zq7.example")["status"] == "pending"
