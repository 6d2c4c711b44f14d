"""`org-common imports`: the gates of what a cold start may load."""

from pathlib import Path

import click

from org_common.tools.project.project import Project


@click.command()
def imports() -> None:
    """Import each app, and each module that has a gate, in a fresh process; exit with 1 if it loads what it may not."""
    from org_common.tools.layer import gates

    project = Project.find(Path())
    for breach in (breaches := gates.check(project)):
        click.echo(f"fault: {breach}")
    if breaches:
        raise click.exceptions.Exit(1)
    for module, forbidden in gates.gates(project).items():
        click.echo(
            f"{module} loads none of {', '.join(forbidden)}" if forbidden else f"{module} imports, and has no gate"
        )
