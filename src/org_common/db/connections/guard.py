"""Check at startup: the SDK refuses to serve requests where a login or a table lets them bypass row-level security.

One catalog query, sent once per environment in the round trip of its first transaction, before role and claims.
`org-common db guard` checks more, and reports all of it as faults.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Sequence

from psycopg.pq.abc import PGresult

from org_common.db.protocol.statement import Wire, prepare_own
from org_common.values.errors import OrgError

logger: logging.Logger = logging.getLogger(__name__)

# The oldest minor of each major without known bypasses of row-level security: CVE-2023-2455, CVE-2023-39418,
# CVE-2024-10976, CVE-2024-10978, CVE-2025-8713. Majors after 17 are free of all of them.
FLOORS = {15: 150014, 16: 160010, 17: 170006}
OLDEST_MAJOR = 15

# The roles of a transaction. Any other role that the login can become is open to an injected `set_config('role', …)`.
REACHABLE = frozenset({"anon", "authenticated", "app_sys"})
# Roles of the SDK that see the rows of all tenants.
HARMFUL = frozenset({"app_migrator", "app_rules", "app_service"})
# Roles by which platforms mark how a login authenticates; they hold no rights.
MARKS = frozenset({"rds_iam", "rds_password", "cloudsqliamuser", "cloudsqliamserviceaccount"})

# Every role that the login is a member of, itself included. A superuser is a member of all. Then what the roles of a
# transaction can use without row-level security, without objects of extensions (PostGIS has such a table).
STATEMENT: Wire = prepare_own(
    """select current_setting('server_version_num'), (
  select json_agg(json_build_object(
    'name', r.rolname,
    'login', r.rolname = session_user,
    'superuser', r.rolsuper,
    'bypasses', r.rolbypassrls,
    'inherited', r.rolname <> session_user and pg_has_role(session_user, r.oid, 'usage'),
    'owns', exists (
      select from pg_shdepend d
      where d.refclassid = 'pg_authid'::regclass and d.refobjid = r.oid and d.deptype = 'o'
    )
  ))
  from pg_roles r where pg_has_role(session_user, r.oid, 'member')
), (
  select json_agg(json_build_object('name', name, 'protected', protected, 'roles', roles) order by name)
  from (
    select c.relnamespace::regnamespace::text || '.' || quote_ident(c.relname) as name,
      c.relkind in ('r', 'p') and (
        exists (select from pg_policy p where p.polrelid = c.oid) or exists (
          select from pg_inherits i join pg_class parent on parent.oid = i.inhparent
          where i.inhrelid = c.oid and parent.relrowsecurity
        )
      ) as protected,
      (
        select string_agg(r.rolname, ', ' order by r.rolname) from pg_roles r
        where r.rolname in ('anon', 'authenticated', 'app_sys')
          and has_schema_privilege(r.oid, c.relnamespace, 'usage') and (
            has_any_column_privilege(r.oid, c.oid, 'select, insert, update')
            or has_table_privilege(r.oid, c.oid, 'delete, truncate')
          )
      ) as roles
    from pg_class c
    -- From 16384 on: what initdb has not created.
    where c.oid >= 16384 and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relrowsecurity
      and c.relpersistence <> 't'
      and (c.relkind <> 'v' or not coalesce(c.reloptions::text ~ 'security_invoker=(true|on|1|yes)', false))
      and (
        select count(*) from pg_depend d
        where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
      ) = 0
    offset 0
  ) exposed where roles is not null
)"""
).bind(None)


class Misconfigured(Exception):
    """The database or its login is set up so that tenants could see each other's rows. The message names the fix."""


