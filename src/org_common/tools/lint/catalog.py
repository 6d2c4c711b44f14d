"""A snapshot of the part of a database's catalog that the rules look at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from org_common.tools.lint.nodes import Node, parse

_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")

PUBLIC = 0
"""The object id of PUBLIC, every role, in grants and policies."""


def quoted(name: str) -> str:
    """A name as SQL writes it: with quotes if it has capitals, spaces or other characters that need them."""
    return name if _PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class Grant:
    """A right that a role was given on an object."""

    grantee: int
    """Object id of the role, or `PUBLIC`."""
    privilege: str
    """In capitals: "SELECT"."""


@dataclass(frozen=True)
class Role:
    """A role of the server."""

    oid: int
    name: str
    superuser: bool
    bypasses: bool
    """Whether it has BYPASSRLS."""
    creates_roles: bool
    login: bool
    comment: str | None = None

    @property
    def label(self) -> str:
        """How findings name it."""
        return f"role {self.name}"


@dataclass(frozen=True)
class Membership:
    """That one role is a member of another."""

    role: int
    """The role that was granted."""
    member: int
    admin: bool
    """Whether the member may grant it to others."""
    inherits: bool
    """Whether the member has the role's rights without SET ROLE."""
    sets: bool
    """Whether the member may SET ROLE to it."""


@dataclass(frozen=True)
class Schema:
    """A schema that is not one of PostgreSQL's own."""

    oid: int
    name: str
    owner: int
    grants: tuple[Grant, ...]
    comment: str | None = None

    @property
    def label(self) -> str:
        """How findings name it."""
        return f"schema {self.name}"


@dataclass(frozen=True)
class Column:
    """A column of a table or view."""

    number: int
    name: str
    type: str
    """Name of its type, or of the type that its domain is based on: "uuid"."""
    nullable: bool
    generated: bool
    """Whether PostgreSQL alone chooses its value."""
    grants: tuple[Grant, ...]
    """Rights on this column alone."""
    comment: str | None = None


@dataclass(frozen=True)
class Policy:
    """A policy of row-level security."""

    table: int
    name: str
    command: str
    """"select", "insert", "update", "delete" or "all"."""
    permissive: bool
    roles: tuple[int, ...]
    """Object ids of its roles, `PUBLIC` among them."""
    using_tree: str | None
    check_tree: str | None
    using_text: str | None
    check_text: str | None
    comment: str | None = None

    @cached_property
    def using(self) -> Node | None:
        """The condition for existing rows; None without one."""
        return parse(self.using_tree)

    @cached_property
    def check(self) -> Node | None:
        """The condition for new rows as it was written; None where PostgreSQL takes `using`."""
        return parse(self.check_tree)

    def applies(self, command: str) -> bool:
        """Whether it is one for this command."""
        return self.command in (command, "all")


@dataclass(frozen=True)
class Key:
    """A constraint: a primary key, a unique one, or a foreign key."""

    name: str
    type: str
    """"p", "u" or "f"."""
    columns: tuple[int, ...]
    target: int
    """Object id of the table that a foreign key refers to; 0 for others."""
    target_columns: tuple[int, ...]
    on_delete: str
    """"a" (no action), "r", "c" (cascade), "n" (set null) or "d" (set default)."""
    cleared: tuple[int, ...]
    """Columns that `on delete set null` names; empty for all."""
    comment: str | None = None


@dataclass(frozen=True)
class Index:
    """An index. Object ids of columns are 0 where it has an expression."""

    name: str
    unique: bool
    usable: bool
    """Whether it is valid and covers all rows."""
    columns: tuple[int, ...]
    of_constraint: bool
    comment: str | None = None
    partial: bool = False
    """Whether it is valid and covers the rows of its predicate."""
    predicate_tree: str | None = None

    @cached_property
    def predicate(self) -> Node | None:
        """The condition of the rows that a partial index covers."""
        return parse(self.predicate_tree)


@dataclass(frozen=True)
class Trigger:
    """A trigger of a table."""

    name: str
    function: int
    on_insert: bool
    on_update: bool


