"""The findings as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from org_common.tools.check.check import Report
from org_common.tools.check.finding import Finding


def as_text(report: Report) -> str:
    """One paragraph for each finding, and a summary."""
    return "\n".join([*(line for each in report.findings for line in finding_lines(each)), *_summary(report)])


def as_json(report: Report) -> str:
    """The findings and counts, for programs."""
    document = {
        "findings": [each.as_dict() for each in report.findings],
        "statements": report.statements,
        "calls": report.calls,
        "rules": report.rules,
        "computed": report.computed,
        "unimported": report.unimported,
        "unreachable_roles": report.unreachable,
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def finding_lines(finding: Finding) -> Iterator[str]:
    """A finding as the lines of a paragraph."""
    place = f"{finding.file}:{finding.line}"
    yield f"{place}: {finding.id}: {finding.problem}"
    if finding.statement:
        run = f", run at {finding.called}" if finding.called and finding.called != place else ""
        yield f"    statement: {finding.statement}{run}"
    yield f"    why: {finding.reason}"
    yield f"    fix: {finding.fix}"


def _summary(report: Report) -> Iterator[str]:
    for place in report.computed:
        yield f"not checked: {place}: its SQL is computed at run time"
    for module in report.unimported:
        yield f"not checked: the module {module}"
    for role in report.unreachable:
        yield f"not checked: statements of {role}, which the login of --url is not a member of"
    count = len(report.findings)
    yield (
        f"{report.statements} statements in {report.calls} calls and {report.rules} access rules planned, none"
        f" executed: {count or 'no'} finding{'' if count == 1 else 's'}"
    )
