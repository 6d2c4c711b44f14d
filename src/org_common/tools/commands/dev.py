"""`org-common dev` and `org-common token`: run the project locally."""

from pathlib import Path

import click
from click.core import ParameterSource

from org_common.tools.commands.options import Folder
from org_common.tools.project.project import Project

DATA = Folder(file_okay=False, path_type=Path)


@click.command()
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port on 127.0.0.1.")
@click.option(
    "--data",
    type=DATA,
    help="Folder for the database and the issuer's key.  [default: .org-common in the project; temporary with --check]",
)
@click.option("--check", is_flag=True, help="Start on a free port, run the demo's scripted tour, and exit with 0 or 1.")
@click.option("--reload/--no-reload", default=True, show_default=True, help="Restart when a file changes.")
@click.option(
    "--reset-logins",
    is_flag=True,
    help="Replace the passwords of the login roles on the server of DATABASE_URL, even if it is a remote server.",
)
@click.option("--fresh", is_flag=True, help="Drop the database first: start over after you have edited a migration.")
@click.option("--sql", is_flag=True, help="Print each statement with its rows, its time, and the rule's verdict.")
def dev(port: int, data: Path | None, check: bool, reload: bool, reset_logins: bool, fresh: bool, sql: bool) -> None:
    """Run the project locally.

    Starts PostgreSQL, applies migrations, seeds demo data, issues tokens and serves HTTP on 127.0.0.1.
    """
    import os

    from org_common.tools.serve import devserver, tour

    if check and click.get_current_context().get_parameter_source("port") is not ParameterSource.DEFAULT:
        raise click.UsageError("--check picks a free port: remove --port")
    if check and fresh:
        raise click.UsageError("--check starts with a new database, or the one in --data: remove --fresh")
    if sql:
        os.environ[devserver.SQL_VARIABLE] = "1"
    project = Project.find(Path())
    if check:
        raise click.exceptions.Exit(0 if tour.check(project, data, reset_logins=reset_logins) else 1)
    folder = devserver.data_folder(project, data)
    devserver.serve(project, port=port, data=folder, reload=reload, reset_logins=reset_logins, fresh=fresh)


@click.command()
@click.argument("user")
@click.option("--data", type=DATA, help="The folder that `org-common dev` uses.  [default: .org-common in the project]")
def token(user: str, data: Path | None) -> None:
    """Print a token for a demo user.

    It is signed by the issuer of `org-common dev` and valid for 12 hours.
    """
    from org_common.tools.serve import devserver

    project = Project.find(Path())
    click.echo(devserver.token(project, user, devserver.data_folder(project, data)))
