"""`org-common new` and `org-common add`: write a project, and what it consists of."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from org_common.tools.project.project import Project

if TYPE_CHECKING:
    from org_common.tools.scaffold.layout import Layout

ROLE = click.Choice(["org_user", "org_admin", "org_owner"])
FORCE = click.option("--force", is_flag=True, help="Overwrite files that are already there.")
MODULE = click.option(
    "--module", "package", metavar="NAME", help="Package that gets the files.  [default: the project's first]"
)


@click.command()
@click.argument("name")
@click.option("--table", default="notes", show_default=True, metavar="NAME", help="The first table, in the plural.")
@FORCE
def new(name: str, table: str, force: bool) -> None:
    """Write a new project into the folder NAME.

    It has users and organizations, one table with policies, its routes, tests as two tenants, a CI workflow and editor
    settings.
    """
    from org_common.tools.scaffold import files, new_project
    from org_common.tools.scaffold.fields import parse
    from org_common.tools.scaffold.names import Noun, package_of
    from org_common.tools.scaffold.table import FIELDS, Table

    package = package_of(name)
    root = Path(name).absolute()
    first = Table(Noun.of(table), parse(FIELDS))
    _show(files.write(root, new_project.files(root, name, package, first), force=force), Path(name))
    click.echo(f"Next: cd {name} && pytest, then org-common dev")


@click.group()
def add() -> None:
    """Write a table, module, route, queue or schedule into a project."""


@add.command()
@click.argument("name")
@click.argument("fields", nargs=-1)
@click.option("--singular", metavar="NAME", help="One row of the table.  [default: by the rules of English]")
@click.option("--write", type=ROLE, default="org_user", show_default=True, help="Least role that creates and changes.")
@click.option("--remove", type=ROLE, default="org_admin", show_default=True, help="Least role that deletes.")
@MODULE
@FORCE
def table(
    name: str,
    fields: tuple[str, ...],
    singular: str | None,
    write: str,
    remove: str,
    package: str | None,
    force: bool,
) -> None:
    """Write the table NAME: migration, models, SQL, routes and tests.

    FIELDS are name:type, with a ? behind the type of one that may be null: subject:text due_on:date?. Types are text,
    int, bool, date, timestamp, uuid and decimal. Without FIELDS, a terminal is asked for them.
    """
    from org_common.tools.scaffold import isolation
    from org_common.tools.scaffold import table as tool
    from org_common.tools.scaffold.fields import parse
    from org_common.tools.scaffold.names import Noun

    noun = Noun.of(name, singular)
    layout = _layout(package)
    if not fields and is_terminal():
        fields = tuple(click.prompt("Fields, name:type", default=" ".join(tool.FIELDS)).split())
        remove = click.prompt("Least role that deletes", default=remove, type=ROLE)
    wanted = tool.Table(noun, parse(fields or tool.FIELDS), tool.Access(write), tool.Access(remove))
    _write_app(layout, name, tool.files(layout, wanted), force=force, table=name)
    _declare(layout, name, isolation.table_lines(wanted))


@add.command()
@click.argument("name")
@FORCE
def module(name: str, force: bool) -> None:
    """Write the package NAME, with a schema of its own.

    Fill it with `org-common add table TABLE --module NAME`.
    """
    from org_common.tools.scaffold import files
    from org_common.tools.scaffold import module as tool
    from org_common.tools.scaffold.names import check_package
    from org_common.tools.scaffold.pyproject_edit import add as add_entry

    check_package(name)
    layout = _layout(None)
    _show(files.write(layout.root, tool.files(name), force=force), layout.root)
    add_entry(layout.root, "migrations", name)
    click.echo(f"added {name} to migrations in pyproject.toml")


@add.command()
@click.argument("name")
@click.option(
    "--method",
    type=click.Choice(["GET", "POST", "PUT", "PATCH", "DELETE"], case_sensitive=False),
    default="GET",
    show_default=True,
    help="Method of the route.",
)
@click.option("--path", metavar="PATH", help="Path of the route.  [default: /orgs/{org_id}/NAME]")
@click.option(
    "--allow",
    type=click.Choice(["org_user", "org_admin", "org_owner", "signed_in"]),
    default="org_user",
    show_default=True,
    help="Least role in the organization of the path; signed_in for any known user.",
)
@MODULE
@FORCE
def route(name: str, method: str, path: str | None, allow: str, package: str | None, force: bool) -> None:
    """Write the route NAME: handler, model, SQL and tests.

    Its statement reads the organization: replace it with your own.
    """
    from org_common.tools.scaffold import route as tool

    wanted = tool.NewRoute.of(name, method.upper(), path, allow)
    layout = _layout(package)
    _write_app(layout, name, tool.files(layout, wanted), force=force)


@add.command()
@click.argument("name")
@click.option("--singular", metavar="NAME", help="One message of the queue.  [default: by the rules of English]")
@MODULE
@FORCE
def queue(name: str, singular: str | None, package: str | None, force: bool) -> None:
    """Write the queue NAME: a route that sends, a handler that stores, their table, and tests.

    NAME is a plural, such as imports.
    """
    from org_common.tools.scaffold import isolation
    from org_common.tools.scaffold import triggers as tool
    from org_common.tools.scaffold.names import Noun

    noun = Noun.of(name, singular)
    layout = _layout(package)
    _write_app(layout, name, tool.queue_files(layout, noun), force=force, table=name)
    _declare(layout, name, isolation.queue_lines())


@add.command()
@click.argument("name")
@click.option("--table", "of", required=True, metavar="NAME", help="Table whose old rows it deletes.")
@click.option(
    "--expression", default="cron(0 3 * * ? *)", show_default=True, help="When it runs, as EventBridge writes it."
)
@click.option("--days", type=click.IntRange(1, 36500), default=90, show_default=True, help="Age of the rows, in days.")
@MODULE
@FORCE
def schedule(name: str, of: str, expression: str, days: int, package: str | None, force: bool) -> None:
    """Write the schedule NAME, which deletes old rows of a table of all organizations: policies, handler and tests."""
    from org_common.tools.scaffold import isolation
    from org_common.tools.scaffold import triggers as tool

    layout = _layout(package)
    texts = tool.schedule_files(layout, name, of, expression=expression, days=days)
    _write_app(layout, name, texts, force=force)
    _declare(layout, of, isolation.schedule_lines())


def is_terminal() -> bool:
    """Whether someone can answer questions."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _layout(package: str | None) -> Layout:
    from org_common.tools.scaffold.layout import Layout

    return Layout.of(Project.find(Path()), package)


