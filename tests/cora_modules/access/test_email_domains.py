"""The routes of e-mail domains."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from tests.cora_modules.access.world import ACME, ACME_DOMAIN, GLOBEX, GLOBEX_DOMAIN, World, pointers

pytestmark = pytest.mark.db

DOMAINS = f"/orgs/{ACME}/email-domains"
DOMAIN = f"{DOMAINS}/{ACME_DOMAIN}"
FIELDS = ["id", "orgId", "domain", "autoProvision", "defaultRole", "verifiedAt", "createdAt", "updatedAt"]


# --- CRUD -------------------------------------------------------------------------------------


def test_new_domain_is_not_verified(world: World) -> None:
    response = world.as_("dave").post(DOMAINS, {"domain": "initech.example"})

    domain = response.json()
    assert (response.status, response.headers["location"]) == (201, f"{DOMAINS}/{domain['id']}")
    assert list(domain) == FIELDS
    assert (domain["autoProvision"], domain["defaultRole"], domain["verifiedAt"]) == (False, "org_user", None)


def test_domain_is_stored_in_lower_case(world: World) -> None:
    response = world.as_("dave").post(DOMAINS, {"domain": "Initech.EXAMPLE"})

    assert response.json()["domain"] == "initech.example"


def test_list_has_the_domains_of_the_organization_in_order(world: World) -> None:
    dave = world.as_("dave")
    for name in ("zeta.example", "alpha.example"):
        dave.post(DOMAINS, {"domain": name})

    first = dave.get(DOMAINS, limit=2).json()
    rest = dave.get(DOMAINS, limit=2, cursor=first["nextCursor"]).json()

    domains = [item["domain"] for item in first["items"] + rest["items"]]
    assert domains == ["acme-zq7.example", "alpha.example", "zeta.example"]
    assert rest["nextCursor"] is None


def test_patch_changes_only_the_fields_that_are_sent(world: World) -> None:
    before = world.row("org_email_domains", ACME_DOMAIN)

    response = world.as_("dave").patch(DOMAIN, {"autoProvision": True})

    after = world.row("org_email_domains", ACME_DOMAIN)
    assert (response.status, response.json()["autoProvision"]) == (200, True)
    changed = {column for column in after if after[column] != before[column]}
    assert changed == {"auto_provision", "updated_at", "updated_by"}
    assert after["updated_by"] == world.users["dave"]


def test_organization_claims_at_most_twenty(world: World) -> None:
    dave = world.as_("dave")
    claimed = len(dave.get(DOMAINS).json()["items"])
    statuses = [dave.post(DOMAINS, {"domain": f"d{n}.example"}).status for n in range(claimed, 20)]

    refused = dave.post(DOMAINS, {"domain": "one-more.example"})

    assert set(statuses) == {201}
    assert (refused.status, refused.json()["code"]) == (409, "too_many_email_domains")
    assert dave.delete(DOMAIN).status == 204
    assert dave.post(DOMAINS, {"domain": "one-more.example"}).status == 201


def test_claims_at_the_same_time_share_one_limit(world: World) -> None:
    dave = world.as_("dave")
    claimed = len(dave.get(DOMAINS).json()["items"])
    for n in range(claimed, 19):
        dave.post(DOMAINS, {"domain": f"d{n}.example"})

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(lambda n: dave.post(DOMAINS, {"domain": f"at-once{n}.example"}).status, range(4)))

    assert statuses == [201, 409, 409, 409]


def test_empty_patch_is_accepted(world: World) -> None:
    response = world.as_("dave").patch(DOMAIN, {})

    assert (response.status, response.json()["autoProvision"]) == (200, False)


def test_delete_removes_one_domain(world: World) -> None:
    response = world.as_("dave").delete(DOMAIN)

    assert response.status == 204
    assert [row["id"] for row in world.rows("org_email_domains")] == [GLOBEX_DOMAIN]


def test_domain_added_again_is_not_verified(world: World) -> None:
    world.admin.execute("update access.org_email_domains set verified_at = now() where id = %s", [ACME_DOMAIN])
    dave = world.as_("dave")
    dave.delete(DOMAIN)

    response = dave.post(DOMAINS, {"domain": "acme-zq7.example"})

    assert (response.status, response.json()["verifiedAt"]) == (201, None)


# --- roles ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "role", "status"),
    [
        ("alice", "org_owner", 201),
        ("alice", "org_user", 201),
        ("dave", "org_admin", 201),
        ("dave", "org_user", 201),
    ],
)
def test_default_role_is_at_most_the_role_of_the_caller(world: World, name: str, role: str, status: int) -> None:
    response = world.as_(name).post(DOMAINS, {"domain": "initech.example", "defaultRole": role})

    assert (response.status, response.json()["defaultRole"]) == (status, role)


def test_admin_cannot_add_a_domain_that_admits_owners(readonly_world: World) -> None:
    response = readonly_world.as_("dave").post(DOMAINS, {"domain": "initech.example", "defaultRole": "org_owner"})

    assert response.status == 403


def test_admin_cannot_raise_the_default_role_to_owner(readonly_world: World) -> None:
    response = readonly_world.as_("dave").patch(DOMAIN, {"defaultRole": "org_owner"})

    assert response.status == 403


def test_owner_can_raise_the_default_role_to_owner(world: World) -> None:
    response = world.as_("alice").patch(DOMAIN, {"defaultRole": "org_owner"})

    assert (response.status, response.json()["defaultRole"]) == (200, "org_owner")


def test_admin_cannot_enable_a_domain_that_admits_owners(world: World) -> None:
    world.as_("alice").patch(DOMAIN, {"defaultRole": "org_owner"})
    before = world.snapshot()

    response = world.as_("dave").patch(DOMAIN, {"autoProvision": True})

    assert response.status == 403
    assert world.snapshot() == before


def test_admin_can_lower_the_default_role_of_an_owner(world: World) -> None:
    world.as_("alice").patch(DOMAIN, {"defaultRole": "org_owner"})

    response = world.as_("dave").patch(DOMAIN, {"defaultRole": "org_user"})

    assert (response.status, response.json()["defaultRole"]) == (200, "org_user")


@pytest.mark.parametrize("role", ["sys_owner", "ws_owner", "owner", "", None, 3])
def test_role_of_another_ladder_is_refused(readonly_world: World, role: object) -> None:
    response = readonly_world.as_("alice").patch(DOMAIN, {"defaultRole": role})

    assert response.status == 422
    assert [error["pointer"] for error in response.json()["errors"]] == ["#/defaultRole"]


# --- duplicates -------------------------------------------------------------------------------


def test_two_organizations_can_claim_one_domain(world: World) -> None:
    response = world.as_("bob").post(f"/orgs/{GLOBEX}/email-domains", {"domain": "acme-zq7.example"})

    assert response.status == 201


@pytest.mark.parametrize("domain", ["acme-zq7.example", "ACME-zq7.Example"])
def test_organization_claims_a_domain_once(readonly_world: World, domain: str) -> None:
    response = readonly_world.as_("dave").post(DOMAINS, {"domain": domain})

    assert (response.status, response.json()["code"]) == (409, "duplicate")


# --- domains of another organization -----------------------------------------------------------


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"autoProvision": True}), ("DELETE", None)])
def test_domain_of_another_organization_is_not_found(
    readonly_world: World, method: str, body: dict[str, bool] | None
) -> None:
    response = readonly_world.as_("alice").send(method, f"{DOMAINS}/{GLOBEX_DOMAIN}", body=body)

    assert response.status == 404


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"autoProvision": True}), ("DELETE", None)])
def test_domain_of_another_organization_is_not_found_by_an_admin_of_both(
    world: World, method: str, body: dict[str, bool] | None
) -> None:
    world.insert("org_members", org_id=GLOBEX, user_id=world.users["alice"], org_role="org_owner")
    before = world.snapshot()

    response = world.as_("alice").send(method, f"{DOMAINS}/{GLOBEX_DOMAIN}", body=body)

    assert response.status == 404
    assert world.snapshot() == before


def test_list_has_no_domains_of_another_organization(world: World) -> None:
    world.insert("org_members", org_id=GLOBEX, user_id=world.users["alice"], org_role="org_owner")

    response = world.as_("alice").get(DOMAINS)

    assert [item["id"] for item in response.json()["items"]] == [str(ACME_DOMAIN)]


# --- fields that the caller cannot set --------------------------------------------------------


@pytest.mark.parametrize("field", ["id", "orgId", "org_id", "verifiedAt", "verified_at", "createdBy", "updatedAt"])
def test_new_domain_rejects_fields_that_the_caller_cannot_set(readonly_world: World, field: str) -> None:
    body = {"domain": "initech.example", field: str(GLOBEX)}

    response = readonly_world.as_("alice").post(DOMAINS, body)

    (error,) = response.json()["errors"]
    assert (response.status, error["pointer"], error["code"]) == (422, f"#/{field}", "extra_forbidden")


@pytest.mark.parametrize("field", ["id", "orgId", "org_id", "domain", "verifiedAt", "verified_at", "createdBy"])
def test_patch_rejects_fields_that_the_caller_cannot_set(readonly_world: World, field: str) -> None:
    response = readonly_world.as_("alice").patch(DOMAIN, {"autoProvision": True, field: str(GLOBEX)})

    (error,) = response.json()["errors"]
    assert (response.status, error["pointer"], error["code"]) == (422, f"#/{field}", "extra_forbidden")


INVALID_DOMAINS = ["", "example", ".example", "a..example", "-a.example", "a-.example", "a b.example", "a.example."]
INVALID_DOMAINS += ["münchen.example", "@a.example", "a.example\n", "a_b.example", "a." * 127 + "example"]


@pytest.mark.parametrize("domain", [*INVALID_DOMAINS, None, 3, []])
def test_invalid_domain_is_rejected_with_a_pointer(readonly_world: World, domain: object) -> None:
    response = readonly_world.as_("alice").post(DOMAINS, {"domain": domain})

    assert (response.status, pointers(response)) == (422, [("body", "#/domain")])


LONGEST = "a." * 125 + "abc"


@pytest.mark.parametrize("domain", ["a.b", "a-b.c-d.example", "1.example", "xn--mnchen-3ya.example", LONGEST])
def test_valid_domain_is_accepted(world: World, domain: str) -> None:
    response = world.as_("alice").post(DOMAINS, {"domain": domain})

    assert (response.status, response.json().get("domain")) == (201, domain)


# --- verify -----------------------------------------------------------------------------------


def test_domain_is_verified_once(world: World) -> None:
    path = f"/admin/sys/email-domains/{ACME_DOMAIN}/verify"

    first, again = world.as_("sam").post(path), world.as_("root").post(path)

    assert (first.status, again.status) == (200, 200)
    assert first.json()["verifiedAt"] == again.json()["verifiedAt"] is not None
    assert (first.json()["orgId"], first.json()["autoProvision"]) == (str(ACME), False)


def test_absent_domain_is_not_found(readonly_world: World) -> None:
    assert readonly_world.as_("sam").post(f"/admin/sys/email-domains/{uuid4()}/verify").status == 404
