"""`org-common db`: roles, migrations and the row-level security check of a database."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from org_common.tools.commands.database import check, cost, diff, lint, local, prove, revise
from org_common.tools.commands.options import Url, json_option, print_json, url_option
from org_common.tools.commands.terminal import colored
from org_common.tools.project.project import Project, find_root, make_current_project_importable

if TYPE_CHECKING:
    from org_common.tools.database.migrations import Migration
    from org_common.tools.database.schema import State


@click.group()
def db() -> None:
    """Create roles, apply migrations and check row-level security."""


_LOCAL = (local.url, local.shell, local.seed, local.reset, revise.new, revise.redo)
for _command in (*_LOCAL, check.check, cost.cost, diff.diff, lint.lint, prove.prove):
    db.add_command(_command)

URL = url_option(
    "ORG_COMMON_MIGRATOR_URL",
    "URL of app_migrator: postgresql://app_migrator@host/name. Prefer the environment variable: other users of this"
    " machine can see command lines.",
    role="app_migrator",
)
PACKAGES = click.option(
    "--package",
    "packages",
    metavar="NAME",
    multiple=True,
    help="Importable package with a folder migrations, or name=folder; may be repeated."
    " Default: migrations in pyproject.toml, [tool.org-common]. The migrations of org-common always come first.",
)


@db.command()
@click.option(
    "--admin-url",
    type=Url(),
    envvar="DATABASE_URL",
    show_envvar=True,
    required=True,
    help="URL of a superuser, or of the database owner with CREATEROLE.",
)
@click.option("--database", help="Database to prepare.  [default: the one in the URL]")
@click.option("--own", is_flag=True, help="Make app_migrator the owner of the database.")
@click.option("--ask-password", is_flag=True, help="Prompt for the password of app_migrator.")
@click.option(
    "--extension",
    "extensions",
    metavar="NAME",
    multiple=True,
    help="Extension to create; may be repeated. Default: extensions in pyproject.toml, [tool.org-common].",
)
def bootstrap(admin_url: str, database: str | None, own: bool, ask_password: bool, extensions: tuple[str, ...]) -> None:
    """Create the role app_migrator and extensions.

    Run this once per database, and again when you add an extension.

    The password comes from APP_MIGRATOR_PASSWORD, or from a prompt with --ask-password. Without either, the password is
    not changed.
    """
    import os

    from org_common.tools.database import bootstrap as tool

    password = os.environ.get("APP_MIGRATOR_PASSWORD")
    if ask_password:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    if not extensions and find_root(Path()) is not None:
        extensions = Project.find(Path()).extensions
    created = tool.bootstrap(admin_url, migrator_password=password, database=database, own=own, extensions=extensions)
    for name in created:
        click.echo(f"created the extension {name}")
    click.echo("app_migrator is ready")


@db.command()
@URL
@PACKAGES
def migrate(url: str, packages: tuple[str, ...]) -> None:
    """Apply pending migrations, each file in its own transaction."""
    from org_common.tools.database import schema

    applied = schema.migrate(url, _migrations(packages), on_apply=lambda m: click.echo(f"applied {m}"))
    if not applied:
        click.echo("no pending migrations")


@db.command()
@URL
@PACKAGES
@click.option(
    "--check", is_flag=True, help="Exit with 1 if a migration is pending or was changed after it was applied."
)
@json_option
def status(url: str, packages: tuple[str, ...], check: bool, as_json: bool) -> None:
    """List migrations and whether they are applied."""
    from org_common.tools.database import schema

    states = schema.status(url, _migrations(packages))
    if as_json:
        print_json([state.document() for state in states])
    else:
        _print(states)
    if check and any(state.problem or not state.applied_at for state in states):
        raise click.exceptions.Exit(1)


@db.command()
@url_option("ORG_COMMON_DATABASE_URL", "URL that the functions use, with the login app_login.", role="app_login")
@click.option(
    "--allow",
    metavar="ROLE",
    multiple=True,
    help="Role that the login may assume in addition to those of org-common; may be repeated.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 on a warning too.")
@json_option
def guard(url: str, allow: tuple[str, ...], strict: bool, as_json: bool) -> None:
    """Check row-level security.

    Checks that no tenant can see another tenant's rows. Exits with 1 on a violation. Warns of a right without a policy,
    and of a policy that every row satisfies.
    """
    from org_common.tools.database import guard as tool
    from org_common.tools.database import policies

    violations = tool.check_database(url, also=allow)
    warnings = policies.check_policies(url, tool.ROLES)
    if as_json:
        print_json({"violations": violations, "warnings": warnings})
    else:
        found = {"violation": violations, "warning": warnings}
        click.echo(colored("".join(f"{name}: {each}\n" for name, texts in found.items() for each in texts)), nl=False)
    if violations or (strict and warnings):
        raise click.exceptions.Exit(1)
    if as_json:
        return
    click.echo(colored("no violations: checked roles, owners, policies, functions and the server version"))


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
            click.echo(colored(f"problem: {state.problem}"), err=True)
