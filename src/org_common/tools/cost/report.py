"""The cost of row-level security as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from org_common.tools.cost.fill import Filled
from org_common.tools.cost.measure import Cost
from org_common.tools.cost.replay import Replay
from org_common.tools.cost.statement_report import statement_document, statement_lines

HEAD = ("", "rows", "read by", "scanned by", "blocks", "without", "ratio", "ms", "without")
LEGEND = "blocks of 8 kB and time that a member of one tenant reads its rows in, with and without row-level security"


@dataclass(frozen=True)
class Report:
    """What was measured."""

    filled: Filled
    """The tables."""
    costs: Sequence[Cost]
    """The cost of each table with a tenant."""
    replays: Sequence[Replay] = ()
    """The cost of each statement of the project."""
    computed: Sequence[str] = field(default_factory=list[str])
    """`FILE:LINE` of calls whose SQL is computed at run time."""

    @property
    def findings(self) -> list[Cost]:
        """The tables whose policies are slow."""
        return [cost for cost in self.costs if cost.problem]

    @property
    def slow(self) -> list[Replay]:
        """The statements that row-level security makes slow."""
        return [each for each in self.replays if each.problem]


def lines(report: Report) -> Iterator[str]:
    """The table, what is not in it, and the findings."""
    rows = [HEAD, *(_row(cost) for cost in report.costs if cost.without_rls is not None)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEAD))]
    for row in rows:
        cells = [text.rjust(width) for text, width in zip(row[4:], widths[4:], strict=True)]
        names = [row[0].ljust(widths[0]), row[1].rjust(widths[1]), row[2].ljust(widths[2]), row[3].ljust(widths[3])]
        yield "  ".join([*names, *cells]).rstrip()
    yield LEGEND
    yield ""
    yield from _left_out(report)
    for cost in report.findings:
        yield f"SLOW  {cost.table}: policy {', '.join(cost.policies)}: a read by {cost.person} {cost.problem}"
        yield f"      fix: {cost.fix}"
    count = len(report.findings)
    yield f"{sum(cost.without_rls is not None for cost in report.costs)} tables measured, {count} slow"
    if report.replays or report.computed:
        yield ""
        yield from statement_lines(report.replays, report.computed)


def _left_out(report: Report) -> Iterator[str]:
    """What was not measured or filled, and why."""
    reasons: dict[str, list[str]] = {}
    for cost in report.costs:
        if cost.skipped:
            reasons.setdefault(cost.skipped, []).append(cost.table)
    measured = {cost.table for cost in report.costs}
    for table, why in sorted(report.filled.failed.items()):
        if table not in measured:
            reasons.setdefault(f"not filled: {why}", []).append(table)
    if others := sorted({*report.filled.rows} - {*report.filled.failed} - measured):
        reasons["no column with the tenant"] = others
    for why, tables in reasons.items():
        yield f"not measured, {why}: {', '.join(tables)}"
    if limited := sorted(report.filled.limited):
        yield f"one row for each of {report.filled.tenants:,} tenants, as their keys require: {', '.join(limited)}"
    if report.filled.dropped:
        yield f"not filled, vector indexes, which these reads do not use: {', '.join(report.filled.dropped)}"


def _row(cost: Cost) -> tuple[str, ...]:
    with_rls, without_rls = cost.with_rls, cost.without_rls
    return (
        cost.table,
        f"{cost.rows:,}",
        cost.person,
        cost.access,
        f"{with_rls.blocks:,}" if with_rls else "-",
        f"{without_rls.blocks:,}" if without_rls else "-",
        f"{cost.ratio:.1f}" if cost.ratio is not None else "-",
        f"{with_rls.ms:.2f}" if with_rls else "-",
        f"{without_rls.ms:.2f}" if without_rls else "-",
    )


def document(report: Report) -> dict[str, Any]:
    """The result as JSON values."""
    return {
        "passed": not report.findings and not report.slow,
        "tenants": report.filled.tenants,
        "tables": [_document(cost) for cost in report.costs],
        "without_tenant_column": sorted({*report.filled.rows} - {cost.table for cost in report.costs}),
        "not_filled": report.filled.failed,
        "one_row_per_tenant": sorted(report.filled.limited),
        "dropped_indexes": report.filled.dropped,
        "statements": [statement_document(each) for each in report.replays],
        "computed": [*report.computed],
    }


def _document(cost: Cost) -> dict[str, Any]:
    with_rls, without_rls = cost.with_rls, cost.without_rls
    found: dict[str, Any] = {"table": cost.table, "rows": cost.rows, "tenant_column": cost.column}
    if without_rls is None:
        return found | {"skipped": cost.skipped}
    return found | {
        "person": cost.person,
        "policies": [*cost.policies],
        "tenant_column_is_index_cond": cost.is_indexed,
        "scanned_by": cost.access,
        "blocks": with_rls.blocks if with_rls else None,
        "blocks_without_rls": without_rls.blocks,
        "ratio": None if cost.ratio is None else round(cost.ratio, 2),
        "ms": with_rls.ms if with_rls else None,
        "ms_without_rls": without_rls.ms,
        "problem": cost.problem,
        "fix": cost.fix if cost.problem else None,
    }
