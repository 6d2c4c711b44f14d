"""`org-common db lint`: find faults of tenant isolation in a database's catalog."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from org_common.tools.commands.options import Url, count
from org_common.tools.commands.terminal import colored
from org_common.tools.project.project import Project, find_root, make_importable

if TYPE_CHECKING:
    from org_common.tools.database.migrations import Migration
    from org_common.tools.lint.catalog import Catalog
    from org_common.tools.lint.report import Report
    from org_common.tools.lint.sources import Sources


@click.command()
@click.option(
    "--url",
    type=Url(),
    envvar="ORG_COMMON_LINT_URL",
    show_envvar=True,
    help="URL of the database; any role that can log in is enough.  [default: a new local database with the project's"
    " migrations]",
)
@click.option(
    "--role", "roles", metavar="ROLE", multiple=True, help="Role that requests of tenants run as; may be repeated."
)
@click.option(
    "--platform-role",
    "platform_roles",
    metavar="ROLE",
    multiple=True,
    help="Role of requests that may see the rows of all tenants; may be repeated.",
)
@click.option("--login", "logins", metavar="ROLE", multiple=True, help="Role that requests log in as; may be repeated.")
@click.option("--tenant-column", metavar="NAME", help="Column that holds the tenant, such as org_id.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--sarif", "as_sarif", is_flag=True, help="Print the findings as SARIF, for code scanning.")
@click.option("--strict", is_flag=True, help="Exit with 1 on a warning too.")
def lint(
    url: str | None,
    roles: tuple[str, ...],
    platform_roles: tuple[str, ...],
    logins: tuple[str, ...],
    tenant_column: str | None,
    as_json: bool,
    as_sarif: bool,
    strict: bool,
) -> None:
    """Find faults of tenant isolation.

    Reads the catalog in one read-only transaction and applies all rules to it. Works on any PostgreSQL database, with
    or without org-common. Exits with 1 on an error. Roles and the tenant column are detected unless you name them.
    """
    from org_common.tools.lint import report as tool
    from org_common.tools.lint.context import Options
    from org_common.tools.lint.reader import read_url

    if as_json and as_sarif:
        raise click.UsageError("--json and --sarif exclude each other: remove one of them")
    options = Options(roles, platform_roles, logins, tenant_column)
    report = tool.lint(read_url(url) if url else _read_local(), options)
    print_as = _json if as_json else _sarif if as_sarif else _table
    click.echo(print_as(report) if as_json or as_sarif else colored(print_as(report)))
    if report.errors or (strict and report.findings):
        raise click.exceptions.Exit(1)


def _read_local() -> Catalog:
    """The catalog of a new database with the project's migrations, on a server that stops at the end."""
    from org_common.tools.database.local import provision
    from org_common.tools.database.postgres import EmbeddedPostgres
    from org_common.tools.lint.reader import read_url

    project = Project.find(Path())
    migrations = _migrations(project)
    with EmbeddedPostgres.start(durable=False, extensions=project.extensions) as server:
        database = provision(server.url, "lint", migrations, extensions=project.extensions)
        return read_url(database.login_url)


def _migrations(project: Project) -> list[Migration]:
    from org_common.tools.database.migrations import load

    make_importable(project)
    return load(project.migrations, root=project.root)


def _sources() -> Sources:
    """The migrations of the project around the current folder, or all SQL files below it."""
    from org_common.tools.lint.sources import Sources
    from org_common.tools.project.project import ProjectError

    root = find_root(Path()) or Path().absolute()
    try:
        return Sources.below(root, {migration.sql for migration in _migrations(Project.find(root))})
    except ProjectError:
        return Sources.below(root)


def _table(report: Report) -> str:
    sources = _sources()
    width = max((len(finding.rule) for finding in report.findings), default=0)
    lines = []
    for finding in report.findings:
        place = sources.find(finding.object)
        where = f"{finding.object} ({place.file}:{place.line})" if place else finding.object
        lines += [
            f"{finding.severity:<7}  {finding.rule:<{width}}  {where}: {finding.message}",
            f"{'':<7}  {'':<{width}}  fix: {finding.fix}",
        ]
    lines += [
        f"waived   {finding.rule}  {finding.object} until {waiver.until}: {waiver.reason}"
        for finding, waiver in report.waived
    ]
    checked = [count(report.tables, "table"), f"{report.policies} policies", count(report.functions, "function")]
    warnings = len(report.findings) - report.errors
    roles = ", ".join(report.roles) or "no role: none has a right on a table. Name one with --role"
    return "\n".join([
        *lines,
        f"checked {', '.join(checked)}",
        f"roles of requests: {roles}; tenant column: {report.tenant_column or 'none found'}",
        f"{count(report.errors, 'error')}, {count(warnings, 'warning')}, {len(report.waived)} waived",
    ])  # fmt: skip


def _json(report: Report) -> str:
    import orjson

    document = {
        "findings": [finding.as_dict() for finding in report.findings],
        "waived": [
            finding.as_dict() | {"until": waiver.until.isoformat(), "reason": waiver.reason}
            for finding, waiver in report.waived
        ],
        "roles": report.roles,
        "tenant_column": report.tenant_column,
        "errors": report.errors,
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def _sarif(report: Report) -> str:
    from importlib.metadata import version

    import orjson

    from org_common.tools.lint.registry import RULES
    from org_common.tools.lint.sarif import document

    rules = {rule.id: rule for rule in RULES}
    log = document(report, rules, _sources(), version("org-common"))
    return orjson.dumps(log, option=orjson.OPT_INDENT_2).decode()
