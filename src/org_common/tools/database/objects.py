"""Reads the objects of a database as SQL, in PostgreSQL's own words, so that two databases can be compared.

No library does: migra, which did, is no longer developed, and Alembic compares neither policies nor grants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg.rows import class_row

from org_common.tools.database.schema import session


@dataclass(frozen=True)
class Object:
    """An object of a database."""

    kind: str
    name: str
    """Unique among its kind, with its schema."""
    definition: str
    """Equal in two databases if the objects are."""
    create: str | None = None
    """A statement that creates or replaces it without a loss of data; None if there is none."""
    drop: str | None = None
    """The same to remove it."""
    table: str | None = None
    """For a column that an existing table with rows cannot get: its table."""
    replaces: bool = False
    """Whether `create` also works if it exists."""


def _own(catalog: LiteralString, oid: LiteralString) -> LiteralString:
    """Only objects outside PostgreSQL's schemas that belong to no extension."""
    return f"""n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and not exists (
    select from pg_depend e where e.classid = '{catalog}'::regclass and e.objid = {oid} and e.deptype = 'e')"""


def _grants(type: LiteralString, name: LiteralString, acl: LiteralString, owner: LiteralString) -> LiteralString:
    """The columns of a grant, from an access control list; the owner's rights are not granted."""
    return f"""
select 'grant' as kind, format('%s on {type} %s to %s%s', lower(a.privilege_type), {name},
    coalesce(r.rolname, 'public'), case when a.is_grantable then ' with grant option' else '' end) as name,
  '' as definition, format('grant %s on {type} %s to %s%s', lower(a.privilege_type), {name},
    coalesce(quote_ident(r.rolname), 'public'),
    case when a.is_grantable then ' with grant option' else '' end) as create,
  format('revoke %s on {type} %s from %s', lower(a.privilege_type), {name},
    coalesce(quote_ident(r.rolname), 'public')) as drop
from ({acl}) o cross join lateral aclexplode(o.acl) a left join pg_roles r on r.oid = a.grantee
where a.grantee <> o.{owner}"""


_TABLE: LiteralString = "format('%I.%I', n.nspname, c.relname)"
_RELATIONS: LiteralString = f"""
select c.oid, {_TABLE} as name, c.relkind, c.relowner as owner, c.relacl, c.relrowsecurity, c.relforcerowsecurity,
  c.relpersistence, c.reloptions, pg_get_userbyid(c.relowner) as owner_name, c.relispartition
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and {_own("pg_class", "c.oid")}"""
_FUNCTIONS: LiteralString = f"""
select p.oid, format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as name, p.prokind,
  p.proowner as owner, p.proacl, pg_get_userbyid(p.proowner) as owner_name
from pg_proc p join pg_namespace n on n.oid = p.pronamespace where {_own("pg_proc", "p.oid")}"""

