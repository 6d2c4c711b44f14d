"""Invitations."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import StringConstraints

from cora_modules.access.models.fields import Email, OrgRole
from org_common import Model


class Invite(Model):
    """An organization's word to an e-mail. Nobody reads its token again."""

    id: UUID
    org_id: UUID
    email: str
    role: OrgRole
    status: Literal["pending", "accepted", "expired", "revoked"]
    expires_at: datetime
    invited_by: UUID | None
    created_at: datetime


class IssuedInvite(Invite):
    """The one time that the token is shown."""

    org_name: str
    token: str


class NewInvite(Model):
    email: Email
    role: OrgRole = "org_user"


class Acceptance(Model):
    token: Annotated[str, StringConstraints(min_length=1, max_length=200)]