@dataclass(frozen=True)
class Relation:
    """A table, view, materialized view, foreign table or sequence."""

    oid: int
    schema: str
    name: str
    kind: str
    """As in `pg_class.relkind`: "r", "p" (partitioned), "v", "m", "f" or "S"."""
    owner: int
    secured: bool
    """Whether row-level security is on."""
    forced: bool
    """Whether it applies to the owner too."""
    invoker: bool
    """Whether a view has `security_invoker`."""
    parents: tuple[int, ...]
    """The tables that it is a partition of or inherits from."""
    of_extension: bool
    grants: tuple[Grant, ...]
    columns: tuple[Column, ...] = ()
    keys: tuple[Key, ...] = ()
    indexes: tuple[Index, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    policies: tuple[Policy, ...] = ()
    reads: tuple[int, ...] = ()
    """Relations that a view reads."""
    barrier: bool = False
    """Whether a view has `security_barrier`."""
    tree: str | None = None
    """The parsed query of a view."""
    comment: str | None = None

    @property
    def full_name(self) -> str:
        """With its schema, as SQL writes it: "shop.orders"."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    @property
    def label(self) -> str:
        """How findings name it."""
        kinds = {"v": "view", "m": "materialized view", "f": "foreign table", "S": "sequence"}
        return f"{kinds.get(self.kind, 'table')} {self.schema}.{self.name}"

    @property
    def is_table(self) -> bool:
        """Whether it is a table that can have policies."""
        return self.kind in ("r", "p")

    @cached_property
    def query(self) -> Node | None:
        """The query of a view; None for others."""
        rule = _first(self.tree)
        return next(iter(rule.nodes("queries")), None) if rule is not None else None

    def column(self, name: str | None) -> Column | None:
        """The column with this name; None without one."""
        return next((column for column in self.columns if column.name == name), None)

    def column_names(self, numbers: Sequence[int]) -> list[str]:
        """The names of columns with these numbers, in their order."""
        names = {column.number: column.name for column in self.columns}
        return [names.get(number, "(expression)") for number in numbers]


@dataclass(frozen=True)
class Function:
    """A function or procedure of the database, or one of the few of PostgreSQL itself that tell who calls."""

    oid: int
    schema: str
    name: str
    arguments: str
    """As PostgreSQL prints them, for its identity: "org_id uuid"."""
    owner: int
    language: str
    definer: bool
    leakproof: bool
    volatility: str
    """"i" (immutable), "s" (stable) or "v" (volatile)."""
    is_trigger: bool
    own: bool
    """False for a function of PostgreSQL, which has no body here."""
    search_path: str | None
    """The value of its SET clause; None without one."""
    source: str
    tree: str | None
    """The parsed body of the SQL-standard form."""
    parameters: tuple[str, ...]
    """Names of its input parameters."""
    grants: tuple[Grant, ...]
    comment: str | None = None

    @property
    def full_name(self) -> str:
        """With its schema, as SQL writes it: "shop.total"."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    @property
    def label(self) -> str:
        """How findings name it."""
        return f"function {self.full_name}({self.arguments})"

    @cached_property
    def body(self) -> Node | None:
        """The tree of a body in SQL-standard form; None for a body that is a string."""
        return parse(self.tree) or _first(self.tree)


def _first(tree: str | None) -> Node | None:
    """A list of queries, as of a view, or of lists of queries, as of `begin atomic … end`: as one node."""
    return parse("{BODY :queries " + tree + "}") if tree else None


@dataclass(frozen=True)
class Catalog:
    """What the rules know of a database: no rows of tables, and nothing that a role without rights could not read."""

    database: str
    version: int
    """As in `server_version_num`: 180004."""
    user: str
    """The role that read the catalog."""
    database_grants: tuple[Grant, ...]
    roles: Mapping[int, Role]
    memberships: tuple[Membership, ...]
    schemas: Mapping[str, Schema]
    relations: Mapping[int, Relation]
    functions: Mapping[int, Function]
    operators: Mapping[int, str]
    """The names of operators: "="."""
    database_comment: str | None = None
    default_grants: tuple[tuple[str, str, Grant], ...] = field(default=())
    """What new objects are granted: the schema ("" for all), the kind of object, and the grant."""
