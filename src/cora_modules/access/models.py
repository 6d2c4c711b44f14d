"""What goes in and out of the access module."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import StringConstraints

from org_common import Model, Patch

OrgRole = Literal["org_user", "org_admin", "org_owner"]

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Slug = Annotated[str, StringConstraints(min_length=2, max_length=63, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Text = Annotated[str, StringConstraints(max_length=2000)]
# A scheme that a browser would run, `javascript:`, is no address of a logo.
WebUrl = Annotated[str, StringConstraints(max_length=2000, pattern=r"^https?://[^\s/]+[^\s]*$")]
DomainName = Annotated[
    str,
    StringConstraints(
        max_length=253,
        to_lower=True,
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$",
    ),
]


class Org(Model):
    """An organization as one of its members sees it."""

    id: UUID
    name: str
    slug: str
    description: str | None
    logo_url: str | None
    website_url: str | None
    app_name: str | None
    app_icon: str | None
    my_role: OrgRole
    member_count: int
    created_at: datetime
    updated_at: datetime


class NewOrg(Model):
    name: Name
    slug: Slug
    description: Text | None = None
    logo_url: WebUrl | None = None
    website_url: WebUrl | None = None
    app_name: Name | None = None
    app_icon: Name | None = None


class OrgPatch(Patch):
    name: Name
    slug: Slug
    description: Text | None
    logo_url: WebUrl | None
    website_url: WebUrl | None
    app_name: Name | None
    app_icon: Name | None


class EmailDomain(Model):
    """An e-mail domain that an organization claims. Only a verified one lets anybody in."""

    id: UUID
    org_id: UUID
    domain: str
    auto_provision: bool
    default_role: OrgRole
    verified_at: datetime | None
    created_at: datetime
    updated_at: datetime


class NewEmailDomain(Model):
    domain: DomainName
    auto_provision: bool = False
    default_role: OrgRole = "org_user"


class EmailDomainPatch(Patch):
    auto_provision: bool
    default_role: OrgRole
