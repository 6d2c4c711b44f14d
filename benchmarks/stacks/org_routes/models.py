"""What the routes receive and return. Names are camelCase over HTTP."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic.alias_generators import to_camel

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Slug = Annotated[str, StringConstraints(min_length=2, max_length=63, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Text = Annotated[str, StringConstraints(max_length=2000)]
WebUrl = Annotated[str, StringConstraints(max_length=2000, pattern=r"^https?://[^\s/]+[^\s]*$")]


class Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, extra="forbid")


class Org(Model):
    id: UUID
    name: str
    slug: str
    description: str | None
    logo_url: str | None
    website_url: str | None
    app_name: str | None
    app_icon: str | None
    my_role: Literal["org_user", "org_admin", "org_owner"]
    member_count: int
    created_at: datetime
    updated_at: datetime


class OrgPatch(Model):
    # None stands for "not sent": `model_dump(exclude_unset=True)` has only the fields that were sent.
    name: Name = None
    slug: Slug = None
    description: Text | None = None
    logo_url: WebUrl | None = None
    website_url: WebUrl | None = None
    app_name: Name | None = None
    app_icon: Name | None = None


class Workspace(Model):
    id: UUID
    org_id: UUID
    name: str
    description: str | None
    color: str
    icon: str | None
    tags: list[str]
    status: Literal["active", "archived"]
    retention_days: int | None
    my_role: Literal["ws_user", "ws_admin", "ws_owner"]
    is_favorite: bool
    member_count: int
    created_at: datetime
    updated_at: datetime


class WorkspacePage(Model):
    items: list[Workspace]
    next_cursor: str | None
