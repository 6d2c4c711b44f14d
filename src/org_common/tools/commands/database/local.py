"""`org-common db url`, `shell`, `seed` and `reset`: the database of the local server."""

from __future__ import annotations

from pathlib import Path

import click

from org_common.tools.commands.options import Folder
from org_common.tools.project.project import Project, ToolError, make_importable

DATA = click.option(
    "--data",
    type=Folder(file_okay=False, path_type=Path),
    help="The folder that `org-common dev` uses.  [default: .org-common in the project]",
)
ROLE = click.option(
    "--as",
    "role",
    type=click.Choice(["admin", "app_migrator", "app_login", "app_service"]),
    default="admin",
    show_default=True,
    help="Login of the URL; admin bypasses row-level security.",
)


@click.command()
@ROLE
@DATA
def url(role: str, data: Path | None) -> None:
    """Print a URL of the local server's database, while `org-common dev` runs."""
    from org_common.tools.database import running
    from org_common.tools.serve.devserver import data_folder

    folder = data_folder(Project.find(Path()), data)
    local = running.read(folder)
    if local is None:
        raise ToolError("`org-common dev` is not running: start it, or open the database with `org-common db shell`")
    click.echo(running.url_of(local, role))


@click.command()
@click.option("--person", metavar="NAME", help="See what this demo user sees, under row-level security.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@DATA
def shell(person: str | None, arguments: tuple[str, ...], data: Path | None) -> None:
    """Open the local server's database in psql, as the superuser.

    Starts the database if `org-common dev` is not running. ARGUMENTS behind -- are those of psql: -- -c "select 1".
    """
    import os
    import subprocess

    from org_common.tools.database import running
    from org_common.tools.database.programs import binaries
    from org_common.tools.serve.devserver import data_folder

    program = binaries() / "psql"
    if not program.exists():
        raise ToolError(f"{program.parent} has no psql: install it, and open the URL of `org-common db url` with it")
    with running.server(data_folder(Project.find(Path()), data)) as admin_url:
        options = {} if person is None else {"PGOPTIONS": _options(admin_url, person)}
        # In variables: other users of this machine can see command lines.
        done = subprocess.run([program, *arguments], env={**os.environ, **_libpq(admin_url), **options}, check=False)
    if done.returncode:
        raise click.exceptions.Exit(done.returncode)


@click.command()
@DATA
def seed(data: Path | None) -> None:
    """Run `seed()` of the demo module on the local server's database."""
    from org_common.tools.database import running
    from org_common.tools.serve import demo_module, devserver

    project = Project.find(Path())
    make_importable(project)
    module = demo_module.find(project)
    if module is None:
        raise ToolError('there is no demo module: name it in pyproject.toml, demo = "shop.demo"')
    with running.server(devserver.data_folder(project, data)) as admin_url:
        demo_module.seed(module, admin_url)
    click.echo(f"seeded by {module.__name__}")


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@DATA
def reset(yes: bool, data: Path | None) -> None:
    """Drop the local server's database, apply all migrations and seed it again.

    A running `org-common dev` goes on with the new one.
    """
    from org_common.tools.database import running
    from org_common.tools.database.local import drop_database, provision
    from org_common.tools.database.migrations import load
    from org_common.tools.serve import demo_module, devserver

    project = Project.find(Path())
    make_importable(project)
    migrations, module = load(project.migrations, root=project.root), demo_module.find(project)
    with running.server(devserver.data_folder(project, data)) as admin_url:
        if not yes:
            click.confirm("This drops all rows of the local database. Go on?", abort=True)
        drop_database(admin_url, running.name_of(admin_url))
        provision(admin_url, running.name_of(admin_url), migrations, extensions=project.extensions)
        if module is not None:
            demo_module.seed(module, admin_url)
    click.echo(f"applied {len(migrations)} migrations{'' if module is None else f', seeded by {module.__name__}'}")


def _libpq(url: str) -> dict[str, str]:
    """The variables of libpq for this URL."""
    from psycopg.conninfo import conninfo_to_dict

    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    found = conninfo_to_dict(url)
    return {variable: str(found[name]) for name, variable in names.items() if found.get(name) is not None}


def _options(admin_url: str, person: str) -> str:
    """The options of a session that sees what this demo user sees."""
    import json

    from org_common.tools.database.schema import session
    from org_common.tools.serve.issuer import ISSUER, subject

    with session(admin_url, "shell") as admin:
        found = admin.execute("select app.find_user(%s, %s)::text", [ISSUER, subject(person)]).fetchone()
    user_id = found[0] if found else None
    if user_id is None:
        raise ToolError(
            f"there is no user {person!r} in the local database: `org-common db seed` creates the demo users"
        )
    claims = json.dumps({"iss": ISSUER, "sub": user_id, "outer_sub": subject(person)}, separators=(",", ":"))
    # libpq splits at spaces that no backslash escapes.
    escaped = claims.replace("\\", "\\\\").replace(" ", "\\ ")
    return f"-c role=authenticated -c request.jwt.claims={escaped}"
