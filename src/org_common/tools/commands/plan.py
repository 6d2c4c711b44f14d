"""`org-common plan`: choose how to run a function by numbers, and see whether its database connections fit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from org_common.tools.commands.options import json_option, print_json

if TYPE_CHECKING:
    from org_common.tools.plan.distribution import Distribution
    from org_common.tools.plan.measured import Measured
    from org_common.tools.plan.traffic import Traffic
    from org_common.tools.plan.workload import Workload

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class Range(click.ParamType[tuple[float, float]]):
    """Two numbers, such as 50,200."""

    name = "A,B"

    def __init__(self, least: float = 0.0) -> None:
        self.least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        if isinstance(value, tuple):
            return value
        try:
            low, high = (float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not two numbers, such as 50,200", param, ctx)
        if not self.least <= low <= high < float("inf"):
            self.fail(f"{value!r}: the first must be at least {self.least:g}, and not above the second", param, ctx)
        return low, high


@click.group(invoke_without_command=True)
@click.option("--trace", type=FILE, help="Traffic: CSV, a CloudWatch export, or an access log.")
@click.option("--timezone", default="UTC", show_default=True, help="Time zone of times in the trace without an offset.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Requests a second, without a trace.")
@click.option("--burst", default=1.0, show_default=True, help="Ten minutes a day have this many times the rate.")
@click.option("--hours", default=24.0, show_default=True, help="Hours of the day with requests.")
@click.option("--report", type=FILE, help="REPORT lines, to take times and memory from.")
@click.option("--coldstart", type=FILE, help="A file of `org-common coldstart --json`, to take times from.")
@click.option("--service", type=Range(0.001), help="p50,p95 of a warm request in ms.  [default: 50,200]")
@click.option("--start", type=Range(0.001), help="p50,p95 of a cold start in ms.  [default: 600,1000]")
@click.option("--restore", type=Range(0.001), help="p50,p95 of a restore with SnapStart in ms.  [default: 300,500]")
@click.option("--manifest", type=FILE, help="Manifest to take the settings of --function from.")
@click.option("--function", "name", help="Name of the function in the manifest.")
@click.option("--memory", type=click.IntRange(128, 10240), help="Memory in MB.  [default: 512]")
@click.option("--arch", type=click.Choice(["arm64", "x86_64"]), help="Architecture.  [default: arm64]")
@click.option(
    "--idle", default=300, show_default=True, type=click.IntRange(1, 7200), help="Seconds an environment idles."
)
@click.option("--account", type=click.IntRange(1), help="Most requests in progress.  [default: 1000]")
@click.option("--provisioned", type=Range(0), help="min,max of provisioned concurrency.  [default: from the traffic]")
@click.option("--cpu", default=0.25, show_default=True, type=click.FloatRange(0.01, 1), help="CPU share of a request.")
@click.option("--queued", default=0.0, show_default=True, type=click.FloatRange(0, 1), help="Share from a queue.")
@click.option("--retries", default=0, show_default=True, type=click.IntRange(0, 20), help="Of throttled callers.")
@click.option("--max-connections", default=100, show_default=True, type=click.IntRange(1), help="Of PostgreSQL.")
@click.option("--pool-size", type=click.IntRange(1), help="Server connections of a pooler.  [default: no pooler]")
@click.option("--max-clients", default=1000, show_default=True, type=click.IntRange(1), help="Clients of the pooler.")
@click.option("--proxy-cpus", default=0, show_default=True, type=click.IntRange(0), help="vCPUs behind an RDS Proxy.")
@click.option("--p95", type=click.FloatRange(0, min_open=True), help="Goal in ms.")
@click.option("--p99", type=click.FloatRange(0, min_open=True), help="Goal in ms.  [default: 1.5 times the best]")
@click.option("--prices", "prices_file", type=FILE, help="JSON file with prices that replace those of us-east-1.")
@click.option("--free-tier", is_flag=True, help="Subtract what is free each month.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="The same seed, the same plan.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write one self-contained page to FILE.")
@click.pass_context
def plan(ctx: click.Context, /, **options: Any) -> None:
    """Compare ways to run a function: times, cold starts, throttles, connections and cost.

    Simulates on-demand, SnapStart, provisioned concurrency with autoscaling, Managed Instances and Fargate.
    """
    if ctx.invoked_subcommand is not None:
        return
    import json

    require_numpy()
    from org_common.tools.plan import choice, page, table
    from org_common.tools.plan.prices import Prices

    prices = Prices.load(options["prices_file"])
    goals = choice.Goals(*(None if options[name] is None else options[name] / 1000 for name in ("p95", "p99")))
    made = choice.plan(_workload(options), prices, goals, free=options["free_tier"])
    if options["as_json"]:
        click.echo(json.dumps(table.document(made, prices), indent=2))
    else:
        click.echo("\n".join(table.lines(made, prices)))
    if options["html"] is not None:
        options["html"].write_text(page.page(made, prices), encoding="utf-8")
        click.echo(f"\nwritten: {options['html']}", err=True)


@plan.command()
@click.option("--manifest", type=FILE, help="Manifest to read.  [default: the project's, made now]")
@click.option("--account", default=1000, show_default=True, type=click.IntRange(1), help="Concurrency of the account.")
@click.option("--processes", default=1, show_default=True, type=click.IntRange(1), help="Processes of an environment.")
@click.option("--connections", "each", default=1, show_default=True, type=click.IntRange(1), help="Of a process.")
@click.option("--max-connections", default=100, show_default=True, type=click.IntRange(1), help="Of PostgreSQL.")
@click.option(
    "--rds-memory", type=click.FloatRange(0.5), help="GB of an RDS instance, for its default max_connections."
)
@click.option("--reserved", default=3, show_default=True, type=click.IntRange(0), help="Slots for superusers.")
@click.option("--pool-size", type=click.IntRange(1), help="Server connections of a pooler.  [default: no pooler]")
@click.option("--max-clients", default=1000, show_default=True, type=click.IntRange(1), help="Clients of the pooler.")
@json_option
def connections(
    manifest: Path | None,
    account: int,
    processes: int,
    each: int,
    max_connections: int,
    rds_memory: float | None,
    reserved: int,
    pool_size: int | None,
    max_clients: int,
    as_json: bool,
) -> None:
    """Check that the functions' connections fit what PostgreSQL or a pooler accepts.

    Environments x processes x connections, from the manifest. Exits with 1 if they do not fit, and prints the smallest
    change with which they do.
    """
    from org_common.tools.doctor.budget import Pooler, Server
    from org_common.tools.plan import connections as tool

    most = max_connections if rds_memory is None else tool.rds_max_connections(rds_memory)
    pooler = None if pool_size is None else Pooler(max_clients, pool_size)
    limits = tool.Limits(Server(most, reserved), pooler)
    found = tool.uses(_manifest(manifest), account, processes=processes, connections=each)
    is_over = bool(tool.excess(found, limits) or tool.pool_excess(limits))
    if as_json:
        print_json(tool.document(found, limits))
        raise SystemExit(int(is_over))
    click.echo("\n".join(tool.lines(found, limits)))
    if is_over:
        change = tool.smallest_change(found, limits)
        click.echo(f"\nthe smallest change that fits: {change.text}")
        if change.settings:
            click.echo(f"\n{change.patch}")
        raise SystemExit(1)


def require_numpy() -> None:
    """Say which extra is missing."""
    from importlib.util import find_spec

    if find_spec("numpy") is None:
        raise click.ClickException("simulations need numpy: pip install 'org-common[plan]'")


def _manifest(file: Path | None) -> Any:
    from org_common.tools.layer.targets import Target
    from org_common.tools.manifest import document
    from org_common.tools.project.project import Project

    return document.manifest(Project.find(Path()), Target.here()) if file is None else document.read(file)


def _workload(options: dict[str, Any]) -> Workload:
    from org_common.tools.plan.workload import Database, Workload

    times, function = _measured(options), _function(options["manifest"], options["name"])
    provisioned = function.get("provisioned") or {}
    chosen = options["provisioned"] or ((provisioned["min"], provisioned["max"]) if provisioned else None)
    return Workload(
        _traffic(options),
        *_times(options, times),
        memory_mb=options["memory"] or times.memory_mb or function.get("memory") or 512,
        arch=options["arch"] or function.get("architecture") or "arm64",
        timeout_s=float(function.get("timeout") or 15),
        idle_s=options["idle"],
        account=options["account"] or function.get("reserved") or 1000,
        provisioned=None if chosen is None else (int(chosen[0]), int(chosen[1])),
        utilization=float(provisioned.get("utilization", 0.7)),
        cpu_share=options["cpu"],
        queued=options["queued"],
        retries=options["retries"],
        database=Database(
            options["max_connections"],
            pool=options["pool_size"],
            max_clients=options["max_clients"],
            proxy_cpus=options["proxy_cpus"],
        ),
        seed=options["seed"],
    )


def _traffic(options: dict[str, Any]) -> Traffic:
    from zoneinfo import ZoneInfo

    from org_common.tools.plan import trace, traffic

    if (options["trace"] is None) == (options["rate"] is None):
        raise click.UsageError("give the traffic: either --trace FILE, or --rate NUMBER with --burst and --hours")
    if options["rate"] is not None:
        return traffic.steady(options["rate"], burst=options["burst"], hours=options["hours"])
    try:
        zone = ZoneInfo(options["timezone"])
    except (ValueError, OSError, LookupError):
        raise click.UsageError(f"{options['timezone']!r} is not a time zone, such as Europe/Berlin") from None
    return trace.read(options["trace"], zone)


def _measured(options: dict[str, Any]) -> Measured:
    from org_common.tools.plan import measured

    if options["report"] is not None and options["coldstart"] is not None:
        raise click.UsageError("give one of --report and --coldstart")
    if options["report"] is not None:
        return measured.of_reports(options["report"])
    return measured.Measured() if options["coldstart"] is None else measured.of_coldstart(options["coldstart"])


def _times(options: dict[str, Any], found: Measured) -> tuple[Distribution, Distribution, Distribution]:
    """What the options say, else what was measured, else the defaults."""
    from org_common.tools.plan import measured
    from org_common.tools.plan.distribution import Distribution

    def of(option: str, was: Distribution | None, default: tuple[float, float]) -> Distribution:
        if options[option] is not None:
            low, high = options[option]
            return Distribution.lognormal(low / 1000, high / 1000)
        return was if was is not None else Distribution.lognormal(*default)

    return (
        of("service", found.service, measured.SERVICE),
        of("start", found.start, measured.START),
        of("restore", found.restore, measured.RESTORE),
    )


def _function(file: Path | None, name: str | None) -> dict[str, Any]:
    if (file is None) != (name is None):
        raise click.UsageError("--manifest and --function belong together")
    if file is None:
        return {}
    from org_common.tools.project.project import ToolError, key_advice

    manifest = _manifest(file)
    if name not in manifest["functions"]:
        raise ToolError(f"{name} is not a function of {file}: {key_advice(str(name), sorted(manifest['functions']))}")
    return {**manifest["functions"][name], "architecture": manifest["architecture"]}
