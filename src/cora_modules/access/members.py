"""The members of an organization and their roles."""

from uuid import UUID

from org_common import Check, OrgCheck, Page, PageRequest, Reader, Router, TooManyRequests, Transaction

from cora_modules.access.models.invites import MAIL_QUEUE, Invite, IssuedInvite
from cora_modules.access.models.members import Member, MemberPatch, NewMember
from cora_modules.access.queries import members as queries

router = Router("/orgs/{org_id}/members")

ORG_USER = OrgCheck("org_user")
ORG_ADMIN = OrgCheck("org_admin")
SELF = Check("%(user_id)s = app.uid()")


@router.get("", allow=ORG_USER)
def list_members(db: Reader, org_id: UUID, page: PageRequest) -> Page[Member]:
    """List the members, oldest first."""
    return db.page(Member, queries.LIST_MEMBERS, {"org_id": org_id}, page=page, by=("added_at", "id"))


# 202: the user is a member as soon as they accept.
@router.post("", allow=ORG_ADMIN, status=202, idempotent=True, raises=[TooManyRequests])
def invite_member(tx: Transaction, org_id: UUID, body: NewMember) -> Invite:
    """Invite a user who shares another organization with the caller. Invite all others by e-mail."""
    invite = tx.one(IssuedInvite, queries.INVITE_USER, {"org_id": org_id, **body.model_dump()})
    tx.send(MAIL_QUEUE, invite.mail())
    return invite


# `retry=True`: both lock several rows, and a request that deadlocks with another one runs again.
@router.patch("/{user_id}", allow=ORG_ADMIN, retry=True)
def change_member(tx: Transaction, org_id: UUID, user_id: UUID, body: MemberPatch) -> Member:
    """Change a member's role: at most the caller's own role, and not for members above it."""
    return tx.one(Member, queries.CHANGE_MEMBER, {"org_id": org_id, "user_id": user_id, "patch": body})


@router.delete("/{user_id}", allow=ORG_ADMIN | ORG_USER & SELF, retry=True)
def remove_member(tx: Transaction, org_id: UUID, user_id: UUID) -> None:
    """Remove a member. Members may remove themselves, except the last owner."""
    tx.value(queries.REMOVE_MEMBER, {"org_id": org_id, "user_id": user_id})
