"""The members of an organization and their roles."""

from uuid import UUID

from cora_modules.access.models.members import Member, MemberPatch, NewMember
from cora_modules.access.queries import members as queries
from org_common import Check, OrgCheck, Page, PageRequest, Reader, Router, Transaction

router = Router("/orgs/{org_id}/members")

ORG_USER = OrgCheck("org_user")
ORG_ADMIN = OrgCheck("org_admin")
SELF = Check("%(user_id)s = app.uid()")


@router.get("", allow=ORG_USER)
def list_members(db: Reader, org_id: UUID, page: PageRequest) -> Page[Member]:
    """List the members, oldest first."""
    return db.page(Member, queries.LIST_MEMBERS, {"org_id": org_id}, page=page, by=("added_at", "id"))


@router.post("", allow=ORG_ADMIN, status=201, idempotent=True)
def add_member(tx: Transaction, org_id: UUID, body: NewMember) -> Member:
    """Add a user who shares another organization with the caller. Invite all others."""
    return tx.one(Member, queries.ADD_MEMBER, {"org_id": org_id, **body.model_dump()})


# `retry=True`: both lock several rows, and a request that deadlocks with another one runs again.
@router.patch("/{user_id}", allow=ORG_ADMIN, retry=True)
def change_member(tx: Transaction, org_id: UUID, user_id: UUID, body: MemberPatch) -> Member:
    """Change a member's role: at most the caller's own role, and not for members above it."""
    return tx.one(Member, queries.CHANGE_MEMBER, {"org_id": org_id, "user_id": user_id, "patch": body})


@router.delete("/{user_id}", allow=ORG_ADMIN | ORG_USER & SELF, retry=True)
def remove_member(tx: Transaction, org_id: UUID, user_id: UUID) -> None:
    """Remove a member. Members may remove themselves, except the last owner."""
    tx.value(queries.REMOVE_MEMBER, {"org_id": org_id, "user_id": user_id})
