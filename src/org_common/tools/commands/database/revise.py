"""`org-common db new` and `redo`: write a migration, and apply it again after you have edited it."""

from __future__ import annotations

from pathlib import Path

import click

from org_common.tools.commands.database.local import DATA
from org_common.tools.project.project import Project, ToolError, make_importable

TEMPLATE = """\
-- {title}.

"""


@click.command()
@click.argument("name")
@click.option("--package", metavar="NAME", help="Package of the migration.  [default: the project's last]")
def new(name: str, package: str | None) -> None:
    """Write the next migration, with NAME in its file name, such as add_color."""
    from org_common.tools.database.migrations import FILE, folder_of

    project = Project.find(Path())
    make_importable(project)
    if not project.migrations:
        raise ToolError('there are no migrations: name a package in pyproject.toml, migrations = ["shop"]')
    folders = dict(folder_of(each, project.root) for each in project.migrations)
    chosen = package or [*folders][-1]
    if chosen not in folders:
        raise ToolError(
            f"there is no package {chosen} in migrations of pyproject.toml: choose one of {', '.join(folders)}"
        )
    folder = folders[chosen]
    numbers = [int(path.name[:4]) for path in folder.glob("[0-9][0-9][0-9][0-9]_*.sql")] if folder.is_dir() else []
    path = folder / f"{max(numbers, default=0) + 1:04}_{name}.sql"
    if not FILE.fullmatch(path.name):
        raise ToolError(f"a migration cannot be called {name!r}: use a-z, 0-9 and _. For example: add_color")
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(TEMPLATE.format(title=name.replace("_", " ").capitalize()), encoding="utf-8")
    from org_common.tools.project.modules import display_path

    click.echo(f"wrote {display_path(str(path))}")


@click.command()
@DATA
def redo(data: Path | None) -> None:
    """Rebuild the local server's database from the migrations as they are now, and keep its rows.

    For a migration that you are still writing. Rows that no longer fit are left behind, and named.
    """
    from org_common.tools.database import running
    from org_common.tools.database.migrations import folder_of, load
    from org_common.tools.database.rebuild import rebuild
    from org_common.tools.serve.devserver import data_folder

    project = Project.find(Path())
    make_importable(project)
    migrations = load(project.migrations, root=project.root)
    with running.server(data_folder(project, data)) as admin_url:
        rebuild(admin_url, running.name_of(admin_url), migrations, extensions=project.extensions, say=click.echo)
    if project.migrations:
        # A running server waits for a change of a file that it watches.
        _, folder = folder_of(project.migrations[-1], project.root)
        max(folder.glob("*.sql")).touch()
    click.echo(f"applied {len(migrations)} migrations again, and kept the rows")
