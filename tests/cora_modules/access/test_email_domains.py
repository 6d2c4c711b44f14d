"""The routes of e-mail domains."""

from uuid import uuid4

import pytest

from tests.cora_modules.access.world import ACME, ACME_DOMAIN, GLOBEX, GLOBEX_DOMAIN, World

pytestmark = pytest.mark.db

DOMAINS = f"/orgs/{ACME}/email-domains"
DOMAIN = f"{DOMAINS}/{ACME_DOMAIN}"
FIELDS = ["id", "orgId", "domain", "autoProvision", "defaultRole", "verifiedAt", "createdAt", "updatedAt"]


# --- CRUD -------------------------------------------------------------------------------------


def test_new_domain_lets_nobody_in(world: World) -> None:
    answer = world.as_("dave").post(DOMAINS, {"domain": "initech.example"})

    made = answer.json()
    assert (answer.status, answer.headers["location"]) == (201, f"{DOMAINS}/{made['id']}")
    assert list(made) == FIELDS
    assert (made["autoProvision"], made["defaultRole"], made["verifiedAt"]) == (False, "org_user", None)


def test_domain_is_kept_in_lower_case(world: World) -> None:
    answer = world.as_("dave").post(DOMAINS, {"domain": "Initech.EXAMPLE"})

    assert answer.json()["domain"] == "initech.example"


def test_list_has_own_domains_in_order(world: World) -> None:
    dave = world.as_("dave")
    for name in ("zeta.example", "alpha.example"):
        dave.post(DOMAINS, {"domain": name})

    first = dave.get(DOMAINS, limit=2).json()
    rest = dave.get(DOMAINS, limit=2, cursor=first["nextCursor"]).json()

    domains = [each["domain"] for each in first["items"] + rest["items"]]
    assert domains == ["acme-zq7.example", "alpha.example", "zeta.example"]
    assert rest["nextCursor"] is None


def test_patch_changes_what_is_sent_and_leaves_the_rest(world: World) -> None:
    before = world.row("org_email_domains", ACME_DOMAIN)

    answer = world.as_("dave").patch(DOMAIN, {"autoProvision": True})

    after = world.row("org_email_domains", ACME_DOMAIN)
    assert (answer.status, answer.json()["autoProvision"]) == (200, True)
    changed = {column for column in after if after[column] != before[column]}
    assert changed == {"auto_provision", "updated_at", "updated_by"}
    assert after["updated_by"] == world.users["dave"]


def test_empty_patch_is_fine(world: World) -> None:
    answer = world.as_("dave").patch(DOMAIN, {})

    assert (answer.status, answer.json()["autoProvision"]) == (200, False)


def test_removed_domain_is_gone_and_others_stay(world: World) -> None:
    answer = world.as_("dave").delete(DOMAIN)

    assert answer.status == 204
    assert [row["id"] for row in world.rows("org_email_domains")] == [GLOBEX_DOMAIN]


def test_domain_that_is_added_again_has_to_be_verified_again(world: World) -> None:
    world.admin.execute("update access.org_email_domains set verified_at = now() where id = %s", [ACME_DOMAIN])
    dave = world.as_("dave")
    dave.delete(DOMAIN)

    answer = dave.post(DOMAINS, {"domain": "acme-zq7.example"})

    assert (answer.status, answer.json()["verifiedAt"]) == (201, None)


# --- who grants what --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "role", "status"),
    [
        ("alice", "org_owner", 201),
        ("alice", "org_user", 201),
        ("dave", "org_admin", 201),
        ("dave", "org_user", 201),
    ],
)
def test_new_domain_may_grant_up_to_the_role_of_its_maker(world: World, name: str, role: str, status: int) -> None:
    answer = world.as_(name).post(DOMAINS, {"domain": "initech.example", "defaultRole": role})

    assert (answer.status, answer.json()["defaultRole"]) == (status, role)


def test_admin_cannot_add_a_domain_of_owners(still_world: World) -> None:
    answer = still_world.as_("dave").post(DOMAINS, {"domain": "initech.example", "defaultRole": "org_owner"})

    assert answer.status == 403


def test_admin_cannot_make_owners_of_those_who_come(still_world: World) -> None:
    answer = still_world.as_("dave").patch(DOMAIN, {"defaultRole": "org_owner"})

    assert answer.status == 403


def test_owner_can_make_owners_of_those_who_come(world: World) -> None:
    answer = world.as_("alice").patch(DOMAIN, {"defaultRole": "org_owner"})

    assert (answer.status, answer.json()["defaultRole"]) == (200, "org_owner")


def test_admin_cannot_switch_on_a_domain_of_owners(world: World) -> None:
    world.as_("alice").patch(DOMAIN, {"defaultRole": "org_owner"})
    before = world.snapshot()

    answer = world.as_("dave").patch(DOMAIN, {"autoProvision": True})

    assert answer.status == 403
    assert world.snapshot() == before


