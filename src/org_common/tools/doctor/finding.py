"""A problem that the doctor found, and the ids of all problems that it can find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["fault", "warning"]

# All ids of findings. Programs rely on them, so they never change.
LEVELS: dict[str, Level] = {
    "route.broken": "fault",
    "settings.fault": "fault",
    "settings.login": "warning",
    "settings.unknown": "warning",
    "environment.local": "warning",
    "environment.secret": "fault",
    "secret.missing": "fault",
    "function.missing": "warning",
    "build.function": "warning",
    "build.layer": "warning",
    "build.lines": "fault",
    "build.runtime": "fault",
    "role.lacks": "fault",
    "role.exceeds": "warning",
    "database.extension": "fault",
    "database.guard": "fault",
    "database.policy": "warning",
    "database.setting": "warning",
    "database.unreachable": "fault",
    "pooler.setting": "fault",
    "pooler.unreachable": "fault",
    "pooler.version": "warning",
    "budget.exceeded": "fault",
    "budget.unknown": "warning",
    "aws.refused": "warning",
}


@dataclass(frozen=True)
class Finding:
    """A problem with its reason and fix. No field holds a secret."""

    id: str
    """A key of `LEVELS`."""
    subject: str
    """What has the problem: a variable, a function, a server."""
    reason: str
    fix: str

    @property
    def level(self) -> Level:
        """Either "fault" or "warning"."""
        return LEVELS[self.id]

    def as_dict(self) -> dict[str, str]:
        """The JSON form of the finding."""
        return {
            "id": self.id,
            "level": self.level,
            "subject": self.subject,
            "reason": self.reason,
            "fix": self.fix,
        }
