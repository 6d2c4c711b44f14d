"""The database accepts what the models accept: a value that it rejects is a 422 without a pointer."""

import psycopg
import pytest
from pydantic import ValidationError

from cora_modules.access.models.orgs import EmailDomainPatch, NewEmailDomain, NewOrg, OrgPatch
from tests.cora_modules.access.world import World

SLUGS = ["ab", "a1", "1-2", "a-b-c", "a" * 63, "0" * 63]
DOMAINS = ["a.b", "A.B", "a-b.example", "xn--mnchen-3ya.de", "1.2", "a." * 125 + "abc"]


@pytest.mark.db
@pytest.mark.parametrize("slug", SLUGS)
def test_slug_of_the_model_is_accepted_by_the_database(readonly_world: World, slug: str) -> None:
    assert NewOrg(name="x", slug=slug).slug == slug

    with readonly_world.admin.transaction(force_rollback=True):
        readonly_world.insert("orgs", name="x", slug=slug)


@pytest.mark.db
@pytest.mark.parametrize("slug", ["a", "A-b", "a_b", "-ab", "ab-", "a--b", "ab\n", "a" * 64, ""])
def test_invalid_slug_is_rejected_by_model_and_database(readonly_world: World, slug: str) -> None:
    with pytest.raises(ValidationError):
        NewOrg(name="x", slug=slug)

    with pytest.raises(psycopg.errors.CheckViolation), readonly_world.admin.transaction():
        readonly_world.insert("orgs", name="x", slug=slug)


@pytest.mark.db
@pytest.mark.parametrize("domain", DOMAINS)
def test_domain_of_the_model_is_accepted_by_the_database(readonly_world: World, domain: str) -> None:
    accepted = NewEmailDomain(domain=domain).domain

    with readonly_world.admin.transaction(force_rollback=True):
        org_id = readonly_world.insert("orgs", name="x", slug="x-x")
        readonly_world.insert("org_email_domains", org_id=org_id, domain=accepted)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_url_is_http_or_https(scheme: str) -> None:
    assert NewOrg(name="x", slug="ab", website_url=f"{scheme}://a").website_url == f"{scheme}://a"


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "JAVASCRIPT:x", "data:text/html,x", " https://a", "https://a\n"]
)
def test_other_url_is_rejected(url: str) -> None:
    with pytest.raises(ValidationError):
        NewOrg(name="x", slug="ab", logo_url=url)


def test_patch_returns_the_fields_that_were_sent() -> None:
    assert OrgPatch.model_validate_json('{"logoUrl": null, "name": " a "}').sent() == {"logo_url": None, "name": "a"}
    assert EmailDomainPatch.model_validate_json("{}").sent() == {}


@pytest.mark.parametrize("model", [OrgPatch, EmailDomainPatch])
def test_patch_has_no_fields_that_callers_cannot_set(model: type[OrgPatch | EmailDomainPatch]) -> None:
    fixed = {"id", "org_id", "domain", "verified_at", "created_at", "created_by", "updated_at", "updated_by"}

    assert not fixed & model.__pydantic_fields__.keys()
