"""Organizations and their e-mail domains."""

from datetime import datetime
from uuid import UUID

from org_common import Model, OrgRole, Patch

from cora_modules.access.models.fields import DomainName, Name, Slug, Text, WebUrl


class Org(Model):
    """An organization as its members see it."""

    id: UUID
    name: str
    slug: str
    description: str | None
    logo_url: str | None
    website_url: str | None
    app_name: str | None
    app_icon: str | None
    my_role: OrgRole
    """The role of the caller."""
    member_count: int
    created_at: datetime
    updated_at: datetime


class NewOrg(Model):
    """An organization to create."""

    name: Name
    slug: Slug
    description: Text | None = None
    logo_url: WebUrl | None = None
    website_url: WebUrl | None = None
    app_name: Name | None = None
    app_icon: Name | None = None


class OrgPatch(Patch):
    """The fields of an organization that may change."""

    name: Name
    slug: Slug
    description: Text | None
    logo_url: WebUrl | None
    website_url: WebUrl | None
    app_name: Name | None
    app_icon: Name | None


class EmailDomain(Model):
    """An e-mail domain that an organization claims."""

    id: UUID
    org_id: UUID
    domain: str
    auto_provision: bool
    """Whether the first sign-in with a verified e-mail of this domain makes the user a member. Needs `verified_at`."""
    default_role: OrgRole
    """The role that such a user gets."""
    verified_at: datetime | None
    """When an administrator of the platform verified the domain; None for a claim."""
    created_at: datetime
    updated_at: datetime


class NewEmailDomain(Model):
    """An e-mail domain to claim."""

    domain: DomainName
    auto_provision: bool = False
    default_role: OrgRole = "org_user"
    """At most the role of the caller."""


class EmailDomainPatch(Patch):
    """The fields of an e-mail domain that may change."""

    auto_provision: bool
    default_role: OrgRole
