"""Chats and their members."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from org_common import Model, Patch

from cora_modules.access.models.fields import Name
from cora_modules.chat.rules import ChatAccess

Filter = Literal["mine", "shared", "all"]
"""Which chats: the caller's own, those of others that they see, or both."""


class Chat(Model):
    """A chat as those who see it see it."""

    id: UUID
    org_id: UUID
    ws_id: UUID | None
    """None for a personal chat."""
    title: str
    is_shared: bool
    """Whether all members of the workspace see it."""
    owner_id: UUID | None
    """None if the owner's account was deleted."""
    my_access: Literal["view", "edit", "owner"]
    is_favorite: bool
    """Whether the caller has marked it."""
    last_message_at: datetime
    """When the latest message was stored, or the chat was created."""
    created_at: datetime
    updated_at: datetime


class NewChat(Model):
    """A chat to create in a workspace."""

    title: Name = "New chat"
    is_shared: bool = False
    """Whether all members of the workspace see it."""


class NewPersonalChat(Model):
    """A chat to create outside of a workspace. The caller and the members that they add see it."""

    org_id: UUID
    """An organization of the caller."""
    title: Name = "New chat"


class ChatPatch(Patch):
    """The fields of a chat that may change."""

    title: Name
    is_shared: bool


class OrgChat(Model):
    """What administrators of an organization learn of a chat."""

    id: UUID
    ws_id: UUID | None
    owner_id: UUID | None
    title: str
    is_shared: bool
    last_message_at: datetime
    created_at: datetime
    deleted_at: datetime | None
    """None unless it is deleted."""


class Member(Model):
    """A member of a chat. The owner is not a member."""

    id: UUID
    """The id of the user."""
    email: str | None
    full_name: str | None
    avatar_url: str | None
    access: ChatAccess
    created_at: datetime
    """When the user became a member."""


class NewMember(Model):
    """A user to add."""

    user_id: UUID
    """A member of the chat's workspace, or of the organization for a personal chat."""
    access: ChatAccess = "view"
