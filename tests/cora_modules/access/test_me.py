"""The routes of the caller's own profile."""

from time import perf_counter
from uuid import UUID, uuid4

import pytest

from tests.cora_modules.access.world import ACME, GLOBEX, IDS, TokenHolder, World, pointers

pytestmark = pytest.mark.db

FIELDS = ["id", "email", "fullName", "avatarUrl", "phone", "sysRole", "currentOrgId", "metadata", "organizations"]
FIELDS += ["createdAt", "updatedAt"]


# --- GET --------------------------------------------------------------------------------------


def test_user_sees_their_profile_with_private_fields(readonly_world: World) -> None:
    me = readonly_world.as_("alice").get("/users/me").json()

    assert list(me) == FIELDS
    assert (me["id"], me["email"], me["fullName"]) == (str(IDS["alice"]), "alice@zq7.example", "Alice")
    assert (me["phone"], me["metadata"], me["currentOrgId"]) == ("+41 44 668 18 00", {"note": "private"}, None)


@pytest.mark.parametrize(
    ("name", "role"), [("alice", "sys_user"), ("erin", "sys_user"), ("sam", "sys_admin"), ("root", "sys_owner")]
)
def test_user_sees_their_platform_role(readonly_world: World, name: str, role: str) -> None:
    assert readonly_world.as_(name).get("/users/me").json()["sysRole"] == role


@pytest.mark.parametrize(
    ("name", "org_id", "role"),
    [
        ("alice", ACME, "org_owner"),
        ("dave", ACME, "org_admin"),
        ("carol", ACME, "org_user"),
        ("bob", GLOBEX, "org_owner"),
    ],
)
def test_user_sees_their_organizations_and_roles(readonly_world: World, name: str, org_id: UUID, role: str) -> None:
    (org,) = readonly_world.as_(name).get("/users/me").json()["organizations"]

    assert list(org) == ["id", "name", "slug", "logoUrl", "role"]
    assert (org["id"], org["role"]) == (str(org_id), role)


def test_organizations_are_sorted_by_name(world: World) -> None:
    for name in ("b", "c", "a"):
        world.as_("erin").post("/orgs", {"name": name, "slug": f"org-{name}"})

    me = world.as_("erin").get("/users/me").json()

    assert [org["name"] for org in me["organizations"]] == ["a", "b", "c"]


def test_user_without_an_organization_has_none(readonly_world: World) -> None:
    assert readonly_world.as_("erin").get("/users/me").json()["organizations"] == []


def test_token_of_another_issuer_is_another_user(readonly_world: World) -> None:
    response = readonly_world.as_(TokenHolder("alice", issuer="https://other.test")).get("/users/me")

    assert (response.status, response.json()["code"]) == (403, "not_provisioned")


def test_deactivated_user_is_unknown(world: World) -> None:
    world.admin.execute("update access.users set is_active = false where id = %s", [IDS["alice"]])

    responses = [world.as_("alice").get(path) for path in ("/users/me", "/orgs", f"/orgs/{ACME}")]

    assert [(response.status, response.json()["code"]) for response in responses] == [(403, "not_provisioned")] * 3


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
def test_patch_changes_only_the_field_that_is_sent(world: World, field: str, value: object, column: str) -> None:
    before = world.row("users", IDS["alice"])

    response = world.as_("alice").patch("/users/me", {field: value})

    after = world.row("users", IDS["alice"])
    assert (response.status, response.json()[field]) == (200, value)
    assert {name for name in after if after[name] != before[name]} == {column, "updated_at", "updated_by"}
    assert after["updated_by"] == IDS["alice"]


@pytest.mark.parametrize("body", [{}, {"fullName": "Alice"}, {"metadata": {}}, {"metadata": {"note": "private"}}])
def test_patch_without_a_change_keeps_the_row(readonly_world: World, body: dict[str, object]) -> None:
    assert readonly_world.as_("alice").patch("/users/me", body).status == 200


def test_patch_keeps_other_profiles(world: World) -> None:
    before = [row for row in world.snapshot()["users"] if row["id"] != IDS["alice"]]

    world.as_("alice").patch("/users/me", {"fullName": "Alice Liddell", "phone": None})

    assert [row for row in world.snapshot()["users"] if row["id"] != IDS["alice"]] == before


