"""The routes of the platform's users, for its administrators: their effects, and the audit trail."""

import logging
from uuid import UUID, uuid4

import pytest

from tests.cora_modules.access.world import (
    ACME,
    IDS,
    USERS,
    Somebody,
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


def test_list_has_all_users_in_pages_and_nothing_private(still_world: World) -> None:
    found = [user for page in pages(still_world.as_("sam"), SYS_USERS, 3) for user in page]

    assert {tuple(user) for user in found} == {tuple(FIELDS)}
    assert leaked(still_world.as_("sam").get(SYS_USERS), {"+41", "private", str(ACME)}) == []
    assert sorted(user["email"] for user in found) == sorted(f"{name}@zq7.example" for name in USERS)


def test_one_user_is_as_in_the_list(still_world: World) -> None:
    users = still_world.as_("sam").get(SYS_USERS).json()["items"]

    user = still_world.as_("sam").get(of("carol")).json()

    assert user in users
    assert (user["sysRole"], user["isActive"]) == ("sys_user", True)


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_absent_user_is_not_found(still_world: World, method: str) -> None:
    body = {"isActive": False} if method == "PATCH" else None

    assert still_world.as_("root").send(method, f"{SYS_USERS}/{uuid4()}", body=body).status == 404


@pytest.mark.parametrize(("path", "id"), [(SYS_USERS, None), (of("carol"), str(IDS["carol"]))])
def test_read_leaves_one_line_in_the_log(
    still_world: World, caplog: pytest.LogCaptureFixture, path: str, id: str | None
) -> None:
    with caplog.at_level(logging.INFO, "cora_modules.audit"):
        still_world.as_("sam").get(path)

    (record,) = [each for each in caplog.records if each.name == "cora_modules.audit"]
    read = record.__dict__["sys_read"]
    assert (record.getMessage(), read["sub"], read["id"]) == ("sys_read", "local|sam", id)


@pytest.mark.parametrize("name", ["alice", "erin", "nobody"])
def test_refused_read_is_none(still_world: World, caplog: pytest.LogCaptureFixture, name: str) -> None:
    with caplog.at_level(logging.INFO, "cora_modules.audit"):
        still_world.as_(name).get(SYS_USERS)

    assert [each for each in caplog.records if each.name == "cora_modules.audit"] == []


# --- roles ------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["sys_user", "sys_admin", "sys_owner"])
def test_owner_gives_roles(world: World, role: str) -> None:
    answer = world.as_("root").patch(of("sam"), {"sysRole": role})

    assert (answer.status, list(answer.json()), answer.json()["sysRole"]) == (200, FIELDS, role)
    assert world.row("users", IDS["sam"])["sys_role"] == role


def test_new_admin_may_what_admins_may_and_a_former_one_not(world: World) -> None:
    root = world.as_("root")
    root.patch(of("erin"), {"sysRole": "sys_admin"})
    root.patch(of("sam"), {"sysRole": "sys_user"})

    assert [world.as_(name).get(SYS_USERS).status for name in ("erin", "sam")] == [200, 403]


@pytest.mark.parametrize("whom", ["sam", "erin"])
@pytest.mark.parametrize("role", ["sys_owner", "sys_admin", "sys_user"])
def test_admin_gives_no_roles(still_world: World, whom: str, role: str) -> None:
    same = still_world.row("users", IDS[whom])["sys_role"] == role

    # To send what he has already changes nothing.
    assert still_world.as_("sam").patch(of(whom), {"sysRole": role}).status == (200 if same else 403)


@pytest.mark.parametrize("body", [{"sysRole": "sys_user"}, {"isActive": False}, {"isActive": True}])
def test_admin_does_not_touch_an_owner(still_world: World, body: dict[str, object]) -> None:
    assert still_world.as_("sam").patch(of("root"), body).status == 403


@pytest.mark.parametrize(
    "body",
    [
        {"sysRole": "sys_admin"},
        {"sysRole": "sys_user"},
        {"isActive": False},
        {"sysRole": "sys_user", "isActive": False},
    ],
)
def test_last_owner_stays(still_world: World, body: dict[str, object]) -> None:
    answer = still_world.as_("root").patch(of("root"), body)

    assert (answer.status, answer.json()["code"]) == (409, "last_sys_owner")


def test_owner_who_is_not_the_last_may_go(world: World) -> None:
    root = world.as_("root")
    root.patch(of("sam"), {"sysRole": "sys_owner"})

    assert root.patch(of("root"), {"sysRole": "sys_user"}).status == 200


def test_owner_who_is_not_active_does_not_count(world: World) -> None:
    root = world.as_("root")
    root.patch(of("sam"), {"sysRole": "sys_owner"})
    root.patch(of("sam"), {"isActive": False})

    assert root.patch(of("root"), {"sysRole": "sys_user"}).status == 409


def test_change_of_role_is_in_the_log(world: World) -> None:
    world.as_("root").patch(of("sam"), {"sysRole": "sys_user"})

    (line,) = [row for row in world.rows("auth_log") if row["user_id"] == IDS["sam"]]
    assert (line["event"], line["detail"]) == ("sys_role_changed", {"from": "sys_admin", "to": "sys_user"})
    assert (line["subject"], line["created_by"]) == ("local|root", IDS["root"])


# --- in and out -------------------------------------------------------------------------------


def test_who_is_deactivated_is_out_and_comes_back(world: World) -> None:
    sam, carol = world.as_("sam"), world.as_("carol")

    out = sam.patch(of("carol"), {"isActive": False})
    during = carol.get("/users/me")
    back = sam.patch(of("carol"), {"isActive": True})
    after = carol.get("/users/me")

    assert (out.json()["isActive"], back.json()["isActive"]) == (False, True)
    assert (during.status, during.json()["code"], after.status) == (403, "not_provisioned", 200)
    assert [org["id"] for org in after.json()["organizations"]] == [str(ACME)]


def test_who_is_deactivated_has_no_session_and_invites_nobody(world: World) -> None:
    world.as_("sam").patch(of("alice"), {"isActive": False})

    assert all(row["ended_at"] for row in world.rows("user_sessions") if row["user_id"] == IDS["alice"])
    assert "pending" not in {row["status"] for row in world.rows("invites") if row["invited_by"] == IDS["alice"]}
    assert "pending" in {row["status"] for row in world.rows("invites") if row["invited_by"] == IDS["bob"]}


def test_email_that_somebody_else_has_by_now_keeps_him_out(world: World) -> None:
    sam = world.as_("sam")
    sam.patch(of("carol"), {"isActive": False})
    world.insert("users", email="carol@zq7.example")

    answer = sam.patch(of("carol"), {"isActive": True})

    assert (answer.status, answer.json()["code"]) == (409, "duplicate")


def test_deactivation_is_in_the_log(world: World) -> None:
    sam = world.as_("sam")
    sam.patch(of("carol"), {"isActive": False})
    sam.patch(of("carol"), {"isActive": True})

    lines = [row["event"] for row in world.rows("auth_log") if row["user_id"] == IDS["carol"]]
    assert sorted(lines) == ["activated", "deactivated"]


@pytest.mark.parametrize("body", [{}, {"isActive": True}, {"sysRole": "sys_user"}])
def test_patch_that_changes_nothing_leaves_no_trace(still_world: World, body: dict[str, object]) -> None:
    before = still_world.everything()

    assert still_world.as_("sam").patch(of("carol"), body).status == 200
    assert still_world.everything() == before


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
def test_wrong_value_is_pointed_at(still_world: World, field: str, value: object) -> None:
    answer = still_world.as_("root").patch(of("carol"), {field: value})

    assert (answer.status, pointers(answer)) == (422, [("body", f"#/{field}")])


# --- no access to tenants ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sam", "root"])
@pytest.mark.parametrize("path", ["", "/members", "/invites", "/email-domains"])
def test_admin_of_the_platform_has_no_way_into_a_tenant(still_world: World, name: str, path: str) -> None:
    assert still_world.as_(name).get(f"/orgs/{ACME}{path}").status == 404


def test_role_of_the_database_comes_from_the_route_and_never_from_the_token(still_world: World) -> None:
    class Pretender(Somebody):
        def claims(self) -> str:
            return super().claims().replace("{", '{"role": "app_sys", "sys_role": "sys_owner", ', 1)

    assert still_world.as_(Pretender("alice")).get(SYS_USERS).status == 403


def test_ids_are_in_the_order_of_their_making_where_the_server_can(world: World) -> None:
    made = [UUID(str(world.insert("users", email=f"u{at}@zq7.example"))) for at in range(3)]
    version = world.admin.info.server_version

    assert [id.version for id in made] == [7 if version >= 180000 else 4] * 3
