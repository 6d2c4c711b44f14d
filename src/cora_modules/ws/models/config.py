"""Settings of workspaces."""

from org_common import Model

from cora_modules.access.models.fields import Name
from cora_modules.ws.models.fields import Color, Days, Limit


class SysConfig(Model):
    """The platform's settings of workspaces."""

    label_singular: Name
    """What users call a workspace."""
    label_plural: Name
    default_color: Color
    """The color of a new workspace without one."""
    default_icon: Name | None
    """The icon of a new workspace without one."""
    max_workspaces_per_user: Limit
    """How many workspaces a user may own in an organization, at most."""
    max_members_per_workspace: Limit
    retention_days: Days
    """How long deleted workspaces and removed members are kept, unless the workspace has its own value."""


class NewOrgConfig(Model):
    """The settings of workspaces that an organization may change."""

    allow_user_creation: bool
    """Whether members below administrators may create workspaces."""
    max_workspaces_per_user: Limit | None
    """How many workspaces a user may own in this organization; None for the platform's limit."""


class OrgConfig(NewOrgConfig):
    """An organization's settings of workspaces."""

    effective_max_workspaces_per_user: int
    """The lower one of the organization's limit and the platform's."""
