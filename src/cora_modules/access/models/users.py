"""The platform's users, for its administrators."""

from datetime import datetime
from uuid import UUID

from org_common import Model, Patch, SysRole


class SysUser(Model):
    """A user as administrators of the platform see them."""

    id: UUID
    email: str | None
    full_name: str | None
    avatar_url: str | None
    sys_role: SysRole
    is_active: bool
    """False for a deactivated user, who is unknown to every access rule."""
    created_at: datetime
    updated_at: datetime


class SysUserPatch(Patch):
    """The fields of a user that administrators of the platform may change."""

    sys_role: SysRole
    """Only a `sys_owner` may change it."""
    is_active: bool
