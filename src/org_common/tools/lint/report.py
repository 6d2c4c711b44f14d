"""A complete run of the lint over one catalog."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from org_common.tools.lint import waivers
from org_common.tools.lint.catalog import Catalog
from org_common.tools.lint.context import Context, Options
from org_common.tools.lint.finding import Finding
from org_common.tools.lint.registry import RULES
from org_common.tools.lint.waivers import Waiver


@dataclass(frozen=True)
class Report:
    """What the lint found in a database."""

    findings: tuple[Finding, ...]
    """Errors first, then by rule and object."""
    waived: tuple[tuple[Finding, Waiver], ...]
    roles: tuple[str, ...]
    """The roles of requests that the rules looked at."""
    tenant_column: str | None
    tables: int
    policies: int
    functions: int

    @property
    def errors(self) -> int:
        """How many findings have the severity error."""
        return sum(finding.severity == "error" for finding in self.findings)


def lint(catalog: Catalog, options: Options | None = None, *, today: datetime.date | None = None) -> Report:
    """Apply all rules. `today` decides which waivers have expired."""
    context = Context(catalog, options or Options())
    found = list(dict.fromkeys(finding for rule in RULES for finding in rule.problems(context)))
    day = today or datetime.datetime.now(datetime.UTC).date()
    findings, waived = waivers.apply(catalog, found, [rule.id for rule in RULES], day)
    return Report(
        findings=tuple(sorted(findings, key=lambda each: (each.severity != "error", each.rule, each.object))),
        waived=tuple(waived),
        roles=tuple(role.name for role in context.requests),
        tenant_column=context.tenant,
        tables=len(context.tables),
        policies=sum(len(table.policies) for table in context.tables),
        functions=len(context.functions),
    )
