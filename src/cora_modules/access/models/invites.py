"""Invitations."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from org_common import Model, OrgRole
from pydantic import StringConstraints

from cora_modules.access.models.fields import Email

MAIL_QUEUE = "mail"
"""The outbox queue of invitations."""


class Invite(Model):
    """An invitation without its token, which only the response that created it shows."""

    id: UUID
    org_id: UUID
    email: str
    """The invited address, in lower case."""
    role: OrgRole
    """The role that the user gets by accepting."""
    status: Literal["pending", "accepted", "expired", "revoked"]
    """Only a pending invitation can be accepted. It expires at `expires_at`."""
    expires_at: datetime
    invited_by: UUID | None
    """The id of the member who invited; None if that user was deleted."""
    created_at: datetime


class IssuedInvite(Invite):
    """A new invitation with its token, shown this once."""

    org_name: str
    token: str
    """The secret of the mail, required to accept. The database stores only its hash."""

    def mail(self) -> dict[str, Any]:
        """The outbox message. The database removes it if the invitation is closed before the relay takes it."""
        return {"template": "invite", **self.model_dump(mode="json", exclude={"invited_by", "status"})}


class MyInvite(Model):
    """An open invitation to the caller."""

    id: UUID
    org_id: UUID
    org_name: str
    role: OrgRole
    """The role that the caller gets by accepting."""
    expires_at: datetime
    created_at: datetime


class NewInvite(Model):
    """An invitation to create."""

    email: Email
    role: OrgRole = "org_user"
    """At most the role of the caller."""


class Acceptance(Model):
    """The token from the invitation's mail."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=200)]
