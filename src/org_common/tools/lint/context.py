"""A catalog together with what the rules need to know of it: who calls, what the tenant column is, who may do what."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from org_common.tools.lint.callers import CallerReaders, tables_named
from org_common.tools.lint.catalog import PUBLIC, Catalog, Column, Function, Grant, Policy, Relation, Role
from org_common.tools.lint.expressions import Conditions, relations
from org_common.tools.project.project import ToolError

# The roles of requests, of org-common and of Supabase.
TENANT_ROLES = ("anon", "authenticated")
# Roles of requests that may see the rows of all tenants.
PLATFORM_ROLES = ("app_sys",)
# The logins that become them.
LOGINS = ("app_login", "authenticator")
TENANT_COLUMNS = ("org_id", "organization_id", "organisation_id", "tenant_id", "company_id", "account_id", "team_id",
                  "workspace_id", "customer_id")  # fmt: skip
# Schemas that Supabase manages. The project cannot change them.
MANAGED = frozenset(
    (
        "auth",
        "storage",
        "realtime",
        "_realtime",
        "vault",
        "extensions",
        "graphql",
        "graphql_public",
        "net",
        "cron",
        "pgsodium",
        "pgsodium_masks",
        "pgbouncer",
        "supabase_functions",
        "supabase_migrations",
    )
)
ROW_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")


# Columns that hold a person, the row itself or a right rather than a tenant.
_PERSONAL = re.compile(
    r"id|uuid|e?mail|(?:.*_)?(?:user|owner|profile|person|member|author|creator|actor|auth|assignee|role)(?:_?u?id|_uuid)?"
    r"|uid|.*_by|role|is_.*|status",
    re.IGNORECASE,
)


def _most_frequent(names: Iterable[str]) -> str | None:
    counts = Counter(name for name in sorted(names) if not _PERSONAL.fullmatch(name))
    return counts.most_common(1)[0][0] if counts else None


@dataclass(frozen=True)
class Options:
    """What the user says about the database. Empty values are detected."""

    roles: Sequence[str] = ()
    """Roles that requests of tenants run as."""
    platform_roles: Sequence[str] = ()
    """Roles of requests that may see the rows of all tenants."""
    logins: Sequence[str] = ()
    """Roles that requests log in as."""
    tenant_column: str | None = None
    """The column that holds the tenant."""


@dataclass(frozen=True)
class Context:
    """A catalog, and the roles and the column that its isolation rests on."""

    catalog: Catalog
    options: Options = field(default_factory=Options)

    # Roles ------------------------------------------------------------------------------------------------------------

    @cached_property
    def callers(self) -> tuple[Role, ...]:
        """The roles that requests of tenants run as."""
        return self._named(self.options.roles) or self._known(TENANT_ROLES) or self._with_rights()

    @cached_property
    def platform(self) -> tuple[Role, ...]:
        """The roles of requests that may see the rows of all tenants."""
        found = self._named(self.options.platform_roles) or self._known(PLATFORM_ROLES)
        return tuple(role for role in found if role not in self.callers)

    @cached_property
    def logins(self) -> tuple[Role, ...]:
        """The roles that requests log in as."""
        found = self._named(self.options.logins) or self._known(LOGINS)
        return found or tuple(role for role in self.callers if role.login)

    @cached_property
    def requests(self) -> tuple[Role, ...]:
        """All roles that requests run as."""
        return self.callers + self.platform

    def _named(self, names: Sequence[str]) -> tuple[Role, ...]:
        missing = [name for name in names if not self._known([name])]
        if missing:
            raise ToolError(f"the server has no role {missing[0]}: check the spelling")
        return self._known(names)

    def _known(self, names: Sequence[str]) -> tuple[Role, ...]:
        by_name = {role.name: role for role in self.catalog.roles.values()}
        return tuple(by_name[name] for name in names if name in by_name)

    def _with_rights(self) -> tuple[Role, ...]:
        """In a database without well-known roles: the logins that may use a table, or else other roles that may."""
        using = [
            role
            for role in sorted(self.catalog.roles.values(), key=lambda role: role.name)
            if not role.superuser and not role.name.startswith("pg_")
            and any(self.rights(relation, role) for relation in self.tables)
        ]  # fmt: skip
        return tuple([role for role in using if role.login] or using)

    def inherited(self, role: Role) -> frozenset[int]:
        """The object ids of the role, and of those whose rights it has without SET ROLE."""
        return self._closure(role.oid, "inherits")

    def settable(self, role: Role) -> frozenset[int]:
        """The object ids of the role, and of those that it may SET ROLE to."""
        return self._closure(role.oid, "sets")

    def _closure(self, start: int, right: str) -> frozenset[int]:
        found, queue = {start}, [start]
        while queue:
            member = queue.pop()
            new = {each.role for each in self.catalog.memberships if each.member == member and getattr(each, right)}
            queue += new - found
            found |= new
        return frozenset(found)

    def role_name(self, oid: int) -> str:
        """The name of a role, "public" for PUBLIC."""
        role = self.catalog.roles.get(oid)
        return role.name if role else "public"

    # Objects of the project -------------------------------------------------------------------------------------------

    def is_own_schema(self, name: str) -> bool:
        """Whether the schema is the project's and not the platform's."""
        owner = self.role_name(self.catalog.schemas[name].owner) if name in self.catalog.schemas else ""
        return not (name in MANAGED and self._known(["supabase_admin"])) and not owner.startswith("supabase_")

    @cached_property
    def relations(self) -> tuple[Relation, ...]:
        """The relations of the project, in the order of their names."""
        own = (each for each in self.catalog.relations.values() if not each.of_extension)
        return tuple(sorted((each for each in own if self.is_own_schema(each.schema)), key=lambda r: r.full_name))

    @cached_property
    def tables(self) -> tuple[Relation, ...]:
        """The tables of the project that can have policies."""
        return tuple(relation for relation in self.relations if relation.is_table)

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """The functions of the project, in the order of their names."""
        own = (each for each in self.catalog.functions.values() if each.own and self.is_own_schema(each.schema))
        return tuple(sorted(own, key=lambda function: function.label))

    @cached_property
    def policies(self) -> tuple[tuple[Relation, Policy], ...]:
        """The policies of the project's tables that apply to a role of a request, each with its table."""
        return tuple(
            (table, policy)
            for table in self.tables
            for policy in table.policies
            if any(self.applies(policy, role) for role in self.requests)
        )

    @cached_property
    def tenant_policies(self) -> tuple[tuple[Relation, Policy], ...]:
        """Of these, the policies that apply to a role of tenants."""
        return tuple(
            (table, policy)
            for table, policy in self.policies
            if any(self.applies(policy, role) for role in self.callers)
        )

    @cached_property
    def tenant(self) -> str | None:
        """The name of the column that holds the tenant; None for a database without one."""
        if self.options.tenant_column:
            return self.options.tenant_column
        counts = Counter(column.name for table in self.tables for column in table.columns)
        best = max(TENANT_COLUMNS, key=lambda name: counts[name])
        return best if counts[best] else self._compared() or self._shared()

    def _compared(self) -> str | None:
        """The column that the policies of most tables compare with a value that depends on the caller."""
        tables = {
            (name, table.oid)
            for table, policy in self.tenant_policies
            for condition in (policy.using, policy.check)
            if condition is not None
            for name in table.column_names(sorted(self.conditions.compared(condition, self.readers.depends)))
        }
        return _most_frequent(name for name, _ in tables)

    def _shared(self) -> str | None:
        """The column that refers to the same table in most secured tables, at least in two."""
        keys = (
            (column, key.target)
            for table in self.tables
            if table.secured
            for key in table.keys
            if key.type == "f" and len(key.columns) == 1
            for column in table.column_names(key.columns)
        )
        counts = Counter((name, target) for name, target in keys if not _PERSONAL.fullmatch(name))
        shared = [name for (name, _), count in sorted(counts.items()) for _ in range(count) if count > 1]
        return _most_frequent(shared)

    def tenant_column(self, relation: Relation) -> Column | None:
        """The tenant column of a table; None for a table that belongs to no tenant."""
        return relation.column(self.tenant) if relation.is_table else None

    # Rights -----------------------------------------------------------------------------------------------------------

    def applies(self, policy: Policy, role: Role) -> bool:
        """Whether a policy is one for this role."""
        return PUBLIC in policy.roles or bool(self.inherited(role) & set(policy.roles))

    def held(self, grants: Sequence[Grant], owner: int, role: Role) -> set[str]:
        """The privileges that the role has by these grants, its own and those of PUBLIC; "OWNER" for an owner."""
        holders = self.inherited(role)
        privileges = {grant.privilege for grant in grants if grant.grantee == PUBLIC or grant.grantee in holders}
        return privileges | ({"OWNER"} if role.superuser or owner in holders else set())

    def uses_schema(self, name: str, role: Role) -> bool:
        """Whether the role may look up objects in the schema."""
        schema = self.catalog.schemas.get(name)
        return schema is None or bool(self.held(schema.grants, schema.owner, role) & {"USAGE", "OWNER"})

    def rights(self, relation: Relation, role: Role) -> set[str]:
        """The rights of the role on a relation, or on at least one of its columns."""
        if not self.uses_schema(relation.schema, role):
            return set()
        held = self.held(relation.grants, relation.owner, role)
        for column in relation.columns:
            held |= self.held(column.grants, 0, role) - {"OWNER"}
        return held

    def column_right(self, relation: Relation, column: Column, privilege: str, role: Role) -> bool:
        """Whether the role has this right on this column."""
        table = self.held(relation.grants, relation.owner, role)
        held = table | self.held(column.grants, 0, role)
        return self.uses_schema(relation.schema, role) and bool(held & {privilege, "OWNER"})

    def holders(self, relation: Relation, privileges: Sequence[str] = ROW_RIGHTS) -> list[Role]:
        """The roles of requests that have one of these rights on a relation or on a column of it."""
        return [role for role in self.requests if self.rights(relation, role) & {*privileges, "OWNER"}]

    def executors(self, function: Function) -> list[Role]:
        """The roles of requests that may call a function."""
        return [
            role
            for role in self.requests
            if self.uses_schema(function.schema, role)
            and self.held(function.grants, function.owner, role) & {"EXECUTE", "OWNER"}
        ]

    # Functions --------------------------------------------------------------------------------------------------------

    @cached_property
    def readers(self) -> CallerReaders:
        """Which functions depend on the caller."""
        return CallerReaders(self.catalog.functions)

    @cached_property
    def conditions(self) -> Conditions:
        """Questions about conditions."""
        return Conditions(self.catalog.operators)

    def relations_of(self, function: Function) -> set[int]:
        """The object ids of the relations that a function's own body names."""
        if function.body is not None:
            return relations(function.body)
        return {
            oid
            for schema, name in tables_named(function.source)
            for each_schema, oid in self._relations_by_name.get(name, ())
            if schema in ("", each_schema)
        }

    @cached_property
    def _relations_by_name(self) -> dict[str, list[tuple[str, int]]]:
        found: dict[str, list[tuple[str, int]]] = {}
        for relation in self.catalog.relations.values():
            found.setdefault(relation.name, []).append((relation.schema, relation.oid))
        return found
