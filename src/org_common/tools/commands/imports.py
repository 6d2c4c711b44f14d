"""`org-common imports`: enforce the import gates."""

from pathlib import Path

import click

from org_common.tools.project.project import Project


@click.command()
def imports() -> None:
    """Check the import gates.

    Imports each app and each gated module in a fresh process. Exits with 1 if one fails to import or loads a forbidden
    module.
    """
    from org_common.tools.layer import gates

    project = Project.find(Path())
    violations = gates.check(project)
    for violation in violations:
        click.echo(f"violation: {violation}")
    if violations:
        raise click.exceptions.Exit(1)
    for module, forbidden in gates.gates(project).items():
        click.echo(
            f"{module} loads none of {', '.join(forbidden)}" if forbidden else f"{module} imports; it has no gate"
        )
