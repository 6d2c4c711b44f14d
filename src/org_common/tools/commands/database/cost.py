"""`org-common db cost`: what row-level security costs on large tables."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from org_common.tools.commands.database.prove import DECLARATION, find_files
from org_common.tools.commands.options import Url
from org_common.tools.commands.terminal import show_progress
from org_common.tools.project.project import Project, find_root

if TYPE_CHECKING:
    from org_common.tools.cost.statements import Statements


@click.command()
@click.option(
    "--rows", type=click.IntRange(1_000, 10_000_000), default=100_000, show_default=True, help="Rows a table."
)
@click.option(
    "--url",
    type=Url(),
    envvar="ORG_COMMON_COST_URL",
    show_envvar=True,
    help="Migrated database without rows, as a superuser: never one that serves requests. The rows are rolled back, but"
    " its files grow.  [default: an embedded PostgreSQL with all migrations of the project]",
)
@DECLARATION
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def cost(rows: int, url: str | None, declarations: tuple[Path, ...], as_json: bool) -> None:
    """Measure what row-level security costs.

    Fills each table with rows of many tenants, and reads it as a member of one tenant and with row-level security
    bypassed. Runs each read of the project's apps both ways as well, and plans each write. Exits with 1 if a policy
    scans all rows where an index could serve, or if a read takes more than 3 times the blocks.
    """
    from org_common.tools.cost import report as reports
    from org_common.tools.cost.run import run
    from org_common.tools.prove import database
    from org_common.tools.prove import declaration as declared
    from org_common.tools.prove.report import dump

    declaration = declared.read(find_files(declarations, url))
    with ExitStack() as stack:
        address = url or stack.enter_context(database.migrated(Project.find(Path())))
        statements = None if declarations and url else _statements(address)
        conn = stack.enter_context(database.transaction(address))
        report = run(conn, declaration, rows, statements=statements, progress=show_progress)
    for line in [dump(reports.document(report))] if as_json else reports.lines(report):
        click.echo(line)
    if report.findings or report.slow:
        raise click.exceptions.Exit(1)


def _statements(url: str) -> Statements | None:
    """The statements of the project of the current folder; None without a project or apps."""
    from org_common.tools.check.planner import open_planner
    from org_common.tools.check.run import search_path
    from org_common.tools.cost import statements
    from org_common.tools.project.apps import load

    project = Project.find(Path()) if find_root(Path()) is not None else None
    if project is None or not project.apps:
        return None
    with open_planner(url, search_path()) as planner:
        return statements.find(project, load(project), planner, search_path())
