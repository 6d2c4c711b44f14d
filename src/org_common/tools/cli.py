"""The command `org-common`. A command imports its tool when it runs: `--help` stays quick."""

from typing import Any

import click

from org_common.tools.commands import coldstart, db, dev, doctor, imports, layer, openapi, outbox, routes
from org_common.tools.project import ToolError


class Commands(click.Group):
    """What a tool says about the user's input is a line on stderr and exit 1, no traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ToolError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="org-common")
def main() -> None:
    """Tools for projects on org-common."""


for command in (
    dev.dev,
    dev.token,
    routes.routes,
    openapi.openapi,
    doctor.doctor,
    db.db,
    outbox.outbox,
    layer.layer,
    layer.functions,
    coldstart.coldstart,
    imports.imports,
):
    main.add_command(command)
