"""Checks the database server and its pooler: row-level security, versions, settings and connection limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import LiteralString

from psycopg.conninfo import conninfo_to_dict

from org_common.tools.database import guard, policies
from org_common.tools.database.bootstrap import missing_extensions
from org_common.tools.database.migrations import SchemaError
from org_common.tools.database.schema import session
from org_common.tools.doctor.budget import Pooler, Server
from org_common.tools.doctor.finding import Finding

_SETTINGS: LiteralString = """
select name, setting from pg_settings where name in (
  'max_connections', 'superuser_reserved_connections', 'reserved_connections', 'ssl', 'password_encryption',
  'idle_session_timeout', 'log_parameter_max_length_on_error')
"""
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1", ""})
# The version in Debian 12. Before 1.17, a client could inject data that it had sent before TLS (CVE-2021-3935).
TRACKING_POOLER = (1, 21)
OLDEST_POOLER = (1, 18)


def check_server(url: str, extensions: Sequence[str] = ()) -> tuple[Server | None, list[Finding]]:
    """The connection limits of the server behind the login's URL, and findings.

    `extensions` are those that the project needs. The limits are None if it is unreachable.
    """
    try:
        findings = [
            Finding("database.guard", "the database", *_split_reason_and_fix(fault))
            for fault in guard.check_database(url)
        ]
        findings += [
            Finding("database.policy", "the database", *_split_reason_and_fix(warning))
            for warning in policies.check_policies(url, guard.ROLES)
        ]
        with session(url, "doctor") as conn:
            settings = dict(conn.execute(_SETTINGS).fetchall())
            findings += [_missing_extension(name) for name in missing_extensions(conn, extensions)]
    except SchemaError as error:
        return None, [_unreachable("database.unreachable", "the database", error)]
    local = str(conninfo_to_dict(url).get("host") or "") in _LOCAL or str(conninfo_to_dict(url)["host"]).startswith("/")
    findings += _setting_findings(settings, local=local)
    reserved = int(settings["superuser_reserved_connections"]) + int(settings.get("reserved_connections", 0))
    return Server(int(settings["max_connections"]), reserved), findings


def check_pooler(url: str, *, profile: str) -> tuple[Pooler | None, list[Finding]]:
    """The limits of PgBouncer, and findings. `url` is that of its admin console, the database `pgbouncer`."""
    try:
        with session(url, "doctor") as console:
            version = str((console.execute("show version").fetchone() or ("",))[0])
            config = {str(row[0]): str(row[1] or "") for row in console.execute("show config")}
            # One pool per user and database, without that of the admin console.
            pools = [row for row in console.execute("show pools") if row[0] != "pgbouncer"]
    except SchemaError as error:
        return None, [_unreachable("pooler.unreachable", "the pooler", error)]
    pooler = Pooler(
        max_clients=int(config["max_client_conn"]),
        pool_size=int(config["default_pool_size"]),
        pools=max(len(pools), 1),
        reserve_size=int(config.get("reserve_pool_size") or 0),
    )
    return pooler, list(_pooler_findings(version, config, profile))


def _setting_findings(settings: Mapping[str, str], *, local: bool) -> Iterator[Finding]:
    if settings["ssl"] != "on" and not local:
        yield Finding(
            "database.setting", "ssl", "is off on a remote server, so connections are not encrypted", "set ssl = on"
        )
    if settings["password_encryption"] != "scram-sha-256":  # noqa: S105 - a setting's value
        yield Finding(
            "database.setting",
            "password_encryption",
            f"is {settings['password_encryption']}: a stolen password hash is enough to log in",
            "set it to scram-sha-256, then set each password again",
        )
    if settings.get("idle_session_timeout", "0") != "0":
        yield Finding(
            "database.setting",
            "idle_session_timeout",
            "closes the connections of idle environments, so their next request has to reconnect",
            "set it to 0 for app_login; idle transactions have a separate timeout",
        )
    if settings.get("log_parameter_max_length_on_error", "0") != "0":
        yield Finding(
            "database.setting",
            "log_parameter_max_length_on_error",
            "writes request values and claims to the server's log",
            "set it to 0",
        )


def _pooler_findings(version: str, config: Mapping[str, str], profile: str) -> Iterator[Finding]:
    number = tuple(int(part) for part in version.rsplit(maxsplit=1)[-1].split(".")[:2] if part.isdigit())
    if number < OLDEST_POOLER:
        yield Finding("pooler.version", "the pooler", f"{version} is older than 1.18", "upgrade to 1.18 or newer")
    if config["pool_mode"] != "transaction":
        yield Finding(
            "pooler.setting",
            "pool_mode",
            f"is {config['pool_mode']}: a frozen environment keeps its server connection",
            "set pool_mode = transaction",
        )
    if profile == "direct":
        yield Finding(
            "pooler.setting",
            "ORG_COMMON_DATABASE_PROFILE",
            "is direct, but connections go through a pooler: they can have prepared statements of other clients",
            "set it to transaction-pooler",
        )
    if profile == "pgbouncer" and not (number >= TRACKING_POOLER and int(config.get("max_prepared_statements") or 0)):
        yield Finding(
            "pooler.setting",
            "max_prepared_statements",
            f"is 0, or missing in {version}: profile pgbouncer is for one that keeps track of prepared statements",
            "use PgBouncer 1.21 or newer and set max_prepared_statements = 100",
        )
    wait_s = float(config.get("query_wait_timeout") or 0)
    if wait_s == 0 or wait_s > 30:
        yield Finding(
            "pooler.setting",
            "query_wait_timeout",
            f"is {wait_s:g} s: requests stay in the queue after their callers have timed out",
            "set it to 20 or less",
        )


def _missing_extension(name: str) -> Finding:
    return Finding(
        "database.extension",
        name,
        "is in extensions of pyproject.toml, but not created in this database",
        f"run `org-common db bootstrap` as the admin, or: create extension {name} with schema public;",
    )


def _split_reason_and_fix(fault: str) -> tuple[str, str]:
    """Reason and fix of a violation. The guard writes the fix after the first colon."""
    reason, colon, fix = fault.partition(": ")
    return (reason, fix) if colon else (fault, "run `org-common db guard`")


def _unreachable(id: str, subject: str, error: SchemaError) -> Finding:
    return Finding(
        id, subject, str(error), "correct its URL, or pass one that this machine can reach with --url or --pooler-url"
    )
