"""`org-common outbox`: deliver outbox messages and manage refused ones."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime

import click

from org_common.tools.commands.options import count, url_option
from org_common.tools.project.project import make_current_project_importable

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.tools.database.refusals import ConsumerRefusal
    from org_common.tools.database.relay import RefusedMessage


@click.group()
def outbox() -> None:
    """Deliver outbox messages and manage refused ones."""


AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON. Times are in ISO 8601.")
URL = url_option("ORG_COMMON_SERVICE_DATABASE_URL", "URL of app_service.", role="app_service")


@outbox.command()
@URL
@click.option("--sink", metavar="MODULE:NAME", required=True, help="Target: an object with deliver(messages).")
@click.option("--follow", is_flag=True, help="Run until interrupted instead of until the outbox is empty.")
def relay(url: str, sink: str, follow: bool) -> None:
    """Deliver the messages in the outbox to the sink."""
    from org_common.tools.database.relay import run

    make_current_project_importable()
    click.echo(f"{count(run(url, sink, follow=follow), 'message')} delivered")


@outbox.command()
@URL
@AS_JSON
def status(url: str, as_json: bool) -> None:
    """Show each queue with its waiting messages and their lag, and the messages that were refused."""
    from org_common.tools.database import relay as tool
    from org_common.tools.database.refusals import list_refusals

    queues, messages, refusals = tool.list_queues(url), tool.list_refused(url), list_refusals(url)
    if as_json:
        refused = [*map(asdict, messages), *map(asdict, refusals)]
        _echo_json({"queues": [asdict(queue) for queue in queues], "refused": refused})
        return
    for queue in queues:
        oldest = f", oldest from {queue.oldest:%Y-%m-%d %H:%M:%S%z}" if queue.oldest else ""
        numbers = f"{queue.waiting} waiting, lag {queue.lag_s:.0f} s{oldest}"
        _echo_line(f"{queue.queue}: {numbers}, {queue.refused} refused, {queue.parked} parked")
    for message in messages:
        _echo_line(_describe(message))
    for refusal in refusals:
        _echo_line(_describe_refusal(refusal))
    if not queues:
        click.echo("the outbox is empty")


@outbox.command()
@URL
@AS_JSON
def refused(url: str, as_json: bool) -> None:
    """List messages that the sink or a consumer refused, with the reason.

    Exits with 1 if the relay parked one, or a consumer refused one.
    """
    from org_common.tools.database.refusals import list_refusals
    from org_common.tools.database.relay import list_refused

    messages, refusals = list_refused(url), list_refusals(url)
    if as_json:
        _echo_json([*map(asdict, messages), *map(asdict, refusals)])
    else:
        for line in (*map(_describe, messages), *map(_describe_refusal, refusals)):
            _echo_line(line)
    if not (messages or refusals or as_json):
        click.echo("no refused messages; `org-common outbox status` counts those that wait")
    if refusals or any(message.parked_at for message in messages):
        raise click.exceptions.Exit(1)


@outbox.command()
@click.argument("ids", metavar="[ID...]", nargs=-1, type=int)
@URL
@click.option("--all", "everything", is_flag=True, help="Forget the refusals of all messages.")
def forget(ids: tuple[int, ...], url: str, everything: bool) -> None:
    """Remove what consumers refused from the list of `refused`. It changes no message."""
    from org_common.tools.database.refusals import forget as run

    if bool(ids) == everything:
        raise click.UsageError("pass message ids, or --all. Example: org-common outbox forget 4711 4712")
    click.echo(f"{count(run(url, None if everything else ids), 'refusal')} removed")


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


def _describe(message: RefusedMessage) -> str:
    state = "parked" if message.parked_at else f"retry at {message.retry_at:%H:%M:%S}"
    key = f" key {message.key}," if message.key else ""
    waiting = f" {message.waiting} waiting behind it," if message.waiting else ""
    refusals = f"refused {count(message.refusals, 'time')}"
    return f"{message.id} {message.queue},{key}{waiting} {refusals}, {state}: {message.reason}"


def _describe_refusal(refusal: ConsumerRefusal) -> str:
    what = f"{refusal.id}" if refusal.id else f"record {refusal.record_id} of no message"
    times = f"refused {count(refusal.attempts, 'time')} by {refusal.consumer}"
    return f"{what}, {times}, last at {refusal.refused_at:%Y-%m-%d %H:%M:%S%z}: {refusal.code}: {refusal.reason}"


def _echo_line(line: str) -> None:
    """Print one line. Queues, keys and reasons hold what users and other services wrote."""
    from org_common.telemetry.line import visible

    click.echo(visible(line))


def _echo_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2, default=datetime.isoformat))
