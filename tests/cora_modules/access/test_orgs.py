"""The routes of organizations."""

from typing import Any
from uuid import UUID

import pytest

from tests.cora_modules.access.world import ACME, GLOBEX, World, pages

pytestmark = pytest.mark.db

ORG = f"/orgs/{ACME}"
FIELDS = ["id", "name", "slug", "description", "logoUrl", "websiteUrl", "appName", "appIcon", "myRole", "memberCount"]
FIELDS += ["createdAt", "updatedAt"]


def others(world: World) -> dict[str, list[dict[str, Any]]]:
    """All rows that do not belong to Acme."""
    tables = world.snapshot().items()
    return {table: [row for row in rows if ACME not in (row.get("org_id"), row.get("id"))] for table, rows in tables}


# --- one organization -------------------------------------------------------------------------


def test_member_reads_the_organization(readonly_world: World) -> None:
    org = readonly_world.as_("carol").get(ORG).json()

    assert list(org) == FIELDS
    assert (org["id"], org["name"], org["slug"]) == (str(ACME), "Acme Zq7 Rockets", "acme-zq7")
    assert (org["logoUrl"], org["createdAt"][-1]) == (None, "Z")


@pytest.mark.parametrize(
    ("name", "org_id", "role", "count"),
    [
        ("alice", ACME, "org_owner", 3),
        ("dave", ACME, "org_admin", 3),
        ("carol", ACME, "org_user", 3),
        ("bob", GLOBEX, "org_owner", 1),
    ],
)
def test_member_sees_their_own_role(readonly_world: World, name: str, org_id: UUID, role: str, count: int) -> None:
    org = readonly_world.as_(name).get(f"/orgs/{org_id}").json()

    assert (org["myRole"], org["memberCount"]) == (role, count)


# --- PATCH ------------------------------------------------------------------------------------


def test_patch_changes_only_the_fields_that_are_sent(world: World) -> None:
    before = world.row("orgs", ACME)

    response = world.as_("dave").patch(ORG, {"name": "Acme Inc.", "logoUrl": "https://acme.example/l.png"})

    after = world.row("orgs", ACME)
    changed = {column for column in after if after[column] != before[column]}
    assert response.status == 200
    assert (response.json()["name"], response.json()["myRole"]) == ("Acme Inc.", "org_admin")
    assert changed == {"name", "logo_url", "updated_at", "updated_by"}


def test_patch_keeps_other_organizations(world: World) -> None:
    before = others(world)

    world.as_("alice").patch(ORG, {"name": "Acme Inc."})

    assert others(world) == before


@pytest.mark.parametrize("field", ["description", "logoUrl", "websiteUrl", "appName", "appIcon"])
def test_null_clears_a_field(world: World, field: str) -> None:
    alice = world.as_("alice")
    alice.patch(
        ORG, {"description": "d", "logoUrl": "https://a", "websiteUrl": "https://a", "appName": "A", "appIcon": "i"}
    )

    org = alice.patch(ORG, {field: None}).json()

    assert [name for name in FIELDS if org[name] is None] == [field]


@pytest.mark.parametrize("field", ["name", "slug"])
def test_null_is_rejected_for_a_required_field(readonly_world: World, field: str) -> None:
    response = readonly_world.as_("alice").patch(ORG, {field: None})

    assert response.status == 422
    assert [error["pointer"] for error in response.json()["errors"]] == [f"#/{field}"]


@pytest.mark.parametrize("body", [{}, {"name": "Acme Zq7 Rockets"}, {"logoUrl": None}], ids=["empty", "same", "null"])
def test_patch_without_a_change_keeps_the_row(readonly_world: World, body: dict[str, object]) -> None:
    response = readonly_world.as_("dave").patch(ORG, body)

    # `readonly_world` fails if the audit columns changed.
    assert response.status == 200


def test_patch_with_the_slug_of_another_organization_is_a_conflict(readonly_world: World) -> None:
    response = readonly_world.as_("alice").patch(ORG, {"slug": "globex-kw4", "name": "Mine"})

    assert (response.status, response.json()["code"]) == (409, "duplicate")


def test_patch_with_its_own_slug_is_accepted(world: World) -> None:
    response = world.as_("alice").patch(ORG, {"slug": "acme-zq7"})

    assert response.status == 200


