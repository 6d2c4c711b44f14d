"""Invitations."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import StringConstraints

from cora_modules.access.models.fields import Email
from org_common import Model, OrgRole


class Invite(Model):
    """An invitation without its token, which only the response that created it shows."""

    id: UUID
    org_id: UUID
    email: str
    role: OrgRole
    status: Literal["pending", "accepted", "expired", "revoked"]
    expires_at: datetime
    invited_by: UUID | None
    created_at: datetime


class IssuedInvite(Invite):
    """A new invitation with its token, shown this once."""

    org_name: str
    token: str


class NewInvite(Model):
    """Whom to invite, and the role they get."""

    email: Email
    role: OrgRole = "org_user"


class Acceptance(Model):
    """The token from the invitation's mail."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=200)]