class Guard:
    """The result of the login check in this environment. It runs until it has passed once."""

    __slots__ = ("passed",)

    def __init__(self) -> None:
        self.passed: bool = False

    def judge(self, result: PGresult) -> None:
        """Pass, or raise `OrgError` (500) with `Misconfigured` as the cause for the log."""
        version, roles = int(result.get_value(0, 0) or 0), json.loads(result.get_value(0, 1) or b"[]")
        tables = json.loads(result.get_value(0, 2) or b"[]")
        strangers = _strangers(roles)
        found = faults(version, roles, strangers) + [_table_fault(table) for table in tables if table["protected"]]
        if found:
            logger.critical("refusing to serve: %s", "; ".join(found))
            raise OrgError(code="misconfigured") from Misconfigured("; ".join(found))
        if strangers:
            # Not refused: a platform may grant its logins roles that the SDK does not know.
            logger.warning(
                "the login can become %s: run `org-common db guard` to see how to revoke or allow this",
                ", ".join(strangers),
            )
        if tables:
            # Not refused either: a list of countries needs no policy, and a view may run as its owner on purpose.
            logger.warning(
                "requests can use %s without row-level security: run `org-common db guard` to see how to protect them",
                ", ".join(str(table["name"]) for table in tables),
            )
        self.passed = True


def _strangers(roles: Sequence[dict[str, object]]) -> list[str]:
    """Roles that the login can become and that are neither known as needed nor as harmful."""
    names = [str(role["name"]) for role in roles if not role["login"]]
    return [name for name in names if not (name.startswith("pg_") or name in HARMFUL | REACHABLE | MARKS)]


def faults(version: int, roles: Sequence[dict[str, object]], also: Collection[str] = ()) -> list[str]:
    """All violations, each with its fix. `version` is `server_version_num`, `roles` is the result of `STATEMENT`.

    `also`: roles that the login may become in addition to those of a transaction.
    """
    # A superuser is a member of every role: report only that.
    powerful = [role for role in roles if role["login"] and role["superuser"]]
    login = next((str(role["name"]) for role in roles if role["login"]), "the login")
    found = _version_faults(version)
    expected = {login, *REACHABLE, *MARKS, *also}
    for role in powerful or roles:
        if role["name"] in expected or role["superuser"] or role["bypasses"]:
            found += _role_faults(role)
        else:
            found.append(
                f"the login can become {role['name']}, which no request runs as: "
                f"`revoke {role['name']} from {login}`, or from the role through which it is a member"
            )
    return found


def _table_fault(table: dict[str, object]) -> str:
    """Of a table with policies that are not in force, or a partition that bypasses the policies of its parent."""
    name = table["name"]
    return (
        f"{table['roles']} can use {name}, whose row-level security is off: "
        f"`alter table {name} enable row level security, force row level security`"
    )


def _version_faults(version: int) -> list[str]:
    major = version // 10000
    floor = FLOORS.get(major, 0)
    if major >= OLDEST_MAJOR and version >= floor:
        return []
    wanted = floor or FLOORS[OLDEST_MAJOR]
    return [
        (
            f"PostgreSQL {major}.{version % 10000} has known bypasses of row-level security: "
            f"update to {wanted // 10000}.{wanted % 10000} or later"
        )
    ]


def _role_faults(role: dict[str, object]) -> list[str]:
    name = role["name"]
    whose = f"the login {name}" if role["login"] else f"{name}, a role that the login can become,"
    found = []
    if role["superuser"]:
        found.append(f"{whose} is a superuser: log in as app_login, and `alter role {name} nosuperuser` or revoke it")
    elif role["bypasses"]:
        found.append(
            f"{whose} bypasses row-level security: `alter role {name} nobypassrls`, or revoke it from the login"
        )
    if role["owns"] and not role["superuser"]:
        found.append(
            f"{whose} owns objects, and an owner can switch row-level security off: "
            f"`reassign owned by {name} to app_migrator`"
        )
    if role["inherited"] and not role["superuser"]:
        found.append(
            f"the login has the rights of {name} without becoming it: "
            "`alter role … noinherit`, and grant it `with inherit false`"
        )
    return found
