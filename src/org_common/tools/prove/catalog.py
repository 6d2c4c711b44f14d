"""What the catalog of a database says about its tables, keys, functions and rights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

PRIVILEGES = ("select", "insert", "update", "delete", "truncate", "references", "trigger")
BY_COLUMN = ("select", "insert", "update")

_SCHEMAS: LiteralString = """
    select n.oid from pg_namespace n
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
      and (%(schemas)s::text[] is null or n.nspname = any (%(schemas)s))"""
_NOT_OF_EXTENSIONS: LiteralString = """
    not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')"""
_TABLES: LiteralString = f"""
select c.oid, n.nspname || '.' || c.relname as name, c.relkind::text as kind, c.relispartition as is_partition,
       c.relrowsecurity as has_rls, c.relforcerowsecurity as is_forced, r.rolname as owner,
       r.rolsuper or r.rolbypassrls as owner_bypasses
from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_roles r on r.oid = c.relowner
where c.relnamespace in ({_SCHEMAS}) and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and {_NOT_OF_EXTENSIONS}
order by 2"""
_COLUMNS: LiteralString = f"""
select a.attrelid as oid, a.attname as name,
       format_type(coalesce(nullif(t.typbasetype, 0), t.oid), coalesce(nullif(t.typtypmod, -1), a.atttypmod)) as base,
       format_type(a.atttypid, a.atttypmod) as type, a.attnotnull or t.typnotnull as is_required,
       a.atthasdef or a.attidentity <> '' as has_default, a.attgenerated <> '' or a.attidentity = 'a' as is_generated,
       array(select e.enumlabel::text from pg_enum e
             where e.enumtypid in (t.oid, t.typbasetype) order by e.enumsortorder) as labels,
       array(select pg_get_constraintdef(k.oid) from pg_constraint k
             where k.contypid = t.oid and k.contype = 'c' order by k.conname) as checks
from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_type t on t.oid = a.atttypid
where c.relnamespace in ({_SCHEMAS}) and c.relkind in ('r', 'p', 'v', 'm', 'f') and a.attnum > 0 and not a.attisdropped
order by a.attrelid, a.attnum"""
_CONSTRAINTS: LiteralString = f"""
select c.conrelid as oid, c.conname as name, c.contype::text as kind, c.confrelid as parent,
       pg_get_constraintdef(c.oid) as definition, pg_get_expr(c.conbin, c.conrelid) as expression,
       array(select a.attname::text from unnest(c.conkey) with ordinality k (num, at)
             join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.num order by k.at) as columns,
       array(select a.attname::text from unnest(c.confkey) with ordinality k (num, at)
             join pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.num order by k.at) as parent_columns
from pg_constraint c
where c.conrelid in (select oid from pg_class where relnamespace in ({_SCHEMAS}))
  and c.contype in ('p', 'f', 'c') and c.conparentid = 0
order by c.conrelid, c.contype, c.conname"""
_UNIQUE: LiteralString = f"""
select i.indrelid as oid, c.relname as name, i.indisprimary as is_primary,
       array(select a.attname::text from unnest(i.indkey[0:i.indnkeyatts - 1]) with ordinality k (num, at)
             join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.num order by k.at) as columns
from pg_index i join pg_class c on c.oid = i.indexrelid
where c.relnamespace in ({_SCHEMAS}) and i.indisunique and 0 <> all (i.indkey) order by 1, 2"""
_TRIGGERS: LiteralString = f"""
select t.tgrelid as oid, t.tgname as name, t.tgenabled <> 'D' as is_enabled
from pg_trigger t join pg_class c on c.oid = t.tgrelid
where c.relnamespace in ({_SCHEMAS}) and not t.tgisinternal order by 1, 2"""
_FUNCTIONS: LiteralString = f"""
select c.oid, n.nspname || '.' || c.proname as name, pg_get_function_identity_arguments(c.oid) as identity,
       c.prosecdef as is_definer, c.provolatile = 'v' as is_volatile, c.prorettype = 'void'::regtype as is_void,
       c.prosrc as body, r.rolname as owner, c.proretset as returns_set,
       coalesce(c.proargnames[1:c.pronargs], '{{}}')::text[] as names,
       array(select format_type(a, null) from unnest(c.proargtypes) with ordinality u (a, at) order by u.at) as types
from pg_proc c join pg_namespace n on n.oid = c.pronamespace join pg_roles r on r.oid = c.proowner
where c.pronamespace in ({_SCHEMAS}) and c.prokind = 'f'
  and c.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
  and {_NOT_OF_EXTENSIONS}
order by 2, 3"""
# Roles with a grant on anything, roles of policies, and owners. 0 is PUBLIC.
_ROLES: LiteralString = f"""
select distinct r.rolname::text from pg_roles r
where not r.rolsuper and not r.rolbypassrls and r.rolname !~ '^pg_' and r.oid in (
  select a.grantee from pg_class c, aclexplode(c.relacl) a where c.relnamespace in ({_SCHEMAS})
  union select a.grantee from pg_attribute t join pg_class c on c.oid = t.attrelid, aclexplode(t.attacl) a
        where c.relnamespace in ({_SCHEMAS})
  union select a.grantee from pg_proc p, aclexplode(p.proacl) a where p.pronamespace in ({_SCHEMAS})
  union select unnest(p.polroles) from pg_policy p
  union select c.relowner from pg_class c where c.relnamespace in ({_SCHEMAS}) and c.relkind in ('r', 'p')
) order by 1"""
# The roles of which a role is a member with INHERIT, by its name.
_INHERITS: LiteralString = """
select m.rolname::text, array_agg(g.rolname::text order by g.rolname)
from pg_roles m, pg_roles g
where m.rolname = any (%(roles)s::text[]) and g.oid <> m.oid and pg_has_role(m.oid, g.oid, 'usage') group by 1"""


