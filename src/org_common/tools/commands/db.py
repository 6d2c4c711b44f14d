"""`org-common db`: the database's roles and migrations."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from org_common.tools.commands.options import Url
from org_common.tools.project.project import Project, make_current_project_importable

if TYPE_CHECKING:
    from org_common.tools.database.migrations import Migration
    from org_common.tools.database.schema import State


@click.group()
def db() -> None:
    """The database: roles and migrations."""


URL = click.option(
    "--url",
    type=Url(),
    envvar="ORG_COMMON_MIGRATOR_URL",
    show_envvar=True,
    required=True,
    help="app_migrator's: postgresql://app_migrator@host/name. Better in the environment, as every"
    " user of this machine sees a command line.",
)
PACKAGES = click.option(
    "--package",
    "packages",
    metavar="NAME",
    multiple=True,
    help="Importable package with a folder migrations, or name=folder; may be repeated."
    " Default: migrations of [tool.org-common] in pyproject.toml. Our own always come first.",
)


@db.command()
@click.option(
    "--admin-url",
    type=Url(),
    envvar="DATABASE_URL",
    show_envvar=True,
    required=True,
    help="Superuser, or database owner with CREATEROLE.",
)
@click.option("--database", help="Another database than that of the URL.")
@click.option("--own", is_flag=True, help="Make app_migrator the owner of the database.")
@click.option("--ask-password", is_flag=True, help="Ask for app_migrator's password.")
def bootstrap(admin_url: str, database: str | None, own: bool, ask_password: bool) -> None:
    """Make the role app_migrator, once for each database.

    Its password is read from APP_MIGRATOR_PASSWORD, or with --ask-password asked for; without either it is left alone.
    """
    import os

    from org_common.tools.database.bootstrap import bootstrap as make

    password = os.environ.get("APP_MIGRATOR_PASSWORD")
    if ask_password:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    make(admin_url, migrator_password=password, database=database, own=own)
    click.echo("app_migrator is ready")


@db.command()
@URL
@PACKAGES
def migrate(url: str, packages: tuple[str, ...]) -> None:
    """Apply what is pending, each file in one transaction."""
    from org_common.tools.database import schema

    applied = schema.migrate(url, _migrations(packages), on_apply=lambda m: click.echo(f"applied {m}"))
    if not applied:
        click.echo("nothing to apply")


@db.command()
@URL
@PACKAGES
@click.option("--check", is_flag=True, help="Exit with 1 unless all is applied and unchanged.")
def status(url: str, packages: tuple[str, ...], check: bool) -> None:
    """Show which migrations are applied."""
    from org_common.tools.database import schema

    states = schema.status(url, _migrations(packages))
    _print(states)
    if check and any(state.problem or not state.applied_at for state in states):
        raise click.exceptions.Exit(1)


@db.command()
@click.option(
    "--url",
    type=Url(),
    envvar="ORG_COMMON_DATABASE_URL",
    show_envvar=True,
    required=True,
    help="The one that the functions use: app_login's.",
)
@click.option(
    "--allow", metavar="ROLE", multiple=True, help="A role that the login may become besides ours; may be repeated."
)
def guard(url: str, allow: tuple[str, ...]) -> None:
    """Look for whatever would let one tenant see another's rows; exit with 1 if there is anything."""
    from org_common.tools.database import guard as tool

    found = tool.check_database(url, also=allow)
    for fault in found:
        click.echo(f"fault: {fault}")
    if found:
        raise click.exceptions.Exit(1)
    click.echo("row-level security stands: roles, owners, policies, functions, server version")


def _migrations(packages: Sequence[str]) -> "list[Migration]":
    from org_common.tools.database.migrations import load

    make_current_project_importable()
    if packages:
        return load(packages)
    project = Project.find(Path())
    return load(project.migrations, root=project.root)


def _print(states: "Sequence[State]") -> None:
    rows = [("package", "file", "applied")]
    rows += [(state.migration.package, state.migration.file, state.when) for state in states]
    package, file = (max(len(row[column]) for row in rows) for column in (0, 1))
    for row in rows:
        click.echo(f"{row[0]:<{package}}  {row[1]:<{file}}  {row[2]}")
    for state in states:
        if state.problem:
            click.echo(f"problem: {state.problem}", err=True)
