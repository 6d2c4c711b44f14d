"""`org-common outbox`: messages that wait for their way out."""

import click

from org_common.tools.project import use_project


@click.group()
def outbox() -> None:
    """Messages that wait for their way out."""


@outbox.command()
@click.option(
    "--url",
    envvar="ORG_COMMON_SERVICE_DATABASE_URL",
    show_envvar=True,
    required=True,
    help="app_service's.",
)
@click.option("--sink", metavar="MODULE:NAME", required=True, help="Where to: an object with deliver(messages).")
@click.option("--follow", is_flag=True, help="Go on until interrupted, instead of until the outbox is empty.")
def relay(url: str, sink: str, follow: bool) -> None:
    """Hand over what waits in the outbox, and take it out."""
    from org_common.tools.relay import run

    use_project()
    click.echo(f"{run(url, sink, follow=follow)} messages handed over")
