"""`org-common db check`: plan every SQL statement of the project, and compare it with the code."""

from __future__ import annotations

from pathlib import Path

import click

from org_common.tools.commands.options import Url
from org_common.tools.commands.terminal import colored, show_progress
from org_common.tools.project.project import Project


@click.command()
@click.option(
    "--url",
    type=Url(),
    envvar="ORG_COMMON_CHECK_URL",
    show_envvar=True,
    help="Migrated database to check against, as a login that is a member of the roles of requests, such as a"
    " superuser.  [default: an embedded PostgreSQL with all migrations of the project]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--watch", is_flag=True, help="Check again after each change of a Python or SQL file, until interrupted.")
def check(url: str | None, as_json: bool, watch: bool) -> None:
    """Check every SQL statement of the project.

    Prepares each statement on the migrated database as the role that runs it, and compares columns and parameters with
    the models and arguments of the call. Statements are planned, never executed. Exits with 1 on a finding.
    """
    project = Project.find(Path())
    if watch:
        from org_common.tools.check.watch import watch as tool

        tool(project, ["--json"] if as_json else [], url)
        return
    from org_common.tools.check.report import as_json as to_json
    from org_common.tools.check.report import as_text
    from org_common.tools.check.run import check_project
    from org_common.tools.project.apps import load

    # On stderr: stdout is for the findings.
    report = check_project(project, load(project), url, say=_say, on_progress=show_progress("calls"))
    click.echo(to_json(report) if as_json else colored(as_text(report)))
    if report.findings:
        raise click.exceptions.Exit(1)


def _say(text: str) -> None:
    click.echo(text, err=True)