def test_admin_may_lower_what_an_owner_granted(world: World) -> None:
    world.as_("alice").patch(DOMAIN, {"defaultRole": "org_owner"})

    answer = world.as_("dave").patch(DOMAIN, {"defaultRole": "org_user"})

    assert (answer.status, answer.json()["defaultRole"]) == (200, "org_user")


@pytest.mark.parametrize("role", ["sys_owner", "ws_owner", "owner", "", None, 3])
def test_role_of_another_ladder_is_refused(still_world: World, role: object) -> None:
    answer = still_world.as_("alice").patch(DOMAIN, {"defaultRole": role})

    assert answer.status == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["#/defaultRole"]


# --- duplicates -------------------------------------------------------------------------------


def test_two_organizations_may_claim_one_domain(world: World) -> None:
    answer = world.as_("bob").post(f"/orgs/{GLOBEX}/email-domains", {"domain": "acme-zq7.example"})

    assert answer.status == 201


@pytest.mark.parametrize("domain", ["acme-zq7.example", "ACME-zq7.Example"])
def test_one_organization_claims_a_domain_once(still_world: World, domain: str) -> None:
    answer = still_world.as_("dave").post(DOMAINS, {"domain": domain})

    assert (answer.status, answer.json()["code"]) == (409, "duplicate")


# --- the id belongs to its organization -------------------------------------------------------


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"autoProvision": True}), ("DELETE", None)])
def test_domain_of_another_organization_is_not_found_under_ones_own(
    still_world: World, method: str, body: dict[str, bool] | None
) -> None:
    answer = still_world.as_("alice").send(method, f"{DOMAINS}/{GLOBEX_DOMAIN}", body=body)

    assert answer.status == 404


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"autoProvision": True}), ("DELETE", None)])
def test_not_even_by_who_is_admin_of_both(world: World, method: str, body: dict[str, bool] | None) -> None:
    world.insert("org_members", org_id=GLOBEX, user_id=world.users["alice"], org_role="org_owner")
    before = world.snapshot()

    answer = world.as_("alice").send(method, f"{DOMAINS}/{GLOBEX_DOMAIN}", body=body)

    assert answer.status == 404
    assert world.snapshot() == before


def test_list_of_one_organization_has_none_of_the_other(world: World) -> None:
    world.insert("org_members", org_id=GLOBEX, user_id=world.users["alice"], org_role="org_owner")

    answer = world.as_("alice").get(DOMAINS)

    assert [each["id"] for each in answer.json()["items"]] == [str(ACME_DOMAIN)]


# --- what the caller cannot set ---------------------------------------------------------------


@pytest.mark.parametrize("field", ["id", "orgId", "org_id", "verifiedAt", "verified_at", "createdBy", "updatedAt"])
def test_new_domain_cannot_be_declared_verified_or_anothers(still_world: World, field: str) -> None:
    body = {"domain": "initech.example", field: str(GLOBEX)}

    answer = still_world.as_("alice").post(DOMAINS, body)

    (error,) = answer.json()["errors"]
    assert (answer.status, error["pointer"], error["code"]) == (422, f"#/{field}", "extra_forbidden")


@pytest.mark.parametrize("field", ["id", "orgId", "org_id", "domain", "verifiedAt", "verified_at", "createdBy"])
def test_domain_cannot_be_moved_renamed_or_declared_verified(still_world: World, field: str) -> None:
    answer = still_world.as_("alice").patch(DOMAIN, {"autoProvision": True, field: str(GLOBEX)})

    (error,) = answer.json()["errors"]
    assert (answer.status, error["pointer"], error["code"]) == (422, f"#/{field}", "extra_forbidden")


NO_DOMAINS = ["", "example", ".example", "a..example", "-a.example", "a-.example", "a b.example", "a.example."]
NO_DOMAINS += ["münchen.example", "@a.example", "a.example\n", "a_b.example", "a." * 127 + "example"]


LONGEST = "a." * 125 + "abc"


@pytest.mark.parametrize("domain", ["a.b", "a-b.c-d.example", "1.example", "xn--mnchen-3ya.example", LONGEST])
def test_domain_that_is_one_is_taken(world: World, domain: str) -> None:
    answer = world.as_("alice").post(DOMAINS, {"domain": domain})

    assert (answer.status, answer.json().get("domain")) == (201, domain)


# --- verify -----------------------------------------------------------------------------------


def test_domain_is_verified_once(world: World) -> None:
    path = f"/admin/sys/email-domains/{ACME_DOMAIN}/verify"

    first, again = world.as_("sam").post(path), world.as_("root").post(path)

    assert (first.status, again.status) == (200, 200)
    assert first.json()["verifiedAt"] == again.json()["verifiedAt"] is not None
    assert (first.json()["orgId"], first.json()["autoProvision"]) == (str(ACME), False)


def test_absent_domain_is_not_found(still_world: World) -> None:
    assert still_world.as_("sam").post(f"/admin/sys/email-domains/{uuid4()}/verify").status == 404
