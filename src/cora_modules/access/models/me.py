"""The caller's own profile."""

from datetime import datetime
from uuid import UUID

from org_common import Model, OrgRole, Patch, SysRole
from pydantic import JsonValue

from cora_modules.access.models.fields import Name, Phone, WebUrl


class Membership(Model):
    """An organization of the caller, and their role in it."""

    id: UUID
    name: str
    slug: str
    logo_url: str | None
    role: OrgRole


class Me(Model):
    """The caller as a user, private fields included."""

    id: UUID
    email: str | None
    """Verified and in lower case, or None."""
    full_name: str | None
    avatar_url: str | None
    phone: str | None
    sys_role: SysRole
    current_org_id: UUID | None
    """The organization that the user works in: one of `organizations`, or None."""
    metadata: dict[str, JsonValue]
    """Free-form data of the user's clients."""
    organizations: list[Membership]
    """The first 50 by name. GET /orgs lists all, 200 at most."""
    created_at: datetime
    updated_at: datetime


class MePatch(Patch):
    """The fields that users may change in their own profile."""

    full_name: Name | None
    avatar_url: WebUrl | None
    phone: Phone | None
    current_org_id: UUID | None
    metadata: dict[str, JsonValue]
    """Merged into the stored metadata (RFC 7396): null removes a key. At most 16,000 characters as JSON."""