# --- POST -------------------------------------------------------------------------------------


def test_new_organization_is_at_its_location(world: World) -> None:
    erin = world.as_("erin")

    response = erin.post("/orgs", {"name": "Initech", "slug": "initech", "websiteUrl": "https://initech.example"})

    assert response.status == 201
    assert response.headers["location"] == f"/orgs/{response.json()['id']}"
    assert erin.get(response.headers["location"]).json() == response.json()


def test_creator_becomes_the_owner(world: World) -> None:
    org = world.as_("erin").post("/orgs", {"name": "Initech", "slug": "initech"}).json()

    members = [row for row in world.rows("org_members") if str(row["org_id"]) == org["id"]]
    assert (org["myRole"], org["memberCount"]) == ("org_owner", 1)
    assert [(row["user_id"], row["org_role"], row["added_by"]) for row in members] == [
        (world.users["erin"], "org_owner", world.users["erin"])
    ]


def test_organization_and_owner_are_created_in_one_transaction(world: World) -> None:
    org = world.as_("erin").post("/orgs", {"name": "Initech", "slug": "initech"}).json()

    created = world.admin.execute(
        "select from access.orgs o join access.org_members m on m.org_id = o.id where o.id = %s and o.xmin = m.xmin",
        [org["id"]],
    )
    assert len(created.fetchall()) == 1


def test_organization_is_rolled_back_without_its_owner(world: World) -> None:
    before = world.snapshot()
    world.admin.execute("alter table access.org_members add constraint closed check (false) not valid")

    response = world.as_("erin").post("/orgs", {"name": "Initech", "slug": "initech"})

    world.admin.execute("alter table access.org_members drop constraint closed")
    assert response.status == 422
    assert world.snapshot() == before


def test_duplicate_slug_is_a_conflict_and_leaks_nothing(readonly_world: World) -> None:
    response = readonly_world.as_("bob").post("/orgs", {"name": "Initech", "slug": "acme-zq7"})

    assert (response.status, response.json()["code"]) == (409, "duplicate")
    assert "Acme" not in response.body.decode()


def test_two_organizations_can_have_the_same_name(world: World) -> None:
    bob = world.as_("bob")

    responses = [bob.post("/orgs", {"name": "Acme Zq7 Rockets", "slug": slug}) for slug in ("one", "two")]

    assert [response.status for response in responses] == [201, 201]


def test_repeated_request_with_its_key_creates_one_organization(world: World) -> None:
    erin, key = world.as_("erin"), {"idempotency-key": "7f2c"}
    body = {"name": "Initech", "slug": "initech"}

    first, again = erin.post("/orgs", body, headers=key), erin.post("/orgs", body, headers=key)

    assert (first.status, again.status, again.json()) == (201, 201, first.json())
    assert [org["slug"] for org in erin.get("/orgs").json()["items"]] == ["initech"]


def test_key_of_another_user_replays_nothing(world: World) -> None:
    key = {"idempotency-key": "7f2c"}
    world.as_("alice").post("/orgs", {"name": "Alice's", "slug": "initech"}, headers=key)

    response = world.as_("bob").post("/orgs", {"name": "Alice's", "slug": "initech"}, headers=key)

    assert (response.status, response.json()["code"]) == (409, "duplicate")


# --- audit ------------------------------------------------------------------------------------


def test_audit_columns_come_from_the_token(world: World) -> None:
    org = world.as_("erin").post("/orgs", {"name": "Initech", "slug": "initech"}).json()

    row = world.row("orgs", org["id"])
    (member,) = [row for row in world.rows("org_members") if str(row["org_id"]) == org["id"]]
    erin = world.users["erin"]
    assert (row["created_by"], row["updated_by"], member["created_by"], member["updated_by"]) == (erin,) * 4
    assert row["created_at"] == row["updated_at"] == member["created_at"]


def test_change_sets_updated_and_keeps_created(world: World) -> None:
    before = world.row("orgs", ACME)

    world.as_("dave").patch(ORG, {"name": "Acme Inc."})

    after = world.row("orgs", ACME)
    assert (after["created_at"], after["created_by"]) == (before["created_at"], before["created_by"])
    assert (after["updated_at"] > before["updated_at"], after["updated_by"]) == (True, world.users["dave"])