@dataclass(frozen=True)
class Column:
    """A column of a table, a view or a foreign table."""

    name: str
    """Its name."""
    type: str
    """Its type, "app.org_role"."""
    base: str
    """The type under a domain, "text"; otherwise the same as `type`."""
    labels: tuple[str, ...]
    """The labels of its enum."""
    checks: tuple[str, ...]
    """The constraints of its domain."""
    is_required: bool = False
    """Whether it or its domain is NOT NULL."""
    has_default: bool = False
    """Whether it has a default or is an identity."""
    is_generated: bool = False
    """Whether a statement cannot set it."""


@dataclass(frozen=True)
class Check:
    """A CHECK constraint of a table."""

    name: str
    """Its name."""
    expression: str
    """Its condition, over the names of the columns."""
    columns: tuple[str, ...]
    """The columns in it."""


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key, of any number of columns."""

    name: str
    """Its name."""
    columns: tuple[str, ...]
    """Columns of the referencing table."""
    parent: str
    """The referenced table."""
    parent_columns: tuple[str, ...]
    """Columns of the referenced table, in the order of `columns`."""
    definition: str
    """The definition, for `alter table … add constraint`."""


@dataclass(frozen=True)
class UniqueKey:
    """A unique index on columns, partial or not."""

    name: str
    """Name of the index."""
    is_primary: bool
    """Whether it is the primary key."""
    columns: tuple[str, ...]
    """Its columns."""


@dataclass
class Relation:
    """A table, view, materialized view, foreign table or sequence."""

    oid: int
    """Its oid."""
    name: str
    """Name with the schema, "access.orgs"."""
    kind: str
    """`relkind`: "r", "p", "v", "m", "f" or "S"."""
    is_partition: bool
    """Whether it is a partition of another table."""
    has_rls: bool
    """Whether row-level security is enabled."""
    is_forced: bool
    """Whether row-level security applies to the owner too."""
    owner: str
    """The role that owns it."""
    owner_bypasses: bool
    """Whether that role is a superuser or has BYPASSRLS."""
    columns: dict[str, Column] = field(default_factory=dict)
    """The columns by name."""
    checks: list[Check] = field(default_factory=list)
    """The CHECK constraints."""
    keys: list[ForeignKey] = field(default_factory=list)
    """The foreign keys."""
    unique: list[UniqueKey] = field(default_factory=list)
    """The unique indexes on columns."""
    triggers: dict[str, bool] = field(default_factory=dict)
    """The triggers by name, and whether each is enabled."""

    @property
    def is_table(self) -> bool:
        """Whether rows can be inserted: a table that is not a partition."""
        return self.kind in ("r", "p") and not self.is_partition

    @property
    def primary(self) -> tuple[str, ...]:
        """The columns of the primary key, or of another unique key; all columns without one."""
        keys = sorted(self.unique, key=lambda key: not key.is_primary)
        return keys[0].columns if keys else tuple(self.columns)


@dataclass(frozen=True)
class Function:
    """A function that a role may call."""

    oid: int
    """Its oid."""
    name: str
    """Name with the schema, "access.me"."""
    identity: str
    """The types of its arguments, which tell overloads apart."""
    is_definer: bool
    """Whether it runs with the rights of its owner."""
    is_volatile: bool
    """Whether it may change rows."""
    is_void: bool
    """Whether it returns void."""
    body: str
    """The source; empty for an SQL-standard body."""
    owner: str
    """The role that owns it."""
    returns_set: bool
    """Whether it returns rows."""
    names: tuple[str, ...]
    """Names of its parameters."""
    types: tuple[str, ...]
    """Types of its parameters."""

    @property
    def signature(self) -> str:
        """Name and types, as in `drop function`."""
        return f"{self.name}({', '.join(self.types)})"


@dataclass
class Catalog:
    """The relations, functions and roles of the chosen schemas."""

    relations: dict[str, Relation]
    """Tables, views and sequences by name."""
    functions: list[Function]
    """Functions, without triggers and those of extensions."""
    roles: tuple[str, ...]
    """Roles with a grant, a policy or a table, without those that bypass row-level security."""
    inherits: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Roles whose rights another role has too, by the latter's name."""

    @property
    def owners(self) -> set[str]:
        """The owners of tables: roles of migrations."""
        return {each.owner for each in self.tables}

    @property
    def tables(self) -> list[Relation]:
        """The tables, without partitions, by name."""
        return [each for each in self.relations.values() if each.is_table]