# In the order in which they can be created.
QUERIES: tuple[LiteralString, ...] = (
    "select 'extension' as kind, extname as name, '' as definition from pg_extension",
    f"""
select 'schema' as kind, quote_ident(n.nspname) as name, 'owner ' || pg_get_userbyid(n.nspowner) as definition,
  format('create schema %I', n.nspname) as create
from pg_namespace n where {_own("pg_namespace", "n.oid")}""",
    f"""
select 'type' as kind, t.name, t.of || t.definition as definition,
  format('create %s %s as %s', case t.typtype when 'd' then 'domain' else 'type' end, t.name, t.of || t.definition)
    as create
from (
  select t.typtype, format('%I.%I', n.nspname, t.typname) as name,
    case t.typtype when 'e' then 'enum ' else '' end as of,
    case t.typtype
      when 'e' then '(' || (select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder)
        from pg_enum e where e.enumtypid = t.oid) || ')'
      when 'd' then format_type(t.typbasetype, t.typtypmod) || case when t.typnotnull then ' not null' else '' end
        || coalesce(' default ' || t.typdefault, '')
        || coalesce((select string_agg(format(' constraint %I %s', k.conname, pg_get_constraintdef(k.oid)), ''
          order by k.conname) from pg_constraint k where k.contypid = t.oid and k.contype = 'c'), '')
      else (select '(' || string_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod), ', '
        order by a.attnum) || ')' from pg_attribute a where a.attrelid = t.typrelid and not a.attisdropped) end
      as definition
  from pg_type t join pg_namespace n on n.oid = t.typnamespace left join pg_class c on c.oid = t.typrelid
  where (t.typtype in ('e', 'd') or t.typtype = 'c' and c.relkind = 'c') and {_own("pg_type", "t.oid")}) t""",
    f"""
select 'sequence' as kind, t.name, format('%s from %s by %s, owner %s', format_type(s.seqtypid, null), s.seqstart,
    s.seqincrement, t.owner_name) as definition,
  format('create sequence %s as %s start %s increment %s', t.name, format_type(s.seqtypid, null), s.seqstart,
    s.seqincrement) as create
from ({_RELATIONS}) t join pg_sequence s on s.seqrelid = t.oid
where not exists (select from pg_depend d where d.objid = t.oid and d.deptype in ('a', 'i')
  and d.classid = 'pg_class'::regclass and d.refobjsubid > 0)""",
    f"""
select 'table' as kind, t.name, case t.relkind when 'r' then '' when 'p' then 'partition by '
    || pg_get_partkeydef(t.oid) || ', ' else 'foreign, ' end
    || case when t.relpersistence = 'u' then 'unlogged, ' else '' end || coalesce(t.reloptions::text || ', ', '')
    || coalesce('partition ' || pg_get_expr(c.relpartbound, c.oid) || ', ', '') || 'owner ' || t.owner_name
    as definition,
  case when t.relkind = 'r' and not t.relispartition then 'create table ' || t.name || ' ()' end as create
from ({_RELATIONS}) t join pg_class c on c.oid = t.oid where t.relkind in ('r', 'p', 'f')""",
    f"""
select 'column' as kind, t.name || '.' || quote_ident(a.attname) as name, d.definition,
  format('alter table %s add column %I %s', t.name, a.attname, d.definition) as create,
  case when a.attnotnull and not a.atthasdef and a.attidentity = '' then t.name end as "table"
from ({_RELATIONS}) t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef f on f.adrelid = t.oid and f.adnum = a.attnum
cross join lateral (select format_type(a.atttypid, a.atttypmod)
  || coalesce((select ' collate ' || quote_ident(o.collname) from pg_collation o join pg_type y on y.oid = a.atttypid
    where o.oid = a.attcollation and o.oid <> y.typcollation), '')
  || case when a.attnotnull then ' not null' else '' end
  || case when a.attidentity = 'a' then ' generated always as identity'
    when a.attidentity = 'd' then ' generated by default as identity'
    when a.attgenerated = 's' then ' generated always as (' || pg_get_expr(f.adbin, t.oid) || ') stored'
    else coalesce(' default ' || pg_get_expr(f.adbin, t.oid), '') end as definition) d
where t.relkind in ('r', 'p', 'f') order by t.name, a.attnum""",
    f"""
select 'function' as kind, t.name, 'owner ' || t.owner_name || E'\n' || pg_get_functiondef(t.oid) as definition,
  pg_get_functiondef(t.oid) as create, true as replaces
from ({_FUNCTIONS}) t where t.prokind in ('f', 'p', 'w')""",
    f"""
select 'constraint' as kind, format('%I on %s', k.conname, t.name) as name, pg_get_constraintdef(k.oid) as definition,
  format('alter table %s add constraint %I %s', t.name, k.conname, pg_get_constraintdef(k.oid)) as create
from pg_constraint k join ({_RELATIONS}) t on t.oid = k.conrelid
where k.contype in ('p', 'u', 'c', 'x', 'f') and k.conparentid = 0
order by array_position('{{p,u,c,x,f}}', k.contype::text), 2""",
    f"""
select 'index' as kind, format('%I on %s', c.relname, t.name) as name,
  pg_get_indexdef(c.oid) || case when i.indisvalid then '' else ' (invalid)' end as definition,
  pg_get_indexdef(c.oid) as create
from pg_index i join pg_class c on c.oid = i.indexrelid join ({_RELATIONS}) t on t.oid = i.indrelid
where not c.relispartition
  and not exists (select from pg_constraint k where k.conindid = c.oid and k.contype in ('p', 'u', 'x'))""",
    f"""
select case t.relkind when 'v' then 'view' else 'materialized view' end as kind, t.name,
  coalesce(t.reloptions::text || ' ', '') || 'owner ' || t.owner_name || E'\n' || pg_get_viewdef(t.oid) as definition,
  format('create %s %s%s as%s', case t.relkind when 'v' then 'or replace view' else 'materialized view' end, t.name,
    coalesce(' with (' || array_to_string(t.reloptions, ', ') || ')', ''), E'\n' || pg_get_viewdef(t.oid)) as create,
  t.relkind = 'v' as replaces
from ({_RELATIONS}) t where t.relkind in ('v', 'm')""",
    f"""
select 'trigger' as kind, format('%I on %s', g.tgname, t.name) as name, pg_get_triggerdef(g.oid)
    || case g.tgenabled when 'D' then ' (disabled)' when 'A' then ' (always)' when 'R' then ' (replica)' else '' end
    as definition,
  pg_get_triggerdef(g.oid) as create
from pg_trigger g join ({_RELATIONS}) t on t.oid = g.tgrelid where not g.tgisinternal and g.tgparentid = 0""",
    f"""
select 'row-level security' as kind, t.name, concat_ws(', ', case when t.relrowsecurity then 'enabled' end,
    case when t.relforcerowsecurity then 'forced' end) as definition,
  case when t.relrowsecurity then format('alter table %s enable row level security', t.name)
    || case when t.relforcerowsecurity then format(E';\nalter table %s force row level security', t.name) else '' end
  end as create, true as replaces
from ({_RELATIONS}) t where t.relrowsecurity or t.relforcerowsecurity""",
    f"""
select 'policy' as kind, format('%I on %s', p.polname, t.name) as name, d.definition,
  format('create policy %I on %s %s', p.polname, t.name, d.definition) as create,
  format('drop policy %I on %s', p.polname, t.name) as drop
from pg_policy p join ({_RELATIONS}) t on t.oid = p.polrelid cross join lateral (
  select format('as %s for %s to %s%s%s', case when p.polpermissive then 'permissive' else 'restrictive' end,
    case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete'
      else 'all' end,
    (select string_agg(coalesce(quote_ident(r.rolname), 'public'), ', ' order by r.rolname)
      from unnest(p.polroles) u (oid) left join pg_roles r on r.oid = u.oid),
    coalesce(' using (' || pg_get_expr(p.polqual, p.polrelid) || ')', ''),
    coalesce(' with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', '')) as definition) d""",
    _grants(
        "schema",
        "o.name",
        f"""select quote_ident(n.nspname) as name, n.nspowner as owner,
  coalesce(n.nspacl, acldefault('n', n.nspowner)) as acl from pg_namespace n where {_own("pg_namespace", "n.oid")}""",
        "owner",
    ),
    _grants(
        "table",
        "o.name",
        f"""select t.name, t.owner, t.relacl as acl from ({_RELATIONS}) t
  where t.relkind <> 'S' and t.relacl is not null""",
        "owner",
    ),
    _grants(
        "sequence",
        "o.name",
        f"select t.name, t.owner, t.relacl as acl from ({_RELATIONS}) t where t.relkind = 'S' and t.relacl is not null",
        "owner",
    ),
    _grants(
        "routine",
        "o.name",
        f"""select t.name, t.owner, coalesce(t.proacl, acldefault('f', t.owner)) as acl from ({_FUNCTIONS}) t
  where t.prokind in ('f', 'p', 'w')""",
        "owner",
    ),
    f"""
select 'grant' as kind, format('%s (%I) on table %s to %s', lower(x.privilege_type), a.attname, t.name,
    coalesce(r.rolname, 'public')) as name, '' as definition,
  format('grant %s (%I) on table %s to %s', lower(x.privilege_type), a.attname, t.name,
    coalesce(quote_ident(r.rolname), 'public')) as create,
  format('revoke %s (%I) on table %s from %s', lower(x.privilege_type), a.attname, t.name,
    coalesce(quote_ident(r.rolname), 'public')) as drop
from ({_RELATIONS}) t join pg_attribute a on a.attrelid = t.oid and a.attacl is not null and not a.attisdropped
cross join lateral aclexplode(a.attacl) x left join pg_roles r on r.oid = x.grantee""",
    """
select 'default grant' as kind, format('%s on %s of %s%s to %s', lower(x.privilege_type), case a.defaclobjtype
    when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types' else 'schemas' end,
    pg_get_userbyid(a.defaclrole), coalesce(' in ' || n.nspname, ''), coalesce(r.rolname, 'public')) as name,
  '' as definition
from pg_default_acl a left join pg_namespace n on n.oid = a.defaclnamespace
cross join lateral aclexplode(a.defaclacl) x left join pg_roles r on r.oid = x.grantee
where x.grantee <> a.defaclrole""",
)


def read(url: str) -> list[Object]:
    """The objects of a database, read by any role that can log in, in one read-only transaction."""
    with session(url, "diff") as conn, conn.transaction():
        conn.execute("set transaction isolation level repeatable read, read only")
        # Without a path, every name in a definition has its schema.
        conn.execute("set local search_path = ''")
        return [each for query in QUERIES for each in _rows(conn, query)]


def _rows(conn: psycopg.Connection, query: LiteralString) -> list[Object]:
    with conn.cursor(row_factory=class_row(Object)) as cursor:
        return cursor.execute(query).fetchall()
