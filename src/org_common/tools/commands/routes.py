"""`org-common routes`: list routes with their access rules."""

from pathlib import Path

import click

from org_common.tools.project.project import Project


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list, with each route's database role and summary.")
@click.option(
    "--check",
    is_flag=True,
    help="Exit with 1 if a route can never work, or if the PUBLIC routes differ from the key public in pyproject.toml.",
)
def routes(as_json: bool, check: bool) -> None:
    """List every route of the project's apps with its access rule."""
    import json

    from org_common.tools.project import apps
    from org_common.tools.project import routes as tool

    project = Project.find(Path())
    loaded = apps.load(project)
    listed = tool.routes_of(loaded)
    if as_json:
        click.echo(json.dumps([route._asdict() for route in listed], indent=2))
    else:
        click.echo("\n".join(tool.format_table(listed)))
    if check:
        from org_common.tools.openapi import declarations

        violations = [*tool.check_public(listed, project.public), *declarations.find(loaded)]
        for violation in violations:
            click.echo(f"violation: {violation}", err=True)
        if violations:
            raise click.exceptions.Exit(1)
