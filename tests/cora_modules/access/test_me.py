"""The routes of the caller's own profile."""

from uuid import UUID, uuid4

import pytest

from tests.cora_modules.access.world import ACME, GLOBEX, IDS, Somebody, World, pointers

pytestmark = pytest.mark.db

FIELDS = ["id", "email", "fullName", "avatarUrl", "phone", "sysRole", "currentOrgId", "metadata", "organizations"]
FIELDS += ["createdAt", "updatedAt"]


# --- GET --------------------------------------------------------------------------------------


def test_user_sees_all_of_himself(still_world: World) -> None:
    me = still_world.as_("alice").get("/users/me").json()

    assert list(me) == FIELDS
    assert (me["id"], me["email"], me["fullName"]) == (str(IDS["alice"]), "alice@zq7.example", "Alice")
    assert (me["phone"], me["metadata"], me["currentOrgId"]) == ("+41 44 668 18 00", {"note": "private"}, None)


@pytest.mark.parametrize(
    ("name", "role"), [("alice", "sys_user"), ("erin", "sys_user"), ("sam", "sys_admin"), ("root", "sys_owner")]
)
def test_user_sees_his_role_on_the_platform(still_world: World, name: str, role: str) -> None:
    assert still_world.as_(name).get("/users/me").json()["sysRole"] == role


@pytest.mark.parametrize(
    ("name", "org_id", "role"),
    [
        ("alice", ACME, "org_owner"),
        ("dave", ACME, "org_admin"),
        ("carol", ACME, "org_user"),
        ("bob", GLOBEX, "org_owner"),
    ],
)
def test_user_sees_his_organizations_and_what_he_is_there(
    still_world: World, name: str, org_id: UUID, role: str
) -> None:
    (org,) = still_world.as_(name).get("/users/me").json()["organizations"]

    assert list(org) == ["id", "name", "slug", "logoUrl", "role"]
    assert (org["id"], org["role"]) == (str(org_id), role)


def test_organizations_come_by_name(world: World) -> None:
    for name in ("b", "c", "a"):
        world.as_("erin").post("/orgs", {"name": name, "slug": f"org-{name}"})

    me = world.as_("erin").get("/users/me").json()

    assert [org["name"] for org in me["organizations"]] == ["a", "b", "c"]


def test_user_without_an_organization_has_none(still_world: World) -> None:
    assert still_world.as_("erin").get("/users/me").json()["organizations"] == []


def test_token_of_another_issuer_is_somebody_else(still_world: World) -> None:
    answer = still_world.as_(Somebody("alice", issuer="https://other.test")).get("/users/me")

    assert (answer.status, answer.json()["code"]) == (403, "not_provisioned")


def test_deactivated_user_is_not_known(world: World) -> None:
    world.admin.execute("update access.users set is_active = false where id = %s", [IDS["alice"]])

    answers = [world.as_("alice").get(path) for path in ("/users/me", "/orgs", f"/orgs/{ACME}")]

    assert [(answer.status, answer.json()["code"]) for answer in answers] == [(403, "not_provisioned")] * 3


# --- PATCH ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "column"),
    [
        ("fullName", "Alice Liddell", "full_name"),
        ("avatarUrl", "https://a.example/a.png", "avatar_url"),
        ("phone", "+1 (555) 010-9999", "phone"),
        ("currentOrgId", str(ACME), "current_org_id"),
        ("metadata", {"note": "new"}, "metadata"),
    ],
)
def test_user_changes_his_profile_and_nothing_else(world: World, field: str, value: object, column: str) -> None:
    before = world.row("users", IDS["alice"])

    answer = world.as_("alice").patch("/users/me", {field: value})

    after = world.row("users", IDS["alice"])
    assert (answer.status, answer.json()[field]) == (200, value)
    assert {each for each in after if after[each] != before[each]} == {column, "updated_at", "updated_by"}
    assert after["updated_by"] == IDS["alice"]


@pytest.mark.parametrize("body", [{}, {"fullName": "Alice"}, {"metadata": {}}, {"metadata": {"note": "private"}}])
def test_patch_that_changes_nothing_leaves_no_trace(still_world: World, body: dict[str, object]) -> None:
    assert still_world.as_("alice").patch("/users/me", body).status == 200


