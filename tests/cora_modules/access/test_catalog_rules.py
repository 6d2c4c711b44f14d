"""Each check of the catalog notices what it is for: a bad object, created and rolled back, fails it."""

from collections.abc import Callable
from typing import LiteralString

import psycopg
import pytest

from tests.cora_modules.access import test_catalog as tables
from tests.cora_modules.access import test_catalog_grants as grants
from tests.cora_modules.access import test_catalog_lints as lints

pytestmark = pytest.mark.db

Check = Callable[[psycopg.Connection], None]

NOTES: LiteralString = """
create table bad.notes (id int primary key, org_id uuid);
alter table bad.notes enable row level security, force row level security;
grant select on bad.notes to authenticated;
"""
BAD: dict[Check, LiteralString] = {
    tables.test_every_table_forces_row_level_security: (
        "create table bad.t (id int primary key); alter table bad.t enable row level security"
    ),
    tables.test_every_view_runs_as_its_caller: "create view bad.v as select 1 as one",
    tables.test_every_policy_names_its_roles: NOTES + "create policy p on bad.notes using (false)",
    tables.test_every_policy_is_for_a_role_that_has_the_grant: NOTES
    + "create policy p on bad.notes for delete to authenticated using (id = 1)",
    tables.test_no_policy_of_tenants_is_always_true: NOTES
    + "create policy p on bad.notes to authenticated using (true)",
    tables.test_no_policy_calls_a_function_per_row_where_a_set_would_do: NOTES
    + "create policy p on bad.notes to authenticated using (org_id = auth.uid())",
    tables.test_every_table_has_the_audit_columns: NOTES,
    tables.test_every_table_has_the_audit_trigger: NOTES,
    tables.test_every_foreign_key_has_an_index: NOTES
    + "create table bad.child (id int primary key, note int references bad.notes)",
    tables.test_names_in_functions_are_resolved_independently_of_the_caller: (
        "create function bad.f() returns int language plpgsql as $$ begin return 1; end $$"
    ),
    tables.test_every_security_definer_function_belongs_to_app_rules_and_has_a_fixed_path: (
        "create function bad.f() returns int language sql security definer as 'select 1'"
    ),
    tables.test_no_function_is_leakproof: "create function bad.f() returns int language sql leakproof as 'select 1'",
    tables.test_functions_that_requests_may_call_are_these: (
        "create function bad.f() returns int language sql as 'select 1'; grant usage on schema bad to authenticated;"
        "grant execute on function bad.f() to authenticated"
    ),
    lints.test_every_table_has_a_primary_key: "create table bad.t (id int)",
    lints.test_every_table_has_a_policy: NOTES,
    lints.test_no_role_has_two_policies_for_one_command: NOTES
    + "create policy p on bad.notes to authenticated using (id = 1);"
    "create policy q on bad.notes for select to authenticated using (id = 2)",
    lints.test_no_index_is_a_duplicate: NOTES
    + "create index a on bad.notes (org_id); create index b on bad.notes (org_id)",
    lints.test_no_index_is_the_prefix_of_another: NOTES
    + "create index a on bad.notes (org_id); create index b on bad.notes (org_id, id)",
    lints.test_unique_keys_of_tenants_begin_with_the_tenant: NOTES + "create unique index a on bad.notes (id, org_id)",
    lints.test_no_policy_reads_settings_directly: NOTES
    + "create policy p on bad.notes to authenticated using (id = current_setting('my.id')::int)",
    lints.test_no_column_has_a_type_that_blocks_an_upgrade: "create table bad.t (id int primary key, c regproc)",
    lints.test_no_table_is_partitioned: (
        "create table bad.t (id int) partition by list (id); create table bad.u partition of bad.t for values in (1)"
    ),
    lints.test_no_request_can_read_a_sequence: (
        "create sequence bad.s; grant usage on schema bad to authenticated; grant select on bad.s to authenticated"
    ),
    grants.test_every_object_belongs_to_app_migrator_or_app_rules: "create table bad.t (id int)",
    grants.test_app_rules_owns_functions_only: "create table bad.t (id int); alter table bad.t owner to app_rules",
    grants.test_no_role_of_ours_bypasses_row_level_security: "alter role app_login bypassrls",
    grants.test_app_login_inherits_nothing_and_can_become_three_roles: "grant app_service to app_login",
    grants.test_logins_can_become_request_roles_only: "grant app_service to app_login",
    grants.test_only_the_migrator_can_become_app_rules: "grant app_rules to app_login",
    grants.test_app_login_has_no_grant_on_tables: NOTES + "grant select on bad.notes to app_login",
    grants.test_grants_are_for_reading_and_writing_only: NOTES + "grant truncate on bad.notes to authenticated",
    grants.test_anon_and_public_have_no_grant_on_tables: NOTES + "grant select on bad.notes to anon",
    grants.test_public_has_no_privileges: "grant usage on schema bad to public",
    grants.test_no_request_can_create_objects: "grant create on schema bad to authenticated",
}


@pytest.mark.parametrize("check", BAD, ids=lambda check: check.__name__.removeprefix("test_"))
def test_bad_object_fails_the_check(catalog: psycopg.Connection, check: Check) -> None:
    with catalog.transaction(force_rollback=True):
        check(catalog)
        catalog.execute("create schema bad")
        catalog.execute(BAD[check])

        with pytest.raises(AssertionError):
            check(catalog)
