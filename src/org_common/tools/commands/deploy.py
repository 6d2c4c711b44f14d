"""`org-common deploy`: build, plan with Terraform, say what changes, ask, migrate and apply."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from org_common.tools.commands.options import Folder, Url
from org_common.tools.project.project import Project, ToolError

if TYPE_CHECKING:
    from org_common.tools.deploy.release import Prepared


class WrongUsage(click.UsageError):
    """A wrong command line, with exit status 1: 2 means that there are changes."""

    exit_code = 1


class Deploy(click.Command):
    """Exits with 1 on a wrong command line."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise WrongUsage(error.format_message(), error.ctx) from error


@click.command(cls=Deploy)
@click.option(
    "--folder",
    type=Folder(exists=True, file_okay=False, path_type=Path),
    default=Path("infra"),
    show_default=True,
    help="Folder of your Terraform configuration with the module stack.",
)
@click.option(
    "--out",
    type=Folder(file_okay=False, writable=True, path_type=Path),
    default=Path("dist"),
    show_default=True,
    help="Folder for the zips and for manifest.json, which your configuration reads.",
)
@click.option(
    "--python", metavar="X.Y", help="Python of the Lambda runtime: 3.11, 3.12, 3.13, 3.14.  [default: the current one]"
)
@click.option(
    "--arch", metavar="NAME", help="Architecture of the functions: x86_64 or arm64.  [default: this machine's]"
)
@click.option("--build/--no-build", default=True, help="Build layers and functions first, or take those in --out.")
@click.option(
    "--dry-run", is_flag=True, help="Change nothing. Exit with 0 without changes, 2 with changes, 1 on an error."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--terraform", "program", metavar="FILE", help="The program terraform.  [default: the one on the PATH]")
@click.option(
    "--plugins",
    type=Folder(exists=True, file_okay=False, path_type=Path),
    help="Folder with a mirror of the providers, in place of Terraform's registry.",
)
@click.option(
    "--var-file",
    "variables",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="File with variables for Terraform; may be repeated.",
)
@click.option(
    "--migrator-url",
    type=Url(),
    envvar="ORG_COMMON_MIGRATOR_URL",
    show_envvar=True,
    help="URL of app_migrator: lists the pending migrations, and applies them before the code.",
)
@click.option("--doctor/--no-doctor", default=True, help="Compare what is deployed with the build afterwards.")
@click.option(
    "--wait/--no-wait", default=True, help="With staged deploys: wait until CodeDeploy has moved the aliases, or not."
)
@click.option("--verbose", is_flag=True, help="Show what Terraform prints.")
def deploy(dry_run: bool, yes: bool, doctor: bool, wait: bool, verbose: bool, **options: Any) -> None:
    """Build, plan with Terraform, show what changes, and apply it.

    Shows the changes in words: new public routes, wider roles, deleted data, sizes. Asks before it changes anything;
    then applies pending migrations, and after them the plan. With staged deploys it has CodeDeploy move the aliases.
    """
    from org_common.tools.deploy.release import Options, prepare

    with prepare(Project.find(Path()), Options(**options), _say, _say if verbose else _ignore) as prepared:
        click.echo("\n".join(prepared.lines()) or "no changes")
        if dry_run:
            raise click.exceptions.Exit(2 if prepared.has_changes else 0)
        if prepared.has_changes:
            if not yes:
                click.confirm("Deploy this?", abort=True, err=True)
            prepared.apply(click.echo)
            click.echo("deployed")
        if prepared.staged:
            _move_aliases(prepared, ask=not yes and not prepared.has_changes, wait=wait)
        if doctor:
            _compare(prepared)


def _move_aliases(prepared: Prepared, *, ask: bool, wait: bool) -> None:
    """Have CodeDeploy move the aliases to the published versions. Exits with 1 if it moves one back."""
    from org_common.tools.deploy.staged import CodeDeploy

    deployments = CodeDeploy(prepared.recorded.place["region"], click.echo)
    moves = deployments.moves(prepared.staged, prepared.versions())
    if moves and ask:
        click.echo("\n".join(map(str, moves)))
        click.confirm("Move these aliases?", abort=True, err=True)
    started = deployments.start(moves)
    if not wait:
        return
    try:
        failed = deployments.wait(started)
    except KeyboardInterrupt:
        _say(f"CodeDeploy goes on with {', '.join(started)}")
        raise
    if failed:
        _say("\n".join(failed))
        raise click.exceptions.Exit(1)


def _compare(prepared: Prepared) -> None:
    """Print where AWS differs from the build. Exits with 1 if it does."""
    try:
        found = prepared.drift()
    except ToolError as error:
        click.echo(f"not compared with AWS: {error}", err=True)
        return
    for finding in found:
        click.echo(f"{finding.level}: {finding.subject}: {finding.reason}. Fix: {finding.fix}", err=True)
    drift = [finding for finding in found if finding.id != "aws.refused"]
    if drift:
        raise click.exceptions.Exit(1)
    click.echo("no drift: functions, layers and roles are as built")


def _say(text: str) -> None:
    """Progress goes to stderr; stdout is for scripts."""
    click.echo(text, err=True)


def _ignore(text: str) -> None:
    pass
