"""`org-common routes`: who may do what, on one page."""

from pathlib import Path

import click

from org_common.tools.project.project import Project


@click.command()
@click.option("--json", "as_json", is_flag=True, help="A JSON list, with the database role and the summary of each.")
@click.option("--check", is_flag=True, help="Exit with 1 if a route is PUBLIC that is not listed as `public`.")
def routes(as_json: bool, check: bool) -> None:
    """List every route of the project's apps with its access rule."""
    import json

    from org_common.tools.project import routes as tool

    project = Project.find(Path())
    found = tool.list_routes(project)
    click.echo(
        json.dumps([each._asdict() for each in found], indent=2) if as_json else "\n".join(tool.format_table(found))
    )
    if check:
        faults = tool.check_public(found, project.public)
        for fault in faults:
            click.echo(f"fault: {fault}", err=True)
        if faults:
            raise click.exceptions.Exit(1)
