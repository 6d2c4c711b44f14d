"""`org-common doctor`: diagnose settings, database and deployed functions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from org_common.tools.commands.options import Url, count
from org_common.tools.commands.terminal import colored
from org_common.tools.project.project import Project, find_root

if TYPE_CHECKING:
    from org_common.app import App
    from org_common.tools.doctor.examine import Report


@click.command()
@click.option(
    "--url",
    type=Url(),
    help="URL of app_login as reachable from this machine.  [default: from the settings in the environment]",
)
@click.option(
    "--pooler-url",
    type=Url(),
    envvar="ORG_COMMON_POOLER_URL",
    show_envvar=True,
    help="URL of PgBouncer's admin console (database pgbouncer).",
)
@click.option("--aws", is_flag=True, help="Also check deployed functions, with the AWS credentials of this shell.")
@click.option("--prefix", default="", help="Prefix of function names: a function is named prefix + app name.")
@click.option(
    "--build",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with the built zips, to compare with what is deployed.",
)
@click.option(
    "--concurrency",
    "concurrency",
    metavar="NAME=N",
    multiple=True,
    help="Concurrency of a function, for the connection budget; may be repeated. Example: access-orgs=50",
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--strict", is_flag=True, help="Exit with 1 on a warning too.")
def doctor(
    url: str | None,
    pooler_url: str | None,
    aws: bool,
    prefix: str,
    build: Path | None,
    concurrency: tuple[str, ...],
    as_json: bool,
    strict: bool,
) -> None:
    """Diagnose settings, database and deployment.

    Checks settings, database, pooler and deployed functions, and changes nothing. Each finding comes with a reason and
    a fix. Exits with 1 on a fault.
    """
    import os

    from org_common.tools.doctor.examine import Scope, examine

    project = Project.find(Path()) if find_root(Path()) else None
    apps, zips = _apps(project)
    report = examine(
        Scope(
            apps=apps,
            zips=zips,
            extensions=project.extensions if project else (),
            environ=os.environ,
            url=url,
            pooler_url=pooler_url,
            aws=aws,
            prefix=prefix,
            build=build,
            concurrency=dict(_parse_concurrency(pair) for pair in concurrency),
        )
    )
    click.echo(_json(report) if as_json else colored(_table(report)))
    if report.faults or (strict and report.findings):
        raise click.exceptions.Exit(1)


def _apps(project: Project | None) -> tuple[dict[str, App], dict[str, str]]:
    """The project's apps by name, and the names of their zips. Both are empty outside of a project."""
    from org_common.tools.project.apps import load

    if project is None or not project.apps:
        return {}, {}
    loaded = load(project)
    modules = [path.partition(":")[0].replace(".", "-") for path in project.apps]
    return {app.name: app for app in loaded}, {app.name: module for app, module in zip(loaded, modules, strict=True)}


def _parse_concurrency(text: str) -> tuple[str, int]:
    name, _, number = text.rpartition("=")
    if not name or not number.isdigit():
        raise click.BadParameter(f"expected NAME=N, got {text}. Example: access-orgs=50", param_hint="--concurrency")
    return name, int(number)


def _table(report: Report) -> str:
    findings = sorted(report.findings, key=lambda finding: (finding.level != "fault", finding.id, finding.subject))
    width = max((len(finding.id) for finding in findings), default=0)
    lines = []
    for finding in findings:
        lines += [
            f"{finding.level:<7}  {finding.id:<{width}}  {finding.subject}: {' '.join(finding.reason.split())}",
            f"{'':<7}  {'':<{width}}  fix: {finding.fix}",
        ]
    warnings = len(findings) - report.faults
    lines += [
        f"checked: {', '.join(report.checked)}",
        *([f"not checked: {'; '.join(report.skipped)}"] if report.skipped else []),
        f"{count(report.faults, 'fault')}, {count(warnings, 'warning')}",
    ]
    return "\n".join(lines)


def _json(report: Report) -> str:
    import orjson

    document = {
        "findings": [each.as_dict() for each in report.findings],
        "looked_at": report.checked,
        "not_looked_at": report.skipped,
        "faults": report.faults,
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
