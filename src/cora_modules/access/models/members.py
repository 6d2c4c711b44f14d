"""Members of an organization."""

from datetime import datetime
from uuid import UUID

from org_common import Model, OrgRole, Patch


class Member(Model):
    """A member as other members see them."""

    id: UUID
    """The id of the user."""
    email: str | None
    full_name: str | None
    avatar_url: str | None
    role: OrgRole
    added_at: datetime
    """When the user became a member."""


class NewMember(Model):
    """A member to add."""

    user_id: UUID
    """A user who shares another organization with the caller."""
    role: OrgRole = "org_user"
    """At most the role of the caller."""


class MemberPatch(Patch):
    """The fields of a membership that may change."""

    role: OrgRole
