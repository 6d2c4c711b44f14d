"""`org-common tune`: find the memory size of a function."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from org_common.tools.commands.plan import FILE, require_numpy
from org_common.tools.commands.terminal import show_progress

if TYPE_CHECKING:
    from org_common.telemetry.monitoring.lambda_report import LambdaReport

GOALS = ("balanced", "cheapest", "fastest")


@click.command()
@click.argument("logs", nargs=-1, type=FILE)
@click.option("--function", help="Name of the function: for the patch, and on AWS with its prefix.")
@click.option("--aws", is_flag=True, help="Read the REPORT lines of --function from CloudWatch.")
@click.option(
    "--hours", default=24.0, show_default=True, type=click.FloatRange(0, 24 * 14, min_open=True), help="How far back."
)
@click.option("--invoke", is_flag=True, help="Invoke --function on AWS at each size of --ladder. Its size is restored.")
@click.option("--ladder", default="256,512,1024,1769", show_default=True, help="Sizes in MB.")
@click.option("--event", type=FILE, help="JSON file with the event to invoke with.  [default: {}]")
@click.option("-n", "--count", default=50, show_default=True, type=click.IntRange(30), help="Invocations at each size.")
@click.option(
    "--arch", type=click.Choice(["arm64", "x86_64"]), default="arm64", show_default=True, help="Architecture."
)
@click.option("--goal", type=click.Choice(GOALS), default="balanced", show_default=True, help="Which size to write.")
@click.option("--prices", "prices_file", type=FILE, help="JSON file with prices that replace those of us-east-1.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write one self-contained page to FILE.")
def tune(logs: tuple[Path, ...], **options: Any) -> None:
    """Compare time and cost of a function's memory sizes, from REPORT lines in LOGS or on AWS.

    Prints the cheapest, the fastest and the balanced size, and the lines for pyproject.toml. Exits with 1 if the
    samples are too few or mixed.
    """
    import json

    require_numpy()
    from org_common.tools.plan.prices import Prices
    from org_common.tools.tune import advice as tool
    from org_common.tools.tune import report

    prices = Prices.load(options["prices_file"])
    advice = tool.advise(_reports(logs, options), prices, options["arch"])
    if options["html"] is not None:
        options["html"].write_text(report.page(advice, prices), encoding="utf-8")
    if options["as_json"]:
        click.echo(json.dumps(report.document(advice), indent=2))
    else:
        click.echo("\n".join(report.lines(advice, prices)))
        if advice.chosen:
            click.echo(f"\n{tool.patch(options['function'] or 'NAME', advice.chosen[options['goal']])}")
    if not advice.chosen:
        raise SystemExit(1)


def _reports(logs: tuple[Path, ...], options: dict[str, Any]) -> list[LambdaReport]:
    if bool(logs) + options["aws"] + options["invoke"] != 1:
        raise click.UsageError("give the samples: files with REPORT lines, --aws, or --invoke")
    if not logs and options["function"] is None:
        raise click.UsageError("--aws and --invoke need --function")
    if options["invoke"]:
        return _invoked(options)
    if options["aws"]:
        return _logged(options["function"], options["hours"])
    from org_common.tools.plan.measured import reports

    return [report for log in logs for report in reports(log)]


def _logged(function: str, hours: float) -> list[LambdaReport]:
    from datetime import UTC, datetime, timedelta

    from org_common.tools.monitor.snapshot import read_functions

    until = datetime.now(UTC)
    histories = read_functions(function, until - timedelta(hours=hours), until)
    return [report for each in histories if each.function == function for _, report in each.reports]


def _invoked(options: dict[str, Any]) -> list[LambdaReport]:
    from org_common.tools.tune import ladder

    try:
        sizes = [int(size) for size in options["ladder"].split(",")]
    except ValueError:
        sizes = []
    if len(sizes) < 2 or not all(128 <= size <= 10240 for size in sizes):
        raise click.UsageError("--ladder needs two or more sizes of 128 to 10240, such as 256,512,1024")
    event = b"{}" if options["event"] is None else options["event"].read_bytes()
    with ladder.connected() as client:
        return ladder.measure(client, options["function"], sizes, event, options["count"], show_progress)
