"""Invitations: how new people join an organization."""

from uuid import UUID

from org_common import TOKEN, App, Gone, OrgCheck, Page, PageRequest, Reader, TooManyRequests, Transaction

from cora_modules.access.models.invites import MAIL_QUEUE, Acceptance, Invite, IssuedInvite, NewInvite
from cora_modules.access.models.me import Me
from cora_modules.access.queries import invites as queries

app = App("access-invites")

ORG_ADMIN = OrgCheck("org_admin")


@app.get("/orgs/{org_id}/invites", allow=ORG_ADMIN)
def list_invites(db: Reader, org_id: UUID, page: PageRequest) -> Page[Invite]:
    """List all invitations of the organization, newest first."""
    by = ("created_at", "id")
    return db.page(Invite, queries.LIST_INVITES, {"org_id": org_id}, page=page, by=by, descending=True)


# No `idempotent=True`: the stored response would keep the token. A second open invitation is a 409 anyway.
@app.post("/orgs/{org_id}/invites", allow=ORG_ADMIN, status=201, raises=[TooManyRequests])
def create_invite(tx: Transaction, org_id: UUID, body: NewInvite) -> IssuedInvite:
    """Invite an e-mail, in at most the caller's own role. The token is in the mail and in this one response."""
    invite = tx.one(IssuedInvite, queries.CREATE_INVITE, {"org_id": org_id, **body.model_dump()})
    tx.send(MAIL_QUEUE, invite.mail())
    return invite


@app.delete("/orgs/{org_id}/invites/{invite_id}", allow=ORG_ADMIN)
def revoke_invite(tx: Transaction, org_id: UUID, invite_id: UUID) -> None:
    """Revoke an open invitation."""
    tx.value(queries.REVOKE_INVITE, {"org_id": org_id, "invite_id": invite_id})


@app.post("/invites/accept", allow=TOKEN, retry=True, raises=[Gone])
def accept_invite(tx: Transaction, body: Acceptance) -> Me:
    """Join the organization, as a new user on the first sign-in. The verified e-mail must be the invited one."""
    return tx.one(Me, queries.ACCEPT_INVITE, body)
