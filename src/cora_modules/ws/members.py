"""The members of a workspace and their roles."""

from uuid import UUID

from org_common import Check, Page, PageRequest, Reader, Router, Transaction

from cora_modules.ws.models.members import Member, MemberPatch, NewMember
from cora_modules.ws.queries import members as queries
from cora_modules.ws.rules import WsCheck

router = Router("/workspaces/{ws_id}/members")

WS_USER = WsCheck("ws_user")
WS_ADMIN = WsCheck("ws_admin")
SELF = Check("%(user_id)s = app.uid()")


@router.get("", allow=WS_USER)
def list_members(db: Reader, ws_id: UUID, page: PageRequest) -> Page[Member]:
    """List the members, oldest first."""
    return db.page(Member, queries.LIST_MEMBERS, {"ws_id": ws_id}, page=page, by=("added_at", "id"))


# `retry=True`: they lock several rows, and a request that deadlocks with another one runs again.
@router.post("", allow=WS_ADMIN, status=201, idempotent=True, retry=True)
def add_member(tx: Transaction, ws_id: UUID, body: NewMember) -> Member:
    """Add a member of the organization, in at most the caller's own role."""
    return tx.one(Member, queries.ADD_MEMBER, {"ws_id": ws_id, **body.model_dump()})


@router.patch("/{user_id}", allow=WS_ADMIN, retry=True)
def change_member(tx: Transaction, ws_id: UUID, user_id: UUID, body: MemberPatch) -> Member:
    """Change a member's role: at most the caller's own role, and not for members above it."""
    return tx.one(Member, queries.CHANGE_MEMBER, {"ws_id": ws_id, "user_id": user_id, "patch": body})


@router.delete("/{user_id}", allow=WS_ADMIN | WS_USER & SELF, retry=True)
def remove_member(tx: Transaction, ws_id: UUID, user_id: UUID) -> None:
    """Remove a member. Members may remove themselves, except the last owner."""
    tx.value(queries.REMOVE_MEMBER, {"ws_id": ws_id, "user_id": user_id})
