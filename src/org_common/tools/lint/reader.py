"""Reads a catalog: a fixed number of queries in one read-only transaction, whatever the number of tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from org_common.tools.database.schema import session
from org_common.tools.lint.catalog import (
    Catalog,
    Column,
    Function,
    Grant,
    Index,
    Key,
    Membership,
    Policy,
    Relation,
    Role,
    Schema,
    Trigger,
)

# Rights as pairs of a role and a privilege.
_ACL: LiteralString = """(select json_agg(json_build_array(a.grantee::bigint, upper(a.privilege_type)))
  from aclexplode({}) a)"""
_OWN: LiteralString = """n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'"""

_SERVER: LiteralString = f"""
select current_database() as database, current_setting('server_version_num')::integer as version,
  current_user::text as "user", shobj_description(d.oid, 'pg_database') as comment,
  {_ACL.format("coalesce(d.datacl, acldefault('d', d.datdba))")} as grants
from pg_database d where d.datname = current_database()
"""
_ROLES: LiteralString = """
select r.oid::bigint as oid, r.rolname as name, r.rolsuper as superuser, r.rolbypassrls as bypasses,
  r.rolcreaterole as creates_roles, r.rolcanlogin as login, shobj_description(r.oid, 'pg_authid') as comment
from pg_roles r
"""
# The row as JSON, because the options of a membership are new in PostgreSQL 16.
_MEMBERSHIPS: LiteralString = """
select to_jsonb(m) as membership, r.rolinherit as inherits from pg_auth_members m join pg_roles r on r.oid = m.member
"""
_SCHEMAS: LiteralString = f"""
select n.oid::bigint as oid, n.nspname as name, n.nspowner::bigint as owner,
  obj_description(n.oid, 'pg_namespace') as comment,
  {_ACL.format("coalesce(n.nspacl, acldefault('n', n.nspowner))")} as grants
from pg_namespace n where {_OWN}
"""
_RELATIONS: LiteralString = f"""
select c.oid::bigint as oid, n.nspname as schema, c.relname as name, c.relkind::text as kind,
  c.relowner::bigint as owner, c.relrowsecurity as secured, c.relforcerowsecurity as forced,
  coalesce(c.reloptions::text ~ 'security_invoker=(true|on|1|yes)', false) as invoker,
  coalesce(c.reloptions::text ~ 'security_barrier=(true|on|1|yes)', false) as barrier,
  (select w.ev_action::text from pg_rewrite w where w.ev_class = c.oid and w.rulename = '_RETURN' and c.relkind = 'v')
    as tree,
  array(select i.inhparent::bigint from pg_inherits i where i.inhrelid = c.oid) as parents,
  exists (
    select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  ) as of_extension,
  array(
    select distinct d.refobjid::bigint from pg_rewrite w
    join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
    where w.ev_class = c.oid and d.refclassid = 'pg_class'::regclass and d.refobjid <> c.oid
  ) as reads,
  obj_description(c.oid, 'pg_class') as comment,
  case c.relkind when 'S' then {_ACL.format("coalesce(c.relacl, acldefault('s', c.relowner))")}
    else {_ACL.format("coalesce(c.relacl, acldefault('r', c.relowner))")} end as grants
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and c.relpersistence <> 't' and {_OWN}
"""
_COLUMNS: LiteralString = f"""
select a.attrelid::bigint as relation, a.attnum as number, a.attname as name,
  format_type(coalesce(nullif(t.typbasetype, 0), t.oid), null) as type,
  not (a.attnotnull or t.typnotnull) as nullable, a.attidentity = 'a' or a.attgenerated <> '' as generated,
  col_description(a.attrelid, a.attnum) as comment,
  {_ACL.format("a.attacl")} as grants
from pg_attribute a join pg_type t on t.oid = a.atttypid
join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'v', 'm', 'f')
join pg_namespace n on n.oid = c.relnamespace
where a.attnum > 0 and not a.attisdropped and {_OWN} order by a.attrelid, a.attnum
"""
_KEYS: LiteralString = f"""
select k.conrelid::bigint as relation, k.conname as name, k.contype::text as type, k.conkey as columns,
  k.confrelid::bigint as target, coalesce(k.confkey, '{{}}') as target_columns, k.confdeltype::text as on_delete,
  coalesce(k.confdelsetcols, '{{}}') as cleared, obj_description(k.oid, 'pg_constraint') as comment
from pg_constraint k join pg_namespace n on n.oid = k.connamespace
where k.contype in ('p', 'u', 'f') and k.conrelid <> 0 and k.conparentid = 0 and {_OWN}
"""
_INDEXES: LiteralString = f"""
select i.indrelid::bigint as relation, n.nspname || '.' || c.relname as name, i.indisunique as unique,
  i.indisvalid and i.indpred is null as usable, (i.indkey::int2[])[0:i.indnkeyatts - 1] as columns,
  i.indisvalid and i.indpred is not null as partial, i.indpred::text as predicate_tree,
  exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x'))
    as of_constraint,
  obj_description(c.oid, 'pg_class') as comment
from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace where {_OWN}
"""
_TRIGGERS: LiteralString = f"""
select t.tgrelid::bigint as relation, t.tgname as name, t.tgfoid::bigint as function,
  t.tgtype & 6 = 6 as on_insert, t.tgtype & 18 = 18 as on_update
from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
where not t.tgisinternal and t.tgenabled <> 'D' and {_OWN}
"""
_POLICIES: LiteralString = """
select p.polrelid::bigint as table, p.polname as name,
  case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete'
    else 'all' end as command,
  p.polpermissive as permissive, p.polroles::bigint[] as roles, p.polqual::text as using_tree,
  p.polwithcheck::text as check_tree, pg_get_expr(p.polqual, p.polrelid) as using_text,
  pg_get_expr(p.polwithcheck, p.polrelid) as check_text, obj_description(p.oid, 'pg_policy') as comment
from pg_policy p order by p.polname
"""
_FUNCTIONS: LiteralString = f"""
select p.oid::bigint as oid, n.nspname as schema, p.proname as name, p.proowner::bigint as owner,
  l.lanname as language, p.prosecdef as definer, p.proleakproof as leakproof, p.provolatile::text as volatility,
  p.prorettype in ('trigger'::regtype, 'event_trigger'::regtype) as is_trigger, o.own,
  case when o.own then pg_get_function_identity_arguments(p.oid) else '' end as arguments,
  case when o.own then p.prosrc else '' end as source,
  case when o.own then p.prosqlbody::text end as tree,
  (select substr(setting, 13) from unnest(p.proconfig) setting where starts_with(setting, 'search_path='))
    as search_path,
  array(
    select coalesce(p.proargnames[i], '') from generate_series(1, coalesce(cardinality(p.proargnames), 0)) i
    where coalesce(p.proargmodes[i], 'i') in ('i', 'b', 'v')
  ) as parameters,
  obj_description(p.oid, 'pg_proc') as comment,
  case when o.own then {_ACL.format("coalesce(p.proacl, acldefault('f', p.proowner))")} end as grants
from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang
cross join lateral (select {_OWN} and not exists (
  select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
) as own) o
-- Of PostgreSQL's own functions, those that tell who calls or set it. All others are as cheap as an operator.
where o.own or (n.nspname = 'pg_catalog' and p.proname in
  ('current_setting', 'set_config', 'session_user', 'current_user'))
"""
_OPERATORS: LiteralString = "select o.oid::bigint as oid, o.oprname as name from pg_operator o"
_DEFAULTS: LiteralString = f"""
select coalesce(n.nspname, '') as schema, d.defaclobjtype::text as kind, {_ACL.format("d.defaclacl")} as grants
from pg_default_acl d left join pg_namespace n on n.oid = d.defaclnamespace
"""