@pytest.mark.parametrize("field", ["id", "createdAt", "createdBy", "updatedAt", "updatedBy", "created_by", "myRole"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("POST", "/orgs", {"name": "Initech", "slug": "initech"}), ("PATCH", ORG, {"name": "Mine"})],
)
def test_fields_that_the_database_fills_are_rejected(
    readonly_world: World, method: str, path: str, body: dict[str, str], field: str
) -> None:
    response = readonly_world.as_("alice").send(method, path, body={**body, field: str(GLOBEX)})

    (error,) = response.json()["errors"]
    assert (response.status, error["pointer"], error["code"]) == (422, f"#/{field}", "extra_forbidden")


# --- DELETE -----------------------------------------------------------------------------------


def test_delete_removes_everything_that_belongs_to_the_organization(world: World) -> None:
    members = "id in (select user_id from access.org_members where org_id = %(acme)s)"
    world.admin.execute(f"update access.users set current_org_id = %(acme)s where {members}", {"acme": ACME})

    response = world.as_("alice").delete(ORG)

    assert response.status == 204
    assert [row for rows in world.snapshot().values() for row in rows if ACME in row.values()] == []


def test_delete_keeps_rows_of_other_organizations(world: World) -> None:
    before = others(world)

    world.as_("alice").delete(ORG)

    assert others(world) == before
    assert len(world.rows("users")) == len(world.users)


def test_deleted_organization_is_not_found(world: World) -> None:
    alice = world.as_("alice")
    alice.delete(ORG)

    again = alice.delete(ORG)

    assert again.status == 404


def test_slug_of_a_deleted_organization_is_free(world: World) -> None:
    world.as_("alice").delete(ORG)

    response = world.as_("bob").post("/orgs", {"name": "Acme", "slug": "acme-zq7"})

    assert response.status == 201


# --- lists ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "slugs"), [("alice", ["acme-zq7"]), ("bob", ["globex-kw4"]), ("erin", []), ("root", [])]
)
def test_list_has_the_callers_organizations_only(readonly_world: World, name: str, slugs: list[str]) -> None:
    response = readonly_world.as_(name).get("/orgs")

    assert [org["slug"] for org in response.json()["items"]] == slugs


def test_list_has_role_and_number_of_members(readonly_world: World) -> None:
    (org,) = readonly_world.as_("dave").get("/orgs").json()["items"]

    assert list(org) == FIELDS
    assert (org["myRole"], org["memberCount"]) == ("org_admin", 3)


def test_pages_have_each_organization_once_and_in_order(world: World) -> None:
    erin = world.as_("erin")
    names = ["Same", "Same", "Same", "Älter", "zeta", "Alpha", "\U0001f680"]
    for at, name in enumerate(names):
        erin.post("/orgs", {"name": name, "slug": f"org-{at}"})

    listed = pages(erin, "/orgs", 2)

    assert [len(page) for page in listed] == [2, 2, 2, 1]
    assert [org["name"] for page in listed for org in page] == sorted(names)
    assert len({org["id"] for page in listed for org in page}) == len(names)


def test_full_last_page_has_no_cursor(world: World) -> None:
    erin = world.as_("erin")
    for at in range(4):
        erin.post("/orgs", {"name": f"Org {at}", "slug": f"org-{at}"})

    assert [len(page) for page in pages(erin, "/orgs", 2)] == [2, 2]


def test_default_limit_is_fifty(world: World) -> None:
    for at in range(51):
        org_id = world.insert("orgs", name=f"Org {at:02}", slug=f"org-{at:02}")
        world.insert("org_members", org_id=org_id, user_id=world.users["erin"], org_role="org_user")

    assert [len(page) for page in pages(world.as_("erin"), "/orgs", 100)] == [51]
    assert len(world.as_("erin").get("/orgs").json()["items"]) == 50


def test_rows_inserted_between_two_pages_hide_nothing(world: World) -> None:
    erin = world.as_("erin")
    for name in ("b", "d"):
        erin.post("/orgs", {"name": name, "slug": f"org-{name}"})
    first = erin.get("/orgs", limit=1).json()
    for name in ("a", "c"):
        erin.post("/orgs", {"name": name, "slug": f"org-{name}"})

    second = erin.get("/orgs", limit=10, cursor=first["nextCursor"]).json()

    assert [org["name"] for org in second["items"]] == ["c", "d"]
