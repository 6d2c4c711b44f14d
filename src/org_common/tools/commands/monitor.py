"""`org-common monitor`: how the deployed functions run, and what the database does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from org_common.tools.commands.options import Url, json_option, print_json


@click.command()
@click.option(
    "--hours", default=24.0, show_default=True, type=click.FloatRange(0, 24 * 14, min_open=True), help="How far back."
)
@click.option("--prefix", default="", help="Prefix of the functions' names.")
@click.option("--aws/--no-aws", default=True, show_default=True, help="Read functions from AWS.")
@click.option(
    "--url",
    type=Url(),
    envvar="ORG_COMMON_MONITOR_URL",
    show_envvar=True,
    help="URL of the database, of a role in pg_read_all_stats.  [default: no database]",
)
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), help="Write one self-contained page with plots to FILE."
)
@json_option
def monitor(hours: float, prefix: str, aws: bool, url: str | None, html: Path | None, as_json: bool) -> None:
    """Show how the deployed functions run and what the database does.

    Reads CloudWatch metrics and Lambda's REPORT lines, with the AWS credentials of this shell, and pg_stat_activity.
    Changes nothing. A rate of cold starts above 10 % is marked.
    """
    from org_common.tools.monitor import page, snapshot, terminal

    if not aws and url is None:
        raise click.UsageError("there is nothing to show: remove --no-aws, or pass --url")
    until = datetime.now(UTC)
    since = until - timedelta(hours=hours)
    histories = snapshot.read_functions(prefix, since, until) if aws else []
    seen = snapshot.Snapshot(since, until, histories, None if url is None else snapshot.read_activity(url))
    if as_json:
        print_json(seen.document())
    else:
        click.echo("\n".join(terminal.lines(seen)))
    if html is not None:
        html.write_text(page.page(seen), encoding="utf-8")
        click.echo(f"\nwritten: {html}", err=as_json)