def read_url(url: str) -> Catalog:
    """The catalog of the database with this URL, from a read-only transaction that is rolled back."""
    with session(url, "lint") as conn, conn.transaction(force_rollback=True):
        conn.execute("set transaction isolation level repeatable read, read only")
        return read(conn)


def read(conn: psycopg.Connection[Any]) -> Catalog:
    """The catalog as this connection's transaction sees it."""
    with conn.cursor(row_factory=dict_row) as cursor:
        # Names are printed with their schema, and no object of the database is taken for one of PostgreSQL's own.
        cursor.execute("set local search_path = ''")

        def rows(query: LiteralString) -> list[dict[str, Any]]:
            return cursor.execute(query).fetchall()

        server = rows(_SERVER)[0]
        functions = (Function(**_with_tuples(row)) for row in rows(_FUNCTIONS))
        return Catalog(
            database=server["database"],
            version=server["version"],
            user=server["user"],
            database_grants=_grants(server["grants"]),
            database_comment=server["comment"],
            roles={row["oid"]: Role(**row) for row in rows(_ROLES)},
            memberships=tuple(_membership(row["membership"], row["inherits"]) for row in rows(_MEMBERSHIPS)),
            schemas={row["name"]: Schema(**_with_tuples(row)) for row in rows(_SCHEMAS)},
            relations=_relations(rows(_RELATIONS), _parts(rows)),
            functions={function.oid: function for function in functions},
            operators={row["oid"]: row["name"] for row in rows(_OPERATORS)},
            default_grants=tuple(
                (row["schema"], row["kind"], grant) for row in rows(_DEFAULTS) for grant in _grants(row["grants"])
            ),
        )


def _parts(rows: Any) -> dict[str, dict[int, list[Any]]]:
    """The parts of relations, by the field of `Relation` that holds them and the relation's object id."""
    parts: dict[str, dict[int, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for field, query, part in (
        ("columns", _COLUMNS, Column),
        ("keys", _KEYS, Key),
        ("indexes", _INDEXES, Index),
        ("triggers", _TRIGGERS, Trigger),
    ):
        for row in rows(query):
            parts[field][row.pop("relation")].append(part(**_with_tuples(row)))
    for row in rows(_POLICIES):
        parts["policies"][row["table"]].append(Policy(**_with_tuples(row)))
    return parts


def _relations(rows: list[dict[str, Any]], parts: Mapping[str, Mapping[int, list[Any]]]) -> dict[int, Relation]:
    relations = {}
    for row in rows:
        of_row: dict[str, Any] = {field: tuple(of.get(row["oid"], ())) for field, of in parts.items()}
        relations[row["oid"]] = Relation(**_with_tuples(row), **of_row)
    return relations


def _membership(row: Mapping[str, Any], inherits: bool) -> Membership:
    return Membership(
        role=int(row["roleid"]),
        member=int(row["member"]),
        admin=row["admin_option"],
        inherits=row.get("inherit_option", inherits),
        sets=row.get("set_option", True),
    )


def _with_tuples(row: dict[str, Any]) -> dict[str, Any]:
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    return values | {"grants": _grants(row["grants"])} if "grants" in row else values


def _grants(pairs: list[tuple[int, str]] | None) -> tuple[Grant, ...]:
    return tuple(Grant(int(grantee), privilege) for grantee, privilege in pairs or ())
