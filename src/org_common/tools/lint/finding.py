"""What a rule is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from org_common.tools.lint.context import Context

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Problem:
    """One violation of a rule."""

    object: str
    """The object at fault, with its type: "policy own on shop.orders"."""
    message: str
    """What is wrong with it."""
    fix: str
    """What to do, as SQL where there is one statement for it."""
    table: str | None = None
    """The table that the object belongs to: a waiver of the table counts for it too."""
    severity: Severity | None = None
    """Where it differs from the rule's."""


Check = Callable[[Context], Iterable[Problem]]


@dataclass(frozen=True)
class Rule:
    """A rule, with the check that finds its violations."""

    id: str
    """Programs and waivers rely on it, so it never changes: "rls-disabled"."""
    severity: Severity
    title: str
    """What is wrong, in a few words."""
    why: str
    """What an attacker or a user gets from it."""
    fix: str
    """How to repair it in general."""
    check: Check
    splinter: tuple[str, ...] = ()
    """The numbers of Supabase's splinter lints that it covers."""

    def problems(self, context: Context) -> Iterator[Finding]:
        """The rule's findings in this database."""
        for problem in self.check(context):
            severity = problem.severity or self.severity
            yield Finding(self.id, severity, problem.object, problem.message, problem.fix, problem.table)


@dataclass(frozen=True)
class Finding:
    """A violation of a rule in a database."""

    rule: str
    """Id of the rule."""
    severity: Severity
    object: str
    message: str
    fix: str
    table: str | None = None

    def as_dict(self) -> dict[str, str]:
        """The JSON form of the finding."""
        return {
            "rule": self.rule,
            "severity": self.severity,
            "object": self.object,
            "message": self.message,
            "fix": self.fix,
        }


def rule(
    id: str, severity: Severity, title: str, *, why: str, fix: str, splinter: tuple[str, ...] = ()
) -> Callable[[Check], Rule]:
    """Make a check a rule."""
    return lambda check: Rule(id, severity, title, why, fix, check, splinter)
