"""Organizations and the e-mail domains that they claim."""

from datetime import datetime
from uuid import UUID

from cora_modules.access.models.fields import DomainName, Name, OrgRole, Slug, Text, WebUrl
from org_common import Model, Patch


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