def _write_app(layout: Layout, name: str, texts: dict[str, str], *, force: bool, table: str | None = None) -> None:
    """Write the files of an app, and list the app in pyproject.toml."""
    from org_common.tools.scaffold import files
    from org_common.tools.scaffold.names import ScaffoldError
    from org_common.tools.scaffold.pyproject_edit import add as add_entry
    from org_common.tools.scaffold.table import app

    if table is not None and layout.has_table(table):
        raise ScaffoldError(
            f"a migration of {layout.package} creates the table {table} already: choose another name, or change it in a"
            " new migration"
        )
    _show(files.write(layout.root, texts, force=force), layout.root)
    add_entry(layout.root, "apps", app(layout, name))
    click.echo(f"added {app(layout, name)} to apps in pyproject.toml")


def _declare(layout: Layout, table: str, lines: list[str]) -> None:
    """Declare for `org-common db prove` who may do what with the rows of a table."""
    from org_common.tools.scaffold import isolation

    path = isolation.add(layout, table, lines)
    if path is not None:
        click.echo(f"added tables.{layout.package}.{table} to {path}")


def _show(paths: list[str], root: Path) -> None:
    from org_common.tools.project.modules import display_path

    for path in paths:
        click.echo(f"wrote {display_path(str((root / path).absolute()))}")
