"""The routes of the platform's users, for its administrators, and their audit trail."""

import logging
from uuid import UUID, uuid4

import pytest

from tests.cora_modules.access.world import (
    ACME,
    IDS,
    USERS,
    TokenHolder,
    World,
    leaked,
    pages,
    pointers,
)

pytestmark = pytest.mark.db

SYS_USERS = "/admin/sys/users"
FIELDS = ["id", "email", "fullName", "avatarUrl", "sysRole", "isActive", "createdAt", "updatedAt"]


def of(name: str) -> str:
    return f"{SYS_USERS}/{IDS[name]}"


# --- read -------------------------------------------------------------------------------------


def test_list_has_all_users_without_private_fields(readonly_world: World) -> None:
    users = [user for page in pages(readonly_world.as_("sam"), SYS_USERS, 3) for user in page]

    assert {tuple(user) for user in users} == {tuple(FIELDS)}
    assert leaked(readonly_world.as_("sam").get(SYS_USERS), {"+41", "private", str(ACME)}) == []
    assert sorted(user["email"] for user in users) == sorted(f"{name}@zq7.example" for name in USERS)


def test_user_is_the_same_as_in_the_list(readonly_world: World) -> None:
    users = readonly_world.as_("sam").get(SYS_USERS).json()["items"]

    user = readonly_world.as_("sam").get(of("carol")).json()

    assert user in users
    assert (user["sysRole"], user["isActive"]) == ("sys_user", True)


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_absent_user_is_not_found(readonly_world: World, method: str) -> None:
    body = {"isActive": False} if method == "PATCH" else None

    assert readonly_world.as_("root").send(method, f"{SYS_USERS}/{uuid4()}", body=body).status == 404


@pytest.mark.parametrize(("path", "id"), [(SYS_USERS, None), (of("carol"), str(IDS["carol"]))])
def test_read_is_logged(readonly_world: World, caplog: pytest.LogCaptureFixture, path: str, id: str | None) -> None:
    with caplog.at_level(logging.INFO, "org_common.audit"):
        readonly_world.as_("sam").get(path)

    (record,) = [record for record in caplog.records if record.name == "org_common.audit"]
    read = record.__dict__["sys_read"]
    assert (record.getMessage(), read["sub"], read["id"]) == ("sys_read", "local|sam", id)


@pytest.mark.parametrize(
    ("name", "method", "path"),
    [
        *[(name, "GET", SYS_USERS) for name in ("alice", "erin", "anonymous")],
        ("sam", "GET", f"{SYS_USERS}/{UUID(int=7)}"),
        ("sam", "PATCH", of("carol")),
        ("carol", "GET", "/users/me"),
    ],
)
def test_refused_absent_write_and_own_profile_are_no_logged_reads(
    readonly_world: World, caplog: pytest.LogCaptureFixture, name: str, method: str, path: str
) -> None:
    with caplog.at_level(logging.INFO, "org_common.audit"):
        readonly_world.as_(name).send(method, path, body={} if method == "PATCH" else None)

    assert [record for record in caplog.records if record.name == "org_common.audit"] == []


# --- roles ------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["sys_user", "sys_admin", "sys_owner"])
def test_owner_grants_roles(world: World, role: str) -> None:
    response = world.as_("root").patch(of("sam"), {"sysRole": role})

    assert (response.status, list(response.json()), response.json()["sysRole"]) == (200, FIELDS, role)
    assert world.row("users", IDS["sam"])["sys_role"] == role


def test_role_takes_effect_at_once(world: World) -> None:
    root = world.as_("root")
    root.patch(of("erin"), {"sysRole": "sys_admin"})
    root.patch(of("sam"), {"sysRole": "sys_user"})

    assert [world.as_(name).get(SYS_USERS).status for name in ("erin", "sam")] == [200, 403]


@pytest.mark.parametrize("target_name", ["sam", "erin"])
@pytest.mark.parametrize("role", ["sys_owner", "sys_admin", "sys_user"])
def test_admin_cannot_grant_roles(readonly_world: World, target_name: str, role: str) -> None:
    same = readonly_world.row("users", IDS[target_name])["sys_role"] == role

    # Sending the current role changes nothing.
    assert readonly_world.as_("sam").patch(of(target_name), {"sysRole": role}).status == (200 if same else 403)


@pytest.mark.parametrize("body", [{"sysRole": "sys_user"}, {"isActive": False}, {"isActive": True}])
def test_admin_cannot_change_an_owner(readonly_world: World, body: dict[str, object]) -> None:
    assert readonly_world.as_("sam").patch(of("root"), body).status == 403


@pytest.mark.parametrize(
    "body",
    [
        {"sysRole": "sys_admin"},
        {"sysRole": "sys_user"},
        {"isActive": False},
        {"sysRole": "sys_user", "isActive": False},
    ],
)
def test_last_owner_stays(readonly_world: World, body: dict[str, object]) -> None:
    response = readonly_world.as_("root").patch(of("root"), body)

    assert (response.status, response.json()["code"]) == (409, "last_sys_owner")


