"""Runs the doctor's checks, and reports what was checked, what was not, and the findings."""

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
from org_common.tools.doctor.needs import needs_of
from org_common.tools.openapi import declarations
from org_common.values.errors import OrgError
from org_common.values.secret import Reference

T = TypeVar("T")


@dataclass(frozen=True)
class Scope:
    """What to check."""

    apps: Mapping[str, App] = field(default_factory=dict)
    """The project's apps by name."""
    zips: Mapping[str, str] = field(default_factory=dict)
    """Names of the built zips, without suffix, by app name."""
    extensions: Sequence[str] = ()
    """PostgreSQL extensions that the project needs."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """The local environment."""
    url: str | None = None
    """URL of the functions' login; None for the one in `environ`."""
    pooler_url: str | None = None
    """URL of PgBouncer's admin console."""
    aws: bool = False
    """Also check deployed functions."""
    prefix: str = ""
    """Prefix of the function names: a function is named prefix + app name."""
    region: str | None = None
    """Region of the deployed functions; None for the one of the AWS settings."""
    build: Path | None = None
    """Folder with built zips, to compare with what is deployed."""
    concurrency: Mapping[str, int] = field(default_factory=dict)
    """Concurrency by function name, for the connection budget; replaces what AWS reports."""


@dataclass
class Report:
    """The result of the checks."""

    findings: list[Finding] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    """What was not checked, each with the options that it needs."""

    @property
    def faults(self) -> int:
        """Number of findings of the level "fault"."""
        return sum(finding.level == "fault" for finding in self.findings)


def examine(scope: Scope) -> Report:
    """Run all checks in the scope. A check that fails to run does not prevent the others."""
    report = Report()
    _local(scope, report)
    server = _database(scope, report)
    pooler = _pooler(scope, report)
    functions, account = _deployed(scope, report)
    _budget(scope, report, functions, account, server, pooler)
    return report


def _local(scope: Scope, report: Report) -> None:
    if scope.apps:
        report.checked.append("routes")
        for fault in declarations.find([*scope.apps.values()]):
            place, _, reason = fault.partition(": ")
            report.findings.append(
                Finding(
                    "route.broken", place, reason, "Correct the declaration: every request of this route would fail"
                )
            )
    report.checked.append("this environment")
    deployed = in_lambda(scope.environ)
    # Only functions need a login: a developer's machine works without one.
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
    server, findings = servers.check_server(url, scope.extensions)
    report.findings += findings
    return server


def _pooler(scope: Scope, report: Report) -> Pooler | None:
    if scope.pooler_url is None:
        report.skipped.append("the pooler (--pooler-url)")
        return None
    from org_common.tools.doctor import servers

    report.checked.append("the pooler")
    profile = scope.environ.get(f"{PREFIX}DATABASE_PROFILE") or PROFILES[0]
    pooler, findings = servers.check_pooler(scope.pooler_url, profile=profile)
    report.findings += findings
    return pooler


def _deployed(scope: Scope, report: Report) -> tuple[list[Function], int | None]:
    if not scope.aws:
        report.skipped.append("deployed functions, their roles, secrets and builds (--aws)")
        return [], None
    cloud = Cloud(scope.region)
    functions = _call_aws(report, lambda: cloud.functions(scope.prefix)) or []
    account = _call_aws(report, cloud.account_concurrency)
    report.checked.append(f"{len(functions)} deployed functions")
    apps = {f"{scope.prefix}{name}": app for name, app in scope.apps.items()}
    for missing in sorted(apps.keys() - {function.name for function in functions}):
        report.findings.append(
            Finding(
                "function.missing",
                missing,
                "is an app of the project, but no function with this name is deployed",
                "deploy it, or pass the prefix of the function names with --prefix. Example: --prefix prod-",
            )
        )
    for function in functions:
        _function(cloud, function, apps.get(function.name), scope, report)
    report.findings += builds.check_versions(functions)
    _builds(scope, report, cloud, functions)
    return functions, account


def _function(cloud: Cloud, function: Function, app: App | None, scope: Scope, report: Report) -> None:
    report.findings += variables.secrets(function.environ, function.name, deployed=True)
    if app is None:
        # Not an app of this project: its needs are unknown.
        return
    # Lambda sets this variable automatically.
    environ = {**function.environ, "AWS_LAMBDA_FUNCTION_NAME": function.name}
    report.findings += variables.settings(environ, function.name, needs_login=_use_database([app]))
    statements = _call_aws(report, lambda: cloud.statements(function.role))
    if statements is not None:
        report.findings += roles.check(function, needs_of(app, scope.prefix, statements), statements)
    for reference in [*variables.references(function.environ), *map(Reference.parse, (app.needs or Needs()).secrets)]:
        if _call_aws(report, partial(cloud.has, reference)) is False:
            report.findings.append(
                Finding(
                    "secret.missing",
                    function.name,
                    f"the secret {reference} does not exist",
                    "create it, or correct the name, region or account in the reference",
                )
            )


def _builds(scope: Scope, report: Report, cloud: Cloud, functions: Sequence[Function]) -> None:
    if scope.build is None:
        report.skipped.append("deployed functions against built zips (--build)")
        return
    built = builds.read(scope.build)
    report.checked.append(f"{len(built)} zips of {scope.build}")
    layers = {
        layer: _call_aws(report, partial(cloud.layer_sha256, layer))
        for function in functions
        for layer in function.layers
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
        function.name: function.reserved for function in functions if _has_login(function.environ)
    } | dict(scope.concurrency)
    if not concurrency or (server is None and pooler is None):
        report.skipped.append("the connection budget (database or pooler, and --aws or --concurrency)")
        return
    report.checked.append("the connection budget")
    # A function that also has the service login opens two connections per environment.
    connections = {function.name: 2 for function in functions if _has_login(function.environ, "SERVICE_")}
    demands, findings = budget.demands(concurrency, account, connections)
    report.findings += [*findings, *budget.check(demands, server, pooler)]


def _call_aws(report: Report, look: Callable[[], T]) -> T | None:
    """The result of a call to AWS; None, and a finding, if the call fails."""
    try:
        return look()
    except AwsCallFailed as error:
        report.findings.append(
            Finding("aws.refused", "AWS", str(error), "use credentials that can read functions, roles and secrets")
        )
        return None


def _url_of(environ: Mapping[str, str], report: Report) -> str | None:
    """The URL of the login in the environment, read from its secret if it is in one; None if there is no usable URL."""
    from org_common.db.connections.connection import login_url

    try:
        settings = Settings.from_env(environ)
    except SettingsError:
        # Each of these errors is a finding already.
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
                "use credentials that can read the secret, or pass the login's URL with --url",
            )
        )
        return None


def _use_database(apps: Iterable[App]) -> bool:
    return any(route.needs_database for app in apps for route in app.routes)


def _has_login(environ: Mapping[str, str], which: str = "") -> bool:
    return any(environ.get(f"{PREFIX}{which}DATABASE_{suffix}") for suffix in ("SECRET", "URL"))