def test_profile_of_others_stays(world: World) -> None:
    before = [row for row in world.snapshot()["users"] if row["id"] != IDS["alice"]]

    world.as_("alice").patch("/users/me", {"fullName": "Everybody", "phone": None})

    assert [row for row in world.snapshot()["users"] if row["id"] != IDS["alice"]] == before


@pytest.mark.parametrize("field", ["fullName", "avatarUrl", "phone", "currentOrgId"])
def test_null_clears_a_field(world: World, field: str) -> None:
    alice = world.as_("alice")
    alice.patch("/users/me", {"avatarUrl": "https://a", "currentOrgId": str(ACME)})

    me = alice.patch("/users/me", {field: None}).json()

    assert [each for each in ("fullName", "avatarUrl", "phone", "currentOrgId") if me[each] is None] == [field]


@pytest.mark.parametrize(
    ("patch", "merged"),
    [
        ({"a": 1}, {"note": "private", "a": 1}),
        ({"note": None}, {}),
        ({"note": {"x": 1, "y": None}}, {"note": {"x": 1}}),
        ({"deep": {"er": {"est": [1, {"k": None}]}}}, {"note": "private", "deep": {"er": {"est": [1, {"k": None}]}}}),
        ({}, {"note": "private"}),
        ({"fullName": "x", "is_active": False}, {"note": "private", "fullName": "x", "is_active": False}),
    ],
)
def test_metadata_is_merged_as_a_merge_patch_is(
    world: World, patch: dict[str, object], merged: dict[str, object]
) -> None:
    me = world.as_("alice").patch("/users/me", {"metadata": patch}).json()

    assert me["metadata"] == merged
    assert me["fullName"] == "Alice"


@pytest.mark.parametrize("value", [None, [], "x", 3, True])
def test_metadata_is_an_object(still_world: World, value: object) -> None:
    answer = still_world.as_("alice").patch("/users/me", {"metadata": value})

    assert (answer.status, pointers(answer)) == (422, [("body", "#/metadata")])


def test_metadata_has_its_limits(still_world: World) -> None:
    answer = still_world.as_("alice").patch("/users/me", {"metadata": {"big": "x" * 16000}})

    assert (answer.status, answer.json()["code"]) == (422, "invalid_value")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("fullName", ""),
        ("fullName", "x" * 201),
        ("avatarUrl", "javascript:alert(1)"),
        ("phone", "call me"),
        ("phone", "12"),
        ("currentOrgId", "acme"),
    ],
)
def test_wrong_value_is_pointed_at(still_world: World, field: str, value: object) -> None:
    answer = still_world.as_("alice").patch("/users/me", {field: value})

    assert (answer.status, pointers(answer)) == (422, [("body", f"#/{field}")])


@pytest.mark.parametrize(
    "field", ["id", "email", "sysRole", "sys_role", "isActive", "is_active", "organizations", "createdAt", "updatedBy"]
)
def test_user_cannot_set_what_is_not_his(still_world: World, field: str) -> None:
    answer = still_world.as_("alice").patch("/users/me", {"fullName": "Alice", field: "sys_owner"})

    (error,) = answer.json()["errors"]
    assert (answer.status, error["pointer"], error["code"]) == (422, f"#/{field}", "extra_forbidden")


@pytest.mark.parametrize("org_id", [GLOBEX, uuid4()], ids=["hidden", "absent"])
def test_current_organization_is_ones_own(still_world: World, org_id: UUID) -> None:
    answer = still_world.as_("alice").patch("/users/me", {"currentOrgId": str(org_id)})

    assert (answer.status, answer.json()["code"]) == (409, "broken_reference")


def test_who_leaves_his_current_organization_has_none(world: World) -> None:
    carol = world.as_("carol")
    carol.patch("/users/me", {"currentOrgId": str(ACME)})

    carol.delete(f"/orgs/{ACME}/members/{IDS['carol']}")

    me = carol.get("/users/me").json()
    assert (me["currentOrgId"], me["organizations"]) == (None, [])
