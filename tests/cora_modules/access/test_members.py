"""The routes of members: who is added, promoted, demoted and removed, and by which roles."""

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
def hooli_world(world: World) -> World:
    """Alice, dave and erin share another organization, Hooli."""
    org_id = world.insert("orgs", name="Hooli", slug="hooli")
    for name in ("alice", "dave", "erin"):
        world.insert("org_members", org_id=org_id, user_id=IDS[name], org_role="org_user")
    return world


# --- list -------------------------------------------------------------------------------------


def test_list_has_name_email_and_avatar_of_members(readonly_world: World) -> None:
    page = readonly_world.as_("carol").get(MEMBERS).json()

    assert {tuple(member) for member in page["items"]} == {tuple(FIELDS)}
    assert {(member["id"], member["role"]) for member in page["items"]} == {
        (str(IDS["alice"]), "org_owner"),
        (str(IDS["dave"]), "org_admin"),
        (str(IDS["carol"]), "org_user"),
    }


def test_pages_have_each_member_once_oldest_first(world: World) -> None:
    for at in range(5):
        user_id = world.insert("users", email=f"u{at}@zq7.example")
        world.insert("org_members", org_id=ACME, user_id=user_id, org_role="org_user")
    members = [member for page in pages(world.as_("carol"), MEMBERS, 3) for member in page]

    order = [(member["addedAt"], member["id"]) for member in members]
    assert len({member["id"] for member in members}) == len(members) == 8
    assert order == sorted(order)


# --- add --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "role"),
    [("alice", "org_owner"), ("alice", "org_user"), ("dave", "org_admin"), ("dave", "org_user")],
)
def test_admin_adds_a_visible_user_with_at_most_their_own_role(hooli_world: World, name: str, role: str) -> None:
    response = hooli_world.as_(name).post(MEMBERS, {"userId": str(IDS["erin"]), "role": role})

    added = next(
        row for row in hooli_world.rows("org_members") if (row["org_id"], row["user_id"]) == (ACME, IDS["erin"])
    )
    assert (response.status, response.headers["location"]) == (201, of("erin"))
    assert list(response.json()) == FIELDS
    assert (response.json()["id"], response.json()["role"]) == (str(IDS["erin"]), role)
    assert (added["org_role"], added["added_by"], added["created_by"]) == (role, IDS[name], IDS[name])


def test_new_member_is_a_user_by_default(hooli_world: World) -> None:
    assert hooli_world.as_("dave").post(MEMBERS, {"userId": str(IDS["erin"])}).json()["role"] == "org_user"


def test_admin_cannot_add_an_owner(hooli_world: World) -> None:
    response = hooli_world.as_("dave").post(MEMBERS, {"userId": str(IDS["erin"]), "role": "org_owner"})

    assert response.status == 403
    assert IDS["erin"] not in roles(hooli_world)


@pytest.mark.parametrize(
    "user_id", [IDS["bob"], IDS["erin"], IDS["root"], uuid4()], ids=["bob", "erin", "root", "absent"]
)
def test_user_that_the_admin_cannot_see_is_treated_as_absent(readonly_world: World, user_id: UUID) -> None:
    response = readonly_world.as_("alice").post(MEMBERS, {"userId": str(user_id)})

    assert (response.status, response.json()["code"]) == (409, "broken_reference")
    assert str(user_id) not in response.body.decode()


def test_deactivated_user_cannot_be_added(hooli_world: World) -> None:
    hooli_world.admin.execute("update access.users set is_active = false where id = %s", [IDS["erin"]])

    response = hooli_world.as_("alice").post(MEMBERS, {"userId": str(IDS["erin"])})

    assert (response.status, response.json()["code"]) == (409, "broken_reference")


def test_member_cannot_be_added_twice(readonly_world: World) -> None:
    response = readonly_world.as_("alice").post(MEMBERS, {"userId": str(IDS["carol"]), "role": "org_admin"})

    assert (response.status, response.json()["code"]) == (409, "duplicate")


def test_repeated_request_with_its_key_adds_once(hooli_world: World) -> None:
    key, body = {"idempotency-key": "1"}, {"userId": str(IDS["erin"])}

    responses = [hooli_world.as_("alice").post(MEMBERS, body, headers=key) for _ in range(2)]

    assert [response.status for response in responses] == [201, 201]
    assert responses[0].json() == responses[1].json()


def test_adding_a_user_revokes_their_open_invitation(hooli_world: World) -> None:
    hooli_world.invite(ACME, "erin@zq7.example", "org_admin")

    hooli_world.as_("alice").post(MEMBERS, {"userId": str(IDS["erin"])})

    assert invitation(hooli_world, "erin@zq7.example")["status"] == "revoked"


@pytest.mark.parametrize("role", ["sys_owner", "ws_user", "", None, 3])
def test_role_of_another_ladder_is_rejected_with_a_pointer(readonly_world: World, role: object) -> None:
    response = readonly_world.as_("alice").post(MEMBERS, {"userId": str(IDS["erin"]), "role": role})

    assert (response.status, pointers(response)) == (422, [("body", "#/role")])


# --- change -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "target_name", "role"),
    [
        ("alice", "carol", "org_admin"),
        ("alice", "carol", "org_owner"),
        ("alice", "dave", "org_user"),
        ("dave", "carol", "org_admin"),
        ("dave", "dave", "org_user"),
    ],
)
def test_role_is_changed_up_to_the_role_of_the_caller(world: World, name: str, target_name: str, role: str) -> None:
    before = roles(world)

    response = world.as_(name).patch(of(target_name), {"role": role})

    assert (response.status, list(response.json()), response.json()["role"]) == (200, FIELDS, role)
    assert roles(world) == {**before, IDS[target_name]: role}


