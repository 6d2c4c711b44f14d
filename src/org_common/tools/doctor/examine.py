"""The examination: what is asked for is looked at, and what was not is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from org_common.app import App
from org_common.config.needs import Needs
from org_common.config.settings import Settings, SettingsError
from org_common.config.settings_reader import PREFIX, PROFILES, in_lambda
from org_common.tools.doctor import budget, builds, roles, variables
from org_common.tools.doctor.budget import Pooler, Server
from org_common.tools.doctor.deployed import AwsCallFailed, Cloud, Function
from org_common.tools.doctor.finding import Finding
from org_common.values.errors import OrgError
from org_common.values.secret import Reference

T = TypeVar("T")


@dataclass(frozen=True)
class Scope:
    """What to look at. `apps` by their names, `zips` by the names of apps; `url` None means the environment's."""

    apps: Mapping[str, App] = field(default_factory=dict)
    zips: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    url: str | None = None
    pooler_url: str | None = None
    aws: bool = False
    prefix: str = ""
    build: Path | None = None
    concurrency: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Report:
    """What was found; `looked` is what was looked at, `skipped` what was not, each with what it would take."""

    findings: list[Finding] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    @property
    def faults(self) -> int:
        return sum(finding.level == "fault" for finding in self.findings)


def examine(scope: Scope) -> Report:
    """Look at everything that is scope. One part that cannot be looked at does not keep the others from it."""
    report = Report()
    _local(scope, report)
    server = _database(scope, report)
    pooler = _pooler(scope, report)
    functions, account = _deployed(scope, report)
    _budget(scope, report, functions, account, server, pooler)
    return report


def _local(scope: Scope, report: Report) -> None:
    report.checked.append("this environment")
    deployed = in_lambda(scope.environ)
    # A machine of one's own need not have what functions have.
    needs_login = deployed and _use_database(scope.apps.values())
    report.findings += variables.settings(scope.environ, "this environment:", needs_login=needs_login)
    report.findings += variables.secrets(scope.environ, "this environment:", deployed=deployed)


def _database(scope: Scope, report: Report) -> Server | None:
    url = scope.url or _url_of(scope.environ, report)
    if url is None:
        report.skipped.append(f"the database (--url, or {PREFIX}DATABASE_SECRET or {PREFIX}DATABASE_URL)")
        return None
    from org_common.tools.doctor import servers

    report.checked.append("the database")
    server, found = servers.check_server(url)
    report.findings += found
    return server


def _pooler(scope: Scope, report: Report) -> Pooler | None:
    if scope.pooler_url is None:
        report.skipped.append("the pooler (--pooler-url)")
        return None
    from org_common.tools.doctor import servers

    report.checked.append("the pooler")
    profile = scope.environ.get(f"{PREFIX}DATABASE_PROFILE") or PROFILES[0]
    pooler, found = servers.check_pooler(scope.pooler_url, profile=profile)
    report.findings += found
    return pooler


def _deployed(scope: Scope, report: Report) -> tuple[list[Function], int | None]:
    if not scope.aws:
        report.skipped.append("deployed functions, their roles, secrets and builds (--aws)")
        return [], None
    cloud = Cloud()
    functions = _call_aws(report, lambda: cloud.functions(scope.prefix)) or []
    account = _call_aws(report, cloud.account_concurrency)
    report.checked.append(f"{len(functions)} deployed functions")
    apps = {f"{scope.prefix}{name}": app for name, app in scope.apps.items()}
    for missing in sorted(apps.keys() - {function.name for function in functions}):
        report.findings.append(
            Finding(
                "function.missing",
                missing,
                "is an app of the project and no deployed function",
                "deploy it, or say with --prefix what stands in front of its name",
            )
        )
    for function in functions:
        _function(cloud, function, apps.get(function.name), report)
    report.findings += builds.check_versions(functions)
    _builds(scope, report, cloud, functions)
    return functions, account


def _function(cloud: Cloud, function: Function, app: App | None, report: Report) -> None:
    report.findings += variables.secrets(function.environ, function.name, deployed=True)
    if app is None:
        # Not of this project: what it needs, nobody here can say.
        return
    # As it is in Lambda, which sets these by itself.
    environ = {**function.environ, "AWS_LAMBDA_FUNCTION_NAME": function.name}
    report.findings += variables.settings(environ, function.name, needs_login=_use_database([app]))
    needs = app.needs or Needs()
    statements = _call_aws(report, lambda: cloud.statements(function.role))
    if statements is not None:
        report.findings += roles.check(function, needs, statements)
    for reference in [*variables.references(function.environ), *map(Reference.parse, needs.secrets)]:
        if _call_aws(report, partial(cloud.has, reference)) is False:
            report.findings.append(
                Finding(
                    "secret.missing",
                    function.name,
                    f"there is no secret {reference}",
                    "make it, or mend the reference: name, region and account",
                )
            )


def _builds(scope: Scope, report: Report, cloud: Cloud, functions: Sequence[Function]) -> None:
    if scope.build is None:
        report.skipped.append("what was built, beside what is deployed (--build)")
        return
    built = builds.read(scope.build)
    report.checked.append(f"{len(built)} zips of {scope.build}")
    layers = {
        layer: _call_aws(report, partial(cloud.layer_sha256, layer)) for each in functions for layer in each.layers
    }
    zips = {f"{scope.prefix}{name}": stem for name, stem in scope.zips.items()}
    report.findings += builds.check_builds(functions, built, zips, layers)


def _budget(
    scope: Scope,
    report: Report,
    functions: Sequence[Function],
    account: int | None,
    server: Server | None,
    pooler: Pooler | None,
) -> None:
    concurrency: dict[str, int | None] = {
        each.name: each.reserved for each in functions if _has_login(each.environ)
    } | dict(scope.concurrency)
    if not concurrency or (server is None and pooler is None):
        report.skipped.append("the connection budget (a database or a pooler, and --aws or --concurrency)")
        return
    report.checked.append("the connection budget")
    # With the login of the service it has two connections.
    connections = {each.name: 2 for each in functions if _has_login(each.environ, "SERVICE_")}
    demands, found = budget.demands(concurrency, account, connections)
    report.findings += [*found, *budget.check(demands, server, pooler)]


def _call_aws(report: Report, look: Callable[[], T]) -> T | None:
    """What AWS answers; None, and a finding, where it does not let us look."""
    try:
        return look()
    except AwsCallFailed as error:
        report.findings.append(
            Finding(
                "aws.refused", "AWS", str(error), "look with credentials that may read functions, roles and secrets"
            )
        )
        return None


def _url_of(environ: Mapping[str, str], report: Report) -> str | None:
    """The URL that the environment gives, its secret fetched; None without one that can be had."""
    from org_common.db.connections.connection import login_url

    try:
        settings = Settings.from_env(environ)
    except SettingsError:
        # Each of its faults is a finding already.
        return None
    if settings.database_url is None and settings.database_secret is None:
        return None
    try:
        return login_url(settings)()
    except OrgError as error:
        report.findings.append(
            Finding(
                "database.unreachable",
                "the login",
                str(error.__cause__ or error),
                "look with credentials that may read the secret, or name the login with --url",
            )
        )
        return None


def _use_database(apps: Iterable[App]) -> bool:
    return any(route.needs_database for app in apps for route in app.routes)


def _has_login(environ: Mapping[str, str], which: str = "") -> bool:
    return any(environ.get(f"{PREFIX}{which}DATABASE_{form}") for form in ("SECRET", "URL"))
