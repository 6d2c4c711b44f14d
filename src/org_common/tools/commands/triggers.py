"""`org-common triggers`: list triggers with their access rules."""

from pathlib import Path

import click

from org_common.tools.project.project import Project


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list, with each trigger's database role.")
@click.option("--asyncapi", is_flag=True, help="Print an AsyncAPI 3 document.")
def triggers(as_json: bool, asyncapi: bool) -> None:
    """List every trigger of the project's apps with its access rule."""
    import json

    from org_common.tools.openapi.asyncapi import document
    from org_common.tools.openapi.document import dump
    from org_common.tools.project import apps
    from org_common.tools.project import triggers as tool

    project = Project.find(Path())
    loaded = apps.load(project)
    listed = tool.triggers_of(loaded)
    if asyncapi:
        click.echo(dump(document(loaded, title=project.name, version=project.version)), nl=False)
    elif as_json:
        click.echo(json.dumps([trigger._asdict() for trigger in listed], indent=2))
    else:
        click.echo("\n".join(tool.format_table(listed)))
