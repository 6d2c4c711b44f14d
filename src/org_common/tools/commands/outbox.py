"""`org-common outbox`: deliver outbox messages and manage refused ones."""

import click

from org_common.tools.commands.options import count, url_option
from org_common.tools.project.project import make_current_project_importable


@click.group()
def outbox() -> None:
    """Deliver outbox messages and manage refused ones."""


URL = url_option("ORG_COMMON_SERVICE_DATABASE_URL", "URL of app_service.")


@outbox.command()
@URL
@click.option("--sink", metavar="MODULE:NAME", required=True, help="Target: an object with deliver(messages).")
@click.option("--follow", is_flag=True, help="Run until interrupted instead of until the outbox is empty.")
def relay(url: str, sink: str, follow: bool) -> None:
    """Deliver the messages in the outbox to the sink, and delete them."""
    from org_common.tools.database.relay import run

    make_current_project_importable()
    try:
        click.echo(f"{count(run(url, sink, follow=follow), 'message')} delivered")
    except KeyboardInterrupt:
        if not follow:
            raise
        click.echo("interrupted: messages of an unfinished batch stay in the outbox", err=True)


@outbox.command()
@URL
def status(url: str) -> None:
    """List the queues with messages that wait to be delivered."""
    from org_common.telemetry.line import visible
    from org_common.tools.database.relay import list_queues

    queues = list_queues(url)
    for queue in queues:
        parts = [f"{queue.waiting} waiting since {queue.oldest:%Y-%m-%d %H:%M:%S}"]
        parts += [f"{queue.refused} refused"] if queue.refused else []
        parts += [f"{queue.parked} parked"] if queue.parked else []
        click.echo(visible(f"{queue.queue}: {', '.join(parts)}"))
    if not queues:
        click.echo("no messages wait")


@outbox.command()
@URL
def refused(url: str) -> None:
    """List messages that the sink refused, with the reason; exit with 1 if one is parked."""
    from org_common.telemetry.line import visible
    from org_common.tools.database.relay import list_refused

    messages = list_refused(url)
    for message in messages:
        state = "parked" if message.parked_at else f"retry at {message.retry_at:%H:%M:%S}"
        key = f" key {message.key}," if message.key else ""
        waiting = f" {message.waiting} waiting behind it," if message.waiting else ""
        refusals = f"refused {count(message.refusals, 'time')}"
        line = f"{message.id} {message.queue},{key}{waiting} {refusals}, {state}: {message.reason}"
        # Keys and reasons hold what users and other services wrote.
        click.echo(visible(line))
    if not messages:
        click.echo("no refused messages; `org-common outbox status` counts those that wait")
    if any(message.parked_at for message in messages):
        raise click.exceptions.Exit(1)


@outbox.command()
@click.argument("ids", metavar="[ID...]", nargs=-1, type=int)
@URL
@click.option("--all", "everything", is_flag=True, help="Requeue all refused messages.")
def requeue(ids: tuple[int, ...], url: str, everything: bool) -> None:
    """Retry refused messages, and the messages that wait behind them."""
    from org_common.tools.database import relay as tool

    if bool(ids) == everything:
        raise click.UsageError("pass message ids, or --all. Example: org-common outbox requeue 4711 4712")
    click.echo(f"{count(tool.requeue(url, None if everything else ids), 'message')} requeued")


@outbox.command()
@click.argument("ids", metavar="ID...", nargs=-1, type=int, required=True)
@URL
def discard(ids: tuple[int, ...], url: str) -> None:
    """Delete messages without delivering them; messages that wait behind them continue."""
    from org_common.tools.database import relay as tool

    click.echo(f"{count(tool.discard(url, ids), 'message')} deleted")
