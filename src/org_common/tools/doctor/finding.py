"""One thing that is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["fault", "warning"]

# Every finding that there is. The ids are for programs and stay as they are.
LEVELS: dict[str, Level] = {
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
    "database.guard": "fault",
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
    """`id` is one of `LEVELS`; `subject` is a variable, a function, a server. No field holds what may be secret."""

    id: str
    subject: str
    reason: str
    fix: str

    @property
    def level(self) -> Level:
        return LEVELS[self.id]

    def as_dict(self) -> dict[str, str]:
        return {
            "id": self.id,
            "level": self.level,
            "subject": self.subject,
            "reason": self.reason,
            "fix": self.fix,
        }
