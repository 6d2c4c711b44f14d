"""Organizations, which are the tenants, and the e-mail domains that they claim."""

from uuid import UUID

from org_common import SIGNED_IN, App, OrgCheck, Page, PageRequest, Reader, SysCheck, Transaction

from cora_modules.access.models.orgs import (
    EmailDomain,
    EmailDomainPatch,
    NewEmailDomain,
    NewOrg,
    Org,
    OrgPatch,
)
from cora_modules.access.queries import orgs as queries

app = App("access-orgs")

ORG_USER = OrgCheck("org_user")
ORG_ADMIN = OrgCheck("org_admin")
ORG_OWNER = OrgCheck("org_owner")
SYS_ADMIN = SysCheck("sys_admin")


@app.get("/orgs", allow=SIGNED_IN)
def list_orgs(db: Reader, page: PageRequest) -> Page[Org]:
    """List the caller's organizations, with their role and the number of members."""
    return db.page(Org, queries.LIST_ORGS, page=page, by=("name", "id"))


@app.post("/orgs", allow=SIGNED_IN, status=201, idempotent=True)
def create_org(tx: Transaction, body: NewOrg) -> Org:
    """Create an organization. The caller becomes its owner."""
    return tx.one(Org, queries.CREATE_ORG, body)


@app.get("/orgs/{org_id}", allow=ORG_USER)
def get_org(db: Reader, org_id: UUID) -> Org:
    """Return one organization."""
    return db.one(Org, queries.GET_ORG, {"org_id": org_id})


@app.patch("/orgs/{org_id}", allow=ORG_ADMIN)
def update_org(tx: Transaction, org_id: UUID, body: OrgPatch) -> Org:
    """Change the fields that are sent."""
    return tx.one(Org, queries.UPDATE_ORG, {"org_id": org_id, "patch": body})


@app.delete("/orgs/{org_id}", allow=ORG_OWNER)
def delete_org(tx: Transaction, org_id: UUID) -> None:
    """Delete an organization and everything that belongs to it."""
    tx.run(queries.DELETE_ORG, {"org_id": org_id}, rows=1)


@app.get("/orgs/{org_id}/email-domains", allow=ORG_ADMIN)
def list_domains(db: Reader, org_id: UUID, page: PageRequest) -> Page[EmailDomain]:
    """List the e-mail domains that the organization claims."""
    return db.page(EmailDomain, queries.LIST_DOMAINS, {"org_id": org_id}, page=page, by=("domain", "id"))


@app.post("/orgs/{org_id}/email-domains", allow=ORG_ADMIN, status=201, idempotent=True)
def add_domain(tx: Transaction, org_id: UUID, body: NewEmailDomain) -> EmailDomain:
    """Claim an e-mail domain. It admits users once it is verified."""
    return tx.one(EmailDomain, queries.ADD_DOMAIN, {"org_id": org_id, **body.model_dump()})


@app.patch("/orgs/{org_id}/email-domains/{domain_id}", allow=ORG_ADMIN)
def update_domain(tx: Transaction, org_id: UUID, domain_id: UUID, body: EmailDomainPatch) -> EmailDomain:
    """Change whether the domain admits new users, and the role that they get."""
    return tx.one(EmailDomain, queries.UPDATE_DOMAIN, {"org_id": org_id, "domain_id": domain_id, "patch": body})


@app.delete("/orgs/{org_id}/email-domains/{domain_id}", allow=ORG_ADMIN)
def remove_domain(tx: Transaction, org_id: UUID, domain_id: UUID) -> None:
    """Remove an e-mail domain."""
    tx.run(queries.DELETE_DOMAIN, {"org_id": org_id, "domain_id": domain_id}, rows=1)


@app.post("/admin/sys/email-domains/{domain_id}/verify", allow=SYS_ADMIN)
def verify_domain(tx: Transaction, domain_id: UUID) -> EmailDomain:
    """Mark the domain as verified. With `autoProvision` it admits new users from then on."""
    return tx.one(EmailDomain, queries.VERIFY_DOMAIN, {"domain_id": domain_id})
