"""The caller's open invitations, to accept or decline in the app."""

from uuid import UUID

from org_common import SIGNED_IN, Page, PageRequest, Reader, Router, Transaction

from cora_modules.access.models.invites import MyInvite
from cora_modules.access.models.me import Me
from cora_modules.access.queries import invites as queries

router = Router("/users/me/invites")


@router.get("", allow=SIGNED_IN)
def list_my_invites(db: Reader, page: PageRequest) -> Page[MyInvite]:
    """List the open invitations to the caller's e-mail, newest first."""
    by = ("created_at", "id")
    return db.page(MyInvite, queries.LIST_MY_INVITES, page=page, by=by, descending=True)


# `retry=True`: both lock several rows, and a request that deadlocks with another one runs again.
@router.post("/{invite_id}/accept", allow=SIGNED_IN, retry=True)
def accept_my_invite(tx: Transaction, invite_id: UUID) -> Me:
    """Join the organization."""
    return tx.one(Me, queries.ACCEPT_MY_INVITE, {"invite_id": invite_id})


@router.delete("/{invite_id}", allow=SIGNED_IN, retry=True)
def decline_invite(tx: Transaction, invite_id: UUID) -> None:
    """Decline the invitation. The organization sees it as revoked."""
    tx.value(queries.DECLINE_INVITE, {"invite_id": invite_id})
