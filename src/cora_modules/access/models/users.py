"""People: to themselves, to their colleagues, to the platform's admins."""

from datetime import datetime
from uuid import UUID

from pydantic import JsonValue

from cora_modules.access.models.fields import Name, OrgRole, Phone, SysRole, WebUrl
from org_common import Model, Patch


class Membership(Model):
    """An organization of one's own, and what one is there."""

    id: UUID
    name: str
    slug: str
    logo_url: str | None
    role: OrgRole


class Me(Model):
    """A user as he sees himself."""

    id: UUID
    email: str | None
    full_name: str | None
    avatar_url: str | None
    phone: str | None
    sys_role: SysRole
    current_org_id: UUID | None
    metadata: dict[str, JsonValue]
    organizations: list[Membership]
    created_at: datetime
    updated_at: datetime


class MePatch(Patch):
    full_name: Name | None
    avatar_url: WebUrl | None
    phone: Phone | None
    current_org_id: UUID | None
    metadata: dict[str, JsonValue]


class Session(Model):
    """The sign-in with one token."""

    started_at: datetime
    expires_at: datetime
    user_agent: str | None


class Member(Model):
    """Somebody of an organization, as the others see him. `id` is the user's."""

    id: UUID
    email: str | None
    full_name: str | None
    avatar_url: str | None
    role: OrgRole
    added_at: datetime


class NewMember(Model):
    user_id: UUID
    role: OrgRole = "org_user"


class MemberPatch(Patch):
    role: OrgRole


class SysUser(Model):
    """A user as the platform's admins see him."""

    id: UUID
    email: str | None
    full_name: str | None
    avatar_url: str | None
    sys_role: SysRole
    is_active: bool
    created_at: datetime
    updated_at: datetime


class SysUserPatch(Patch):
    sys_role: SysRole
    is_active: bool
