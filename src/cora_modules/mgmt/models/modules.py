"""Modules of the platform, and their state in an organization."""

from datetime import datetime
from typing import Literal

from org_common import Model, Patch
from pydantic import JsonValue

Kind = Literal["core", "functional"]
"""A core module is always on."""


class Module(Model):
    """A module as administrators of the platform see it."""

    name: str
    kind: Kind
    version: str
    is_enabled: bool
    dependencies: list[str]
    """The modules that it needs."""
    config: dict[str, JsonValue]
    updated_at: datetime


class ModulePatch(Patch):
    """The fields of a module that may change."""

    is_enabled: bool
    config: dict[str, JsonValue]
    """Merged into the stored configuration (RFC 7396): null removes a key. At most 16,000 characters as JSON."""


class OrgModule(Model):
    """A module in one organization."""

    name: str
    kind: Kind
    version: str
    dependencies: list[str]
    """The modules that it needs."""
    platform_enabled: bool
    """Whether the platform has it on. An organization cannot override an off."""
    enabled: bool | None
    """What the organization has set; None inherits the platform's value."""
    is_enabled: bool
    """The result: on if the platform and the organization have it on, and all its dependencies are on."""
    decided_by: Literal["platform", "organization", "dependency"]
    """Where the result comes from."""
    config: dict[str, JsonValue]
    """The organization's own configuration."""


class OrgModulePatch(Patch):
    """What an organization may change about a module."""

    enabled: bool | None
    """None inherits the platform's value."""
    config: dict[str, JsonValue]
    """Merged into the stored configuration (RFC 7396): null removes a key. At most 16,000 characters as JSON."""