@pytest.mark.parametrize(
    ("name", "target_name", "role"),
    [
        ("dave", "carol", "org_owner"),
        ("dave", "dave", "org_owner"),
        ("dave", "alice", "org_user"),
        ("dave", "alice", "org_owner"),
        ("carol", "carol", "org_admin"),
        ("carol", "dave", "org_user"),
    ],
)
def test_role_above_the_callers_is_neither_granted_nor_removed(
    readonly_world: World, name: str, target_name: str, role: str
) -> None:
    assert readonly_world.as_(name).patch(of(target_name), {"role": role}).status == 403


@pytest.mark.parametrize("role", ["org_admin", "org_user"])
def test_last_owner_cannot_be_demoted(readonly_world: World, role: str) -> None:
    response = readonly_world.as_("alice").patch(of("alice"), {"role": role})

    assert (response.status, response.json()["code"]) == (409, "last_owner")


def test_owner_can_step_down_if_another_stays(world: World) -> None:
    alice = world.as_("alice")
    alice.patch(of("dave"), {"role": "org_owner"})

    assert alice.patch(of("alice"), {"role": "org_user"}).status == 200
    assert roles(world)[IDS["alice"]] == "org_user"


def test_deactivated_owner_does_not_count(world: World) -> None:
    world.as_("alice").patch(of("dave"), {"role": "org_owner"})
    world.admin.execute("update access.users set is_active = false where id = %s", [IDS["dave"]])

    response = world.as_("alice").delete(of("alice"))

    assert (response.status, response.json()["code"]) == (409, "last_owner")


@pytest.mark.parametrize("body", [{}, {"role": "org_user"}])
def test_patch_without_a_change_keeps_the_row(readonly_world: World, body: dict[str, str]) -> None:
    response = readonly_world.as_("alice").patch(of("carol"), body)

    assert (response.status, response.json()["role"]) == (200, "org_user")


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.parametrize("user_id", [IDS["bob"], uuid4()], ids=["bob", "absent"])
def test_non_member_is_not_found(readonly_world: World, method: str, user_id: UUID) -> None:
    body = {"role": "org_user"} if method == "PATCH" else None

    assert readonly_world.as_("alice").send(method, f"{MEMBERS}/{user_id}", body=body).status == 404


def test_patch_keeps_memberships_of_other_organizations(world: World) -> None:
    world.insert("org_members", org_id=GLOBEX, user_id=IDS["carol"], org_role="org_user")

    world.as_("alice").patch(of("carol"), {"role": "org_admin"})

    assert roles(world, GLOBEX) == {IDS["bob"]: "org_owner", IDS["carol"]: "org_user"}


# --- remove -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "target_name"),
    [("alice", "dave"), ("alice", "carol"), ("dave", "carol"), ("dave", "dave"), ("carol", "carol")],
)
def test_member_is_removed_by_a_higher_role_or_leaves(world: World, name: str, target_name: str) -> None:
    assert world.as_(name).delete(of(target_name)).status == 204
    assert IDS[target_name] not in roles(world)
    assert len(world.rows("users")) == len(IDS)


@pytest.mark.parametrize(("name", "target_name"), [("dave", "alice"), ("carol", "dave"), ("carol", "alice")])
def test_member_cannot_be_removed_by_a_lower_role(readonly_world: World, name: str, target_name: str) -> None:
    assert readonly_world.as_(name).delete(of(target_name)).status == 403


def test_last_owner_cannot_leave(readonly_world: World) -> None:
    response = readonly_world.as_("alice").delete(of("alice"))

    assert (response.status, response.json()["code"]) == (409, "last_owner")


def test_owner_can_be_removed_by_another(world: World) -> None:
    world.as_("alice").patch(of("dave"), {"role": "org_owner"})

    assert world.as_("dave").delete(of("alice")).status == 204


def test_former_member_sees_nothing(world: World) -> None:
    carol = world.as_("carol")
    carol.delete(of("carol"))

    assert [carol.get(path).status for path in (MEMBERS, f"/orgs/{ACME}")] == [404, 404]
    assert carol.delete(of("carol")).status == 404


@pytest.mark.parametrize(
    ("method", "body"), [("DELETE", None), ("PATCH", {"role": "org_user"})], ids=["removed", "demoted"]
)
def test_invitations_above_the_new_role_are_revoked(world: World, method: str, body: dict[str, str] | None) -> None:
    dave = world.as_("dave")
    dave.post(f"/orgs/{ACME}/invites", {"email": "backdoor@zq7.example", "role": "org_admin"})

    world.as_("alice").send(method, of("dave"), body=body)

    assert invitation(world, "backdoor@zq7.example")["status"] == "revoked"
    assert invitation(world, "guest@zq7.example")["status"] == "pending"


def test_demoted_owner_keeps_invitations_up_to_the_new_role(world: World) -> None:
    alice = world.as_("alice")
    alice.patch(of("dave"), {"role": "org_owner"})

    world.as_("dave").patch(of("alice"), {"role": "org_admin"})

    assert invitation(world, "boss@zq7.example")["status"] == "revoked"
    assert invitation(world, "guest@zq7.example")["status"] == "pending"