def test_owner_can_step_down_if_another_stays(world: World) -> None:
    root = world.as_("root")
    root.patch(of("sam"), {"sysRole": "sys_owner"})

    assert root.patch(of("root"), {"sysRole": "sys_user"}).status == 200


def test_deactivated_owner_does_not_count(world: World) -> None:
    root = world.as_("root")
    root.patch(of("sam"), {"sysRole": "sys_owner"})
    root.patch(of("sam"), {"isActive": False})

    assert root.patch(of("root"), {"sysRole": "sys_user"}).status == 409


def test_change_of_role_is_in_the_log(world: World) -> None:
    world.as_("root").patch(of("sam"), {"sysRole": "sys_user"})

    (line,) = [row for row in world.rows("auth_log") if row["user_id"] == IDS["sam"]]
    assert (line["event"], line["detail"]) == ("sys_role_changed", {"from": "sys_admin", "to": "sys_user"})
    assert (line["subject"], line["created_by"]) == ("local|root", IDS["root"])


# --- deactivation -----------------------------------------------------------------------------


def test_deactivated_user_is_refused_until_activated(world: World) -> None:
    sam, carol = world.as_("sam"), world.as_("carol")

    out = sam.patch(of("carol"), {"isActive": False})
    during = carol.get("/users/me")
    back = sam.patch(of("carol"), {"isActive": True})
    after = carol.get("/users/me")

    assert (out.json()["isActive"], back.json()["isActive"]) == (False, True)
    assert (during.status, during.json()["code"], after.status) == (403, "not_provisioned", 200)
    assert [org["id"] for org in after.json()["organizations"]] == [str(ACME)]


def test_deactivation_ends_sessions_and_revokes_invitations(world: World) -> None:
    world.as_("sam").patch(of("alice"), {"isActive": False})

    assert all(row["ended_at"] for row in world.rows("user_sessions") if row["user_id"] == IDS["alice"])
    assert "pending" not in {row["status"] for row in world.rows("invites") if row["invited_by"] == IDS["alice"]}
    assert "pending" in {row["status"] for row in world.rows("invites") if row["invited_by"] == IDS["bob"]}


def test_user_whose_email_is_taken_cannot_be_activated(world: World) -> None:
    sam = world.as_("sam")
    sam.patch(of("carol"), {"isActive": False})
    world.insert("users", email="carol@zq7.example")

    response = sam.patch(of("carol"), {"isActive": True})

    assert (response.status, response.json()["code"]) == (409, "email_taken")


def test_deactivation_is_in_the_log(world: World) -> None:
    sam = world.as_("sam")
    sam.patch(of("carol"), {"isActive": False})
    sam.patch(of("carol"), {"isActive": True})

    lines = [row["event"] for row in world.rows("auth_log") if row["user_id"] == IDS["carol"]]
    assert sorted(lines) == ["activated", "deactivated"]


@pytest.mark.parametrize("body", [{}, {"isActive": True}, {"sysRole": "sys_user"}])
def test_patch_without_a_change_keeps_the_row(readonly_world: World, body: dict[str, object]) -> None:
    before = readonly_world.everything()

    assert readonly_world.as_("sam").patch(of("carol"), body).status == 200
    assert readonly_world.everything() == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sysRole", "org_owner"),
        ("sysRole", None),
        ("sysRole", ""),
        ("isActive", None),
        ("isActive", "perhaps"),
        ("email", "x@y.example"),
        ("id", str(IDS["root"])),
        ("phone", "+41 44"),
    ],
)
def test_invalid_value_is_rejected_with_a_pointer(readonly_world: World, field: str, value: object) -> None:
    response = readonly_world.as_("root").patch(of("carol"), {field: value})

    assert (response.status, pointers(response)) == (422, [("body", f"#/{field}")])


# --- no access to tenants ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sam", "root"])
@pytest.mark.parametrize("path", ["", "/members", "/invites", "/email-domains"])
def test_platform_admin_has_no_access_to_a_tenant(readonly_world: World, name: str, path: str) -> None:
    assert readonly_world.as_(name).get(f"/orgs/{ACME}{path}").status == 404


def test_database_role_comes_from_the_route_and_not_from_the_token(readonly_world: World) -> None:
    class Impostor(TokenHolder):
        def claims(self) -> str:
            return super().claims().replace("{", '{"role": "app_sys", "sys_role": "sys_owner", ', 1)

    assert readonly_world.as_(Impostor("alice")).get(SYS_USERS).status == 403


def test_ids_sort_by_creation_if_the_server_supports_it(world: World) -> None:
    ids = [UUID(str(world.insert("users", email=f"u{at}@zq7.example"))) for at in range(3)]
    version = world.admin.info.server_version

    assert [id.version for id in ids] == [7 if version >= 180000 else 4] * 3
