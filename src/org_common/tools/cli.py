"""The command `org-common`. A command imports its tool when it runs: `--help` stays quick."""

from typing import Any

try:
    import click
except ModuleNotFoundError as error:
    raise SystemExit(f"{error}: the commands need the extra dev, pip install 'org-common[dev]'") from None

from org_common.tools.commands import coldstart, db, dev, doctor, imports, layer, openapi, outbox, routes
from org_common.tools.commands.options import origin
from org_common.tools.project.project import ToolError


class Commands(click.Group):
    """What is the user's to mend is a line on stderr and exit 1, no traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ToolError as error:
            raise click.ClickException(f"{origin(ctx, error)}{error}") from error
        except ModuleNotFoundError as error:
            # The project's own imports leave as ToolError.
            raise click.ClickException(f"{error}: the commands need pip install 'org-common[dev]'") from error
        except OSError as error:
            # Without a file it is no path that was given to us.
            if error.filename is None:
                raise
            raise click.ClickException(f"{error.filename}: {error.strerror}") from error


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
