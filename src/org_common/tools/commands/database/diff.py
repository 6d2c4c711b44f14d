"""`org-common db diff`: how a database differs from what the migrations make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from org_common.tools.commands.options import count, url_option
from org_common.tools.commands.terminal import colored
from org_common.tools.project.project import Project, make_importable

if TYPE_CHECKING:
    from org_common.tools.database.objects import Object


@click.command()
@url_option("ORG_COMMON_MIGRATOR_URL", "URL of the database; any role that can log in is enough.", role="app_migrator")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def diff(url: str, as_json: bool) -> None:
    """Show how a database differs from what the project's migrations make.

    Compares tables, columns, constraints, indexes, views, functions, triggers, policies, grants and types with those of
    a new local database. Shows SQL where it loses no data. Exits with 1 if there is a difference.
    """
    import json

    from org_common.tools.database.difference import compare
    from org_common.tools.database.objects import read

    theirs = read(url)
    ours = _made()
    found = compare(ours, theirs)
    if as_json:
        click.echo(json.dumps({"objects": len(ours), "differences": [each.document() for each in found]}, indent=2))
    else:
        for each in found:
            click.echo(colored("\n".join(each.lines())))
        click.echo(f"compared {count(len(ours), 'object')}: {count(len(found), 'difference')}")
    if found:
        raise click.exceptions.Exit(1)


def _made() -> list[Object]:
    """The objects of a new database with the project's migrations, on a server that stops at the end."""
    from org_common.tools.database.local import provision
    from org_common.tools.database.migrations import load
    from org_common.tools.database.objects import read
    from org_common.tools.database.postgres import EmbeddedPostgres

    project = Project.find(Path())
    make_importable(project)
    migrations = load(project.migrations, root=project.root)
    with EmbeddedPostgres.start(durable=False, extensions=project.extensions) as server:
        database = provision(server.url, "diff", migrations, extensions=project.extensions)
        return read(database.login_url)
