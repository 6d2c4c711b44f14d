"""`org-common imports`: enforce the import gates."""

from pathlib import Path

import click

from org_common.tools.commands.options import json_option, print_json
from org_common.tools.project.project import Project


@click.command()
@json_option
def imports(as_json: bool) -> None:
    """Check the import gates.

    Imports each app and each gated module in a fresh process. Exits with 1 if one fails to import or loads a forbidden
    module. Warns of imports that no layer and no runtime has.
    """
    from org_common.tools.layer import functions, gates, provided
    from org_common.tools.layer.settings import LayerSettings

    project = Project.find(Path())
    violations = gates.check(project)
    if as_json:
        found = {module: list(forbidden) for module, forbidden in gates.gates(project).items()}
        print_json({"violations": [*map(str, violations)], "gates": found})
    else:
        for violation in violations:
            click.echo(f"violation: {violation}")
    if violations:
        raise click.exceptions.Exit(1)
    settings = LayerSettings.find(Path())
    sources = {app: functions.modules(project, [app.partition(":")[0]]) for app in project.apps}
    missing = [each for app in project.apps for each in provided.missing_or_none(settings, sources[app], app)]
    for each in dict.fromkeys(map(str, missing)):
        click.echo(f"warning: {each}", err=True)
    if as_json:
        return
    for module, forbidden in gates.gates(project).items():
        click.echo(
            f"{module} loads none of {', '.join(forbidden)}" if forbidden else f"{module} imports; it has no gate"
        )
