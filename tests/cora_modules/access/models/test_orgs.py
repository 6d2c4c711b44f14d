"""What the models let in, the database lets in too: a value refused there would be a 422 without a pointer."""

import psycopg
import pytest
from pydantic import ValidationError

from cora_modules.access.models.orgs import EmailDomainPatch, NewEmailDomain, NewOrg, OrgPatch
from tests.cora_modules.access.world import World

SLUGS = ["ab", "a1", "1-2", "a-b-c", "a" * 63, "0" * 63]
DOMAINS = ["a.b", "A.B", "a-b.example", "xn--mnchen-3ya.de", "1.2", "a." * 125 + "abc"]


@pytest.mark.db
@pytest.mark.parametrize("slug", SLUGS)
def test_slug_that_the_model_takes_is_taken_by_the_database(still_world: World, slug: str) -> None:
    assert NewOrg(name="x", slug=slug).slug == slug

    with still_world.admin.transaction(force_rollback=True):
        still_world.insert("orgs", name="x", slug=slug)


@pytest.mark.db
@pytest.mark.parametrize("slug", ["a", "A-b", "a_b", "-ab", "ab-", "a--b", "ab\n", "a" * 64, ""])
def test_slug_that_the_model_refuses_is_refused_by_the_database(still_world: World, slug: str) -> None:
    with pytest.raises(ValidationError):
        NewOrg(name="x", slug=slug)

    with pytest.raises(psycopg.errors.CheckViolation), still_world.admin.transaction():
        still_world.insert("orgs", name="x", slug=slug)


@pytest.mark.db
@pytest.mark.parametrize("domain", DOMAINS)
def test_domain_that_the_model_takes_is_taken_by_the_database(still_world: World, domain: str) -> None:
    taken = NewEmailDomain(domain=domain).domain

    with still_world.admin.transaction(force_rollback=True):
        org_id = still_world.insert("orgs", name="x", slug="x-x")
        still_world.insert("org_email_domains", org_id=org_id, domain=taken)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_address_is_one_of_the_web(scheme: str) -> None:
    assert NewOrg(name="x", slug="ab", website_url=f"{scheme}://a").website_url == f"{scheme}://a"


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "JAVASCRIPT:x", "data:text/html,x", " https://a", "https://a\n"]
)
def test_address_that_a_browser_would_run_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        NewOrg(name="x", slug="ab", logo_url=url)


def test_patch_knows_what_was_sent() -> None:
    assert OrgPatch.model_validate_json('{"logoUrl": null, "name": " a "}').sent() == {"logo_url": None, "name": "a"}
    assert EmailDomainPatch.model_validate_json("{}").sent() == {}


@pytest.mark.parametrize("model", [OrgPatch, EmailDomainPatch])
def test_patch_takes_nothing_that_is_not_the_callers(model: type[OrgPatch | EmailDomainPatch]) -> None:
    fixed = {"id", "org_id", "domain", "verified_at", "created_at", "created_by", "updated_at", "updated_by"}

    assert not fixed & model.__pydantic_fields__.keys()