@pytest.mark.parametrize("field", ["fullName", "avatarUrl", "phone", "currentOrgId"])
def test_null_clears_a_field(world: World, field: str) -> None:
    alice = world.as_("alice")
    alice.patch("/users/me", {"avatarUrl": "https://a", "currentOrgId": str(ACME)})

    me = alice.patch("/users/me", {field: None}).json()

    assert [name for name in ("fullName", "avatarUrl", "phone", "currentOrgId") if me[name] is None] == [field]


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
def test_metadata_is_merged_as_a_merge_patch(world: World, patch: dict[str, object], merged: dict[str, object]) -> None:
    me = world.as_("alice").patch("/users/me", {"metadata": patch}).json()

    assert me["metadata"] == merged
    assert me["fullName"] == "Alice"


@pytest.mark.parametrize("value", [None, [], "x", 3, True])
def test_metadata_must_be_an_object(readonly_world: World, value: object) -> None:
    response = readonly_world.as_("alice").patch("/users/me", {"metadata": value})

    assert (response.status, pointers(response)) == (422, [("body", "#/metadata")])


def test_metadata_has_a_limit(readonly_world: World) -> None:
    response = readonly_world.as_("alice").patch("/users/me", {"metadata": {"big": "x" * 16000}})

    assert (response.status, response.json()["code"]) == (422, "metadata_too_large")


def test_merged_metadata_has_the_same_limit(world: World) -> None:
    responses = [world.as_("alice").patch("/users/me", {"metadata": {key: "x" * 9000}}) for key in ("a", "b")]

    assert [response.status for response in responses] == [200, 422]


def nested(depth: int, width: int) -> dict[str, object]:
    value: dict[str, object] = {f"k{at}": at for at in range(width)}
    for at in range(depth):
        value = {f"d{at}": value}
    return value


@pytest.mark.parametrize(
    "patch",
    [
        nested(0, 20_000),
        nested(50, 20_000),
        {f"k{at}": nested(1, 100) for at in range(500)},
        {f"k{at}": None for at in range(40_000)},
        {"big": ["x" * 10] * 50_000},
        {"k" * 500_000: 1},
        {"big": "\u00e9" * 100_000},
    ],
    ids=["wide", "deep-and-wide", "wide-twice", "nulls", "array", "key", "not-ascii"],
)
def test_large_patch_is_refused_before_it_is_merged(readonly_world: World, patch: dict[str, object]) -> None:
    # A quadratic merge of these took 14 to 60 s.
    start = perf_counter()
    response = readonly_world.as_("alice").patch("/users/me", {"metadata": patch})

    assert (response.status, response.json()["code"]) == (422, "metadata_too_large")
    assert perf_counter() - start < 10


@pytest.mark.parametrize("patch", [nested(0, 1_000), nested(40, 900), {f"k{at}": None for at in range(900)}])
def test_largest_patch_is_merged_fast(world: World, patch: dict[str, object]) -> None:
    start = perf_counter()
    responses = [world.as_("alice").patch("/users/me", {"metadata": patch}) for _ in range(2)]

    assert [response.status for response in responses] == [200, 200]
    assert perf_counter() - start < 10


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
def test_invalid_value_is_rejected_with_a_pointer(readonly_world: World, field: str, value: object) -> None:
    response = readonly_world.as_("alice").patch("/users/me", {field: value})

    assert (response.status, pointers(response)) == (422, [("body", f"#/{field}")])


@pytest.mark.parametrize(
    "field", ["id", "email", "sysRole", "sys_role", "isActive", "is_active", "organizations", "createdAt", "updatedBy"]
)
def test_fields_that_users_cannot_set_are_rejected(readonly_world: World, field: str) -> None:
    response = readonly_world.as_("alice").patch("/users/me", {"fullName": "Alice", field: "sys_owner"})

    (error,) = response.json()["errors"]
    assert (response.status, error["pointer"], error["code"]) == (422, f"#/{field}", "extra_forbidden")


@pytest.mark.parametrize("org_id", [GLOBEX, uuid4()], ids=["hidden", "absent"])
def test_current_organization_must_be_one_of_the_callers(readonly_world: World, org_id: UUID) -> None:
    response = readonly_world.as_("alice").patch("/users/me", {"currentOrgId": str(org_id)})

    assert (response.status, response.json()["code"]) == (409, "broken_reference")


def test_leaving_the_current_organization_clears_it(world: World) -> None:
    carol = world.as_("carol")
    carol.patch("/users/me", {"currentOrgId": str(ACME)})

    carol.delete(f"/orgs/{ACME}/members/{IDS['carol']}")

    me = carol.get("/users/me").json()
    assert (me["currentOrgId"], me["organizations"]) == (None, [])
