"""Rules about the roles of requests and of their logins, and about the server."""

from __future__ import annotations

from collections.abc import Iterator

from org_common.db.connections.guard import FLOORS, OLDEST_MAJOR
from org_common.tools.lint.catalog import Role
from org_common.tools.lint.context import Context
from org_common.tools.lint.finding import Problem, rule


def _reach(context: Context) -> Iterator[tuple[Role, Role]]:
    """The logins and roles of requests, each with every role that it is or can become."""
    for role in dict.fromkeys((*context.logins, *context.requests)):
        for oid in sorted(context.settable(role) | context.inherited(role)):
            yield role, context.catalog.roles[oid]


def _can(role: Role, reached: Role) -> str:
    return "it" if role is reached else f"it can become {reached.name}, which"


@rule(
    "role-bypasses-rls",
    "error",
    "A login or role of requests that can bypass row-level security",
    why="One injected `set role`, or one forgotten one, reads the rows of all tenants.",
    fix="Take SUPERUSER and BYPASSRLS from it, or revoke the membership.",
)
def role_bypasses_rls(context: Context) -> Iterator[Problem]:
    for role, reached in _reach(context):
        if reached.superuser or reached.bypasses:
            power = "is a superuser" if reached.superuser else "has BYPASSRLS"
            fix = f"alter role {role.name} nosuperuser nobypassrls"
            yield Problem(
                role.label,
                f"{_can(role, reached)} {power}",
                fix if role is reached else f"revoke {reached.name} from {role.name}",
            )


@rule(
    "role-owns-tables",
    "error",
    "A login or role of requests that owns tables",
    why="An owner can switch row-level security off, change policies and grant rights.",
    fix="Let another role own the tables, one that is out of reach of requests.",
)
def role_owns_tables(context: Context) -> Iterator[Problem]:
    for role, reached in _reach(context):
        owned = [table for table in context.tables if table.owner == reached.oid]
        if owned and not reached.superuser:
            others = f" and {len(owned) - 1} more" if len(owned) > 1 else ""
            yield Problem(
                role.label,
                f"{_can(role, reached)} owns {owned[0].full_name}{others}",
                f"alter table {owned[0].full_name} owner to …"
                if role is reached
                else f"revoke {reached.name} from {role.name}",
            )


@rule(
    "role-raises-itself",
    "error",
    "A login or role of requests that can grant itself other roles",
    why="CREATEROLE, or a membership with ADMIN OPTION, lets a request become what it may grant.",
    fix="Take CREATEROLE from it, or revoke the admin option.",
)
def role_raises_itself(context: Context) -> Iterator[Problem]:
    for role, reached in _reach(context):
        if reached.superuser:
            continue
        if reached.creates_roles:
            yield Problem(
                role.label, f"{_can(role, reached)} has CREATEROLE", f"alter role {reached.name} nocreaterole"
            )
        for membership in context.catalog.memberships:
            if membership.member == reached.oid and membership.admin:
                granted = context.role_name(membership.role)
                yield Problem(
                    role.label,
                    f"{_can(role, reached)} may grant {granted} to others",
                    f"revoke admin option for {granted} from {reached.name}",
                )


@rule(
    "role-creates-objects",
    "error",
    "A role of requests that can create objects",
    why="A table or function of a caller can replace one that a function of another role calls.",
    fix="Revoke CREATE.",
)
def role_creates_objects(context: Context) -> Iterator[Problem]:
    for role in context.requests:
        for schema in sorted(context.catalog.schemas.values(), key=lambda each: each.name):
            held = context.held(schema.grants, schema.owner, role)
            if "CREATE" in held and not role.superuser and context.is_own_schema(schema.name):
                yield Problem(
                    schema.label,
                    f"{role.name} can create objects in it",
                    f"revoke create on schema {schema.name} from {role.name}, public",
                )
        if "CREATE" in context.held(context.catalog.database_grants, 0, role) and not role.superuser:
            yield Problem(
                f"database {context.catalog.database}",
                f"{role.name} can create schemas in it",
                f"revoke create on database {context.catalog.database} from {role.name}, public",
            )


@rule(
    "default-grants",
    "warning",
    "Default privileges that open new tables to requests",
    why="A new table is readable from the moment of its creation, before anyone has enabled row-level security on it.",
    fix="Revoke the default, and grant rights in the migration that creates the policies.",
)
def default_grants(context: Context) -> Iterator[Problem]:
    requests = {role.oid for role in context.requests} | {0}
    opened: dict[tuple[str, str], set[str]] = {}
    for schema, kind, grant in context.catalog.default_grants:
        if kind == "r" and grant.grantee in requests and (not schema or context.is_own_schema(schema)):
            opened.setdefault((schema, context.role_name(grant.grantee)), set()).add(grant.privilege.lower())
    for (schema, role), privileges in sorted(opened.items()):
        where = f" in schema {schema}" if schema else ""
        yield Problem(
            f"schema {schema}" if schema else f"database {context.catalog.database}",
            f"{role} gets {', '.join(sorted(privileges))} on each new table",
            f"alter default privileges{where} revoke all on tables from {role}",
        )


@rule(
    "server-outdated",
    "error",
    "A server version with known bypasses of row-level security",
    why="CVE-2023-2455, CVE-2023-39418, CVE-2024-10976, CVE-2024-10978 and CVE-2025-8713 let queries see rows that"
    " policies hide.",
    fix="Update to the current minor version.",
)
def server_outdated(context: Context) -> Iterator[Problem]:
    major, minor = divmod(context.catalog.version, 10000)
    floor = FLOORS.get(major, 0)
    if major < OLDEST_MAJOR or context.catalog.version < floor:
        wanted = f"{major}.{floor % 10000}" if floor else f"{OLDEST_MAJOR}"
        yield Problem(
            f"database {context.catalog.database}",
            f"the server has version {major}.{minor}, which has known bypasses of row-level security",
            f"update the server to {wanted} or later",
        )
