"""Plugins of a workspace."""

from typing import Literal

from org_common import Model
from pydantic import Field, JsonValue

Level = Literal["sys", "org", "ws"]
"""Where a value comes from: the platform, the organization or the workspace."""


class Plugin(Model):
    """A module as the workspace has it."""

    module: str
    enabled: bool
    """Whether the platform, the organization and the workspace all have it on."""
    enabled_from: Level
    """Who decides that: the first level that has it off, or the last one that has it on."""
    sys_enabled: bool
    org_enabled: bool | None
    """None inherits from the platform."""
    ws_enabled: bool | None
    """None inherits from the organization."""
    config: dict[str, JsonValue]
    """The workspace's own settings."""


class NewPlugin(Model):
    """What a workspace sets for a module."""

    enabled: bool | None
    """None inherits from the organization. True needs both parents on."""
    config: dict[str, JsonValue] = Field(default_factory=dict)
    """The workspace's own settings, which replace those from before. At most 16,000 characters as JSON."""
