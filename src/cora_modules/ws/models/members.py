"""Members of a workspace."""

from datetime import datetime
from uuid import UUID

from org_common import Model, Patch

from cora_modules.ws.rules import WsRole


class Member(Model):
    """A member as other members see them."""

    id: UUID
    """The id of the user."""
    email: str | None
    full_name: str | None
    avatar_url: str | None
    role: WsRole
    added_at: datetime
    """When the user became a member, most recently."""


class NewMember(Model):
    """A user to add."""

    user_id: UUID
    """A member of the workspace's organization."""
    role: WsRole = "ws_user"
    """At most the role of the caller."""


class MemberPatch(Patch):
    """The fields of a membership that may change."""

    role: WsRole
