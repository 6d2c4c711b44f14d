"""The `org-common` command. Each subcommand imports its tool when it runs, so `--help` stays fast."""

from pathlib import Path
from typing import Any

try:
    import click
except ModuleNotFoundError as _error:
    raise SystemExit(f"{_error}. The commands need the extra dev: pip install 'org-common[dev]'") from None

from org_common.tools.commands import (
    coldstart,
    db,
    deploy,
    dev,
    doctor,
    imports,
    invoke,
    layer,
    manifest,
    monitor,
    openapi,
    outbox,
    plan,
    routes,
    scaffold,
    triggers,
    tune,
)
from org_common.tools.commands.options import origin
from org_common.tools.commands.terminal import set_color
from org_common.tools.project import dotenv
from org_common.tools.project.project import ToolError


class Commands(click.Group):
    """Prints an error that the user can fix as one message on stderr and exits with 1, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        # Before the options of subcommands are read: some are environment variables.
        dotenv.load(Path())
        set_color(ctx)
        try:
            return super().invoke(ctx)
        except ToolError as error:
            raise click.ClickException(f"{origin(ctx, error)}{error}") from error
        except ModuleNotFoundError as error:
            # A failed import in the project's own code is a ToolError already.
            raise click.ClickException(f"{error}. The commands need: pip install 'org-common[dev]'") from error
        except OSError as error:
            # Without a file name, the error is not about a path that the user gave.
            if error.filename is None:
                raise
            raise click.ClickException(f"{error.filename}: {error.strerror}") from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="org-common")
def main() -> None:
    """Develop, check and deploy a project built on org-common."""


def _add(*commands: click.Command) -> None:
    for command in commands:
        main.add_command(command)


_add(
    scaffold.new,
    scaffold.add,
    dev.dev,
    dev.token,
    invoke.invoke,
    routes.routes,
    triggers.triggers,
    openapi.openapi,
    doctor.doctor,
    monitor.monitor,
    db.db,
    outbox.outbox,
    layer.layer,
    layer.functions,
    coldstart.coldstart,
    imports.imports,
    manifest.manifest,
    plan.plan,
    tune.tune,
    deploy.deploy,
)

if __name__ == "__main__":
    main()
