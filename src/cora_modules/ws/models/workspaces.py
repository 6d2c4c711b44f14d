"""Workspaces and their activity."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from org_common import Model, Patch
from pydantic import Field, JsonValue, StringConstraints

from cora_modules.access.models.fields import Name, Text
from cora_modules.ws.models.fields import Color, Days
from cora_modules.ws.rules import WsRole

Tag = Annotated[str, StringConstraints(min_length=1, max_length=50, strip_whitespace=True)]
"""A word to find workspaces by, 1 to 50 characters after whitespace at both ends is removed."""
Tags = Annotated[list[Tag], Field(max_length=20)]
"""At most 20 tags."""
Status = Literal["active", "archived"]
"""An archived workspace works like an active one; clients show it elsewhere."""


class Workspace(Model):
    """A workspace as its members see it."""

    id: UUID
    org_id: UUID
    name: str
    description: str | None
    color: str
    icon: str | None
    tags: list[str]
    status: Status
    retention_days: int | None
    """How long it and its removed members are kept after their deletion, in days. None for the platform's value."""
    my_role: WsRole
    """The role of the caller."""
    is_favorite: bool
    """Whether the caller has marked it."""
    member_count: int
    created_at: datetime
    updated_at: datetime


class DeletedWorkspace(Model):
    """A deleted workspace as those see it who can restore it."""

    id: UUID
    name: str
    description: str | None
    color: str
    icon: str | None
    deleted_at: datetime
    deleted_by: UUID | None
    """The user who deleted it."""
    restorable_until: datetime
    """When its retention is over."""


class NewWorkspace(Model):
    """A workspace to create."""

    name: Name
    """Unique among the organization's workspaces."""
    description: Text | None = None
    color: Color | None = None
    """None for the platform's default color."""
    icon: Name | None = None
    """None for the platform's default icon."""
    tags: Tags = Field(default_factory=list)
    retention_days: Days | None = None
    """None for the platform's value."""


class WorkspacePatch(Patch):
    """The fields of a workspace that may change."""

    name: Name
    description: Text | None
    color: Color
    icon: Name | None
    tags: Tags
    status: Status
    retention_days: Days | None


class Transfer(Model):
    """Who gets the workspace."""

    user_id: UUID
    """A member of the workspace."""


class Activity(Model):
    """Something that happened in a workspace."""

    id: UUID
    event: Literal[
        "created",
        "updated",
        "deleted",
        "restored",
        "member_added",
        "member_removed",
        "role_changed",
        "plugin_changed",
    ]
    actor_id: UUID | None
    """The user who did it; None for the platform itself."""
    detail: dict[str, JsonValue]
    """What the event is about: `fields`, `user_id`, `role`, `module`, `from` and `to`, as far as they apply."""
    created_at: datetime