def read(conn: psycopg.Connection, schemas: Sequence[str] | None = None) -> Catalog:
    """The catalog of these schemas; None for all that are not the server's own."""
    given = {"schemas": None if schemas is None else list(schemas)}
    relations = {row["oid"]: Relation(**row) for row in _rows(conn, _TABLES, given)}
    for row in _rows(conn, _COLUMNS, given):
        if (relation := relations.get(row.pop("oid"))) is not None:
            column = Column(**_with_tuples(row))
            relation.columns[column.name] = column
    for row in _rows(conn, _CONSTRAINTS, given):
        if row["oid"] in relations:
            _add_constraint(relations, row)
    for row in _rows(conn, _UNIQUE, given):
        relations[row["oid"]].unique.append(UniqueKey(row["name"], row["is_primary"], tuple(row["columns"])))
    for row in _rows(conn, _TRIGGERS, given):
        relations[row["oid"]].triggers[row["name"]] = row["is_enabled"]
    functions = [Function(**_with_tuples(row)) for row in _rows(conn, _FUNCTIONS, given)]
    roles = tuple(row["rolname"] for row in _rows(conn, _ROLES, given))
    inherits = {name: tuple(others) for name, others in conn.execute(_INHERITS, {"roles": [*roles]})}
    return Catalog({relation.name: relation for relation in relations.values()}, functions, roles, inherits)


def _with_tuples(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}


def _add_constraint(relations: Mapping[int, Relation], row: Mapping[str, Any]) -> None:
    relation = relations[row["oid"]]
    columns = tuple(row["columns"])
    if row["kind"] == "c":
        relation.checks.append(Check(row["name"], row["expression"], columns))
    elif row["kind"] == "f" and row["parent"] in relations:
        parent = relations[row["parent"]].name
        relation.keys.append(ForeignKey(row["name"], columns, parent, tuple(row["parent_columns"]), row["definition"]))


def _rows(conn: psycopg.Connection, query: LiteralString, given: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    with conn.cursor(row_factory=dict_row) as cursor:
        yield from cursor.execute(query, given)
