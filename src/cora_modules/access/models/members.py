"""Members of an organization."""

from datetime import datetime
from uuid import UUID

from org_common import Model, OrgRole, Patch


class Member(Model):
    """A member as other members see them. `id` is the id of the user."""

    id: UUID
    email: str | None
    full_name: str | None
    avatar_url: str | None
    role: OrgRole
    added_at: datetime


class NewMember(Model):
    """A user to add, who shares another organization with the caller."""

    user_id: UUID
    role: OrgRole = "org_user"


class MemberPatch(Patch):
    """The fields of a membership that may change."""

    role: OrgRole
