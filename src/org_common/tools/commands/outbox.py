"""`org-common outbox`: messages that wait for their way out."""

import click

from org_common.tools.commands.options import Url
from org_common.tools.project.project import make_current_project_importable


@click.group()
def outbox() -> None:
    """Messages that wait for their way out."""


URL = click.option(
    "--url",
    type=Url(),
    envvar="ORG_COMMON_SERVICE_DATABASE_URL",
    show_envvar=True,
    required=True,
    help="app_service's.",
)


@outbox.command()
@URL
@click.option("--sink", metavar="MODULE:NAME", required=True, help="Where to: an object with deliver(messages).")
@click.option("--follow", is_flag=True, help="Go on until interrupted, instead of until the outbox is empty.")
def relay(url: str, sink: str, follow: bool) -> None:
    """Hand over what waits in the outbox, and take it out."""
    from org_common.tools.database.relay import run

    make_current_project_importable()
    click.echo(f"{run(url, sink, follow=follow)} messages handed over")


@outbox.command()
@URL
def refused(url: str) -> None:
    """Show the messages that the sink has refused, and why; exit with 1 if any is parked."""
    from org_common.tools.database.relay import list_refused

    found = list_refused(url)
    for each in found:
        state = "parked" if each.parked_at else f"again at {each.retry_at:%H:%M:%S}"
        key = f" key {each.key}," if each.key else ""
        behind = f" {each.waiting} behind it," if each.waiting else ""
        click.echo(f"{each.id} {each.queue},{key}{behind} refused {each.refusals} times, {state}: {each.reason}")
    if not found:
        click.echo("nothing was refused")
    if any(each.parked_at for each in found):
        raise click.exceptions.Exit(1)


@outbox.command()
@click.argument("ids", metavar="[ID...]", nargs=-1, type=int)
@URL
@click.option("--all", "everything", is_flag=True, help="All that were refused.")
def requeue(ids: tuple[int, ...], url: str, everything: bool) -> None:
    """Let refused messages go again, with what waits behind them."""
    from org_common.tools.database.relay import requeue as put_back

    if bool(ids) == everything:
        raise click.UsageError("name the messages, or say --all")
    click.echo(f"{put_back(url, None if everything else ids)} messages wait again")


@outbox.command()
@click.argument("ids", metavar="ID...", nargs=-1, type=int, required=True)
@URL
def discard(ids: tuple[int, ...], url: str) -> None:
    """Throw messages away for good; what waits behind them goes on."""
    from org_common.tools.database.relay import discard as throw_away

    click.echo(f"{throw_away(url, ids)} messages thrown away")
