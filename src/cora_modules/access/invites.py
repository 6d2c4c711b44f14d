"""Invitations: how people who are not there yet come into an organization."""

from uuid import UUID

from cora_modules.access import queries
from cora_modules.access.models.invites import Acceptance, Invite, IssuedInvite, NewInvite
from cora_modules.access.models.users import Me
from org_common import TOKEN, App, Gone, OrgCheck, Page, PageRequest, Reader, Transaction

app = App("access-invites")

ORG_ADMIN = OrgCheck("org_admin")
MAIL = "mail"


@app.get("/orgs/{org_id}/invites", allow=ORG_ADMIN)
def list_invites(db: Reader, org_id: UUID, page: PageRequest) -> Page[Invite]:
    """All invitations of the organization, the newest first."""
    by = ("created_at", "id")
    return db.page(Invite, queries.LIST_INVITES, {"org_id": org_id}, page=page, by=by, descending=True)


# Without Idempotency-Key: its answer would be kept, and the token with it. A second open invitation is a 409 anyway.
@app.post("/orgs/{org_id}/invites", allow=ORG_ADMIN, status=201)
def create_invite(tx: Transaction, org_id: UUID, body: NewInvite) -> IssuedInvite:
    """Invite an e-mail, in a role up to the caller's own. The token goes out by mail and is answered this once."""
    made = tx.one(IssuedInvite, queries.CREATE_INVITE, {"org_id": org_id, **body.model_dump()})
    tx.send(MAIL, {"template": "invite", **made.model_dump(mode="json", exclude={"invited_by", "status"})})
    return made


@app.delete("/orgs/{org_id}/invites/{invite_id}", allow=ORG_ADMIN)
def revoke_invite(tx: Transaction, org_id: UUID, invite_id: UUID) -> None:
    """Take an open invitation back."""
    tx.run(queries.REVOKE_INVITE, {"org_id": org_id, "invite_id": invite_id}, rows=1)


@app.post("/invites/accept", allow=TOKEN, retry=True, raises=[Gone])
def accept_invite(tx: Transaction, body: Acceptance) -> Me:
    """Become a member, and a user first where there is none yet. The e-mail must be the one that was invited."""
    return tx.one(Me, queries.ACCEPT_INVITE, body)
