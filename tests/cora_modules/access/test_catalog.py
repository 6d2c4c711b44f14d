"""The catalog of the migrated database: rules that hold for every table, policy and function, also for new ones."""

import re

import psycopg
import pytest

from tests.cora_modules.access.catalog import MODULES, OF_EXTENSIONS, OURS, ask

pytestmark = pytest.mark.db

AUDIT = [
    "created_at timestamp with time zone not null",
    "created_by uuid",
    "updated_at timestamp with time zone not null",
    "updated_by uuid",
]
# Policies that are always true, and why they may be.
OPEN = {
    ("access.mailbox_rules", "operator"): "only the migrator uses it, to declare providers",
    ("access.bootstrap_identities", "operator"): "only the migrator uses it, to configure the first owner",
    ("mgmt.modules", "operator"): "only the migrator uses it, to add modules",
}
# A function per row costs a lookup per row, where a set is evaluated once. These statements write few rows.
PER_ROW = {
    ("app.outbox", "send"): "the organization is part of the row's key",
    ("access.org_email_domains", "admins_add"): "the role to grant is a column of the row",
    ("access.org_email_domains", "admins_change"): "the role to grant is a column of the row",
}


def test_tables_are_these(catalog: psycopg.Connection) -> None:
    tables = ask(
        catalog, f"select oid::regclass::text from pg_class where relkind = 'r' and relnamespace in ({MODULES})"
    )

    assert set(tables) == {
        "access.auth_log",
        "access.bootstrap_identities",
        "access.former_members",
        "access.invites",
        "access.mailbox_rules",
        "access.org_email_domains",
        "access.org_members",
        "access.orgs",
        "access.user_identities",
        "access.user_sessions",
        "access.users",
        "ai.ai_calls",
        "ai.ai_config_org",
        "ai.ai_config_sys",
        "ai.ai_models",
        "ai.ai_providers",
        "ws.workspaces",
        "ws.ws_activity",
        "ws.ws_config_org",
        "ws.ws_config_sys",
        "ws.ws_favorites",
        "ws.ws_members",
        "ws.ws_plugins",
        "mgmt.function_daily",
        "mgmt.lambda_settings",
        "mgmt.modules",
        "mgmt.modules_org",
        "mgmt.usage_daily",
        "chat.chat_bases",
        "chat.chat_favorites",
        "chat.chat_members",
        "chat.chats",
        "chat.messages",
        "kb.kb_bases",
        "kb.kb_chunks",
        "kb.kb_documents",
        "kb.kb_indexes",
        "kb.kb_removed_files",
        "kb.kb_texts",
    }


# --- row-level security -----------------------------------------------------------------------


def test_every_table_forces_row_level_security(catalog: psycopg.Connection) -> None:
    open_tables = ask(
        catalog,
        f"""
        select oid::regclass::text from pg_class
        where relkind in ('r', 'p') and relnamespace in ({OURS}) and not (relrowsecurity and relforcerowsecurity)
        """,
    )

    # The migrator's own list. No other role has a grant on it.
    assert open_tables == ["app.migrations"]


def test_every_view_runs_as_its_caller(catalog: psycopg.Connection) -> None:
    as_owner = ask(
        catalog,
        f"""
        select oid::regclass::text from pg_class where relnamespace in ({MODULES})
        and (relkind in ('m', 'f')
            or relkind = 'v' and not coalesce(reloptions, '{{}}') && array['security_invoker=true'])
        """,
    )

    assert as_owner == []


def test_every_policy_names_its_roles(catalog: psycopg.Connection) -> None:
    for_public = ask(catalog, "select polrelid::regclass::text, polname from pg_policy where 0 = any (polroles)")

    assert for_public == []


def test_every_policy_is_for_a_role_that_has_the_grant(catalog: psycopg.Connection) -> None:
    """A policy without its grant has no effect, until someone adds the grant and opens more than intended."""
    dead = ask(
        catalog,
        """
        select polrelid::regclass::text, polname from pg_policy, unnest(polroles) as role
        where not case polcmd
            when 'r' then has_any_column_privilege(role, polrelid, 'SELECT')
            when 'a' then has_any_column_privilege(role, polrelid, 'INSERT')
            when 'w' then has_any_column_privilege(role, polrelid, 'UPDATE')
            when 'd' then has_table_privilege(role, polrelid, 'DELETE')
            else has_table_privilege(role, polrelid, 'SELECT, INSERT, UPDATE, DELETE') end
        """,
    )

    assert dead == []


def test_no_policy_of_tenants_is_always_true(catalog: psycopg.Connection) -> None:
    """`using (true)` is for roles that no request of a tenant runs as; the access rule guards app_sys."""
    always = ask(
        catalog,
        """
        select polrelid::regclass::text, polname from pg_policy
        where 'true' in (pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
        and not polroles <@ array['app_rules', 'app_sys', 'app_service']::regrole[]::oid[]
        """,
    )

    assert set(always) == OPEN.keys()


def test_no_policy_calls_a_function_per_row_where_a_set_would_do(catalog: psycopg.Connection) -> None:
    expressions = ask(
        catalog,
        """
        select polrelid::regclass::text, polname, expression from pg_policy,
            unnest(array[pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)]) as expression
        where expression is not null
        """,
    )

    by_row = {
        (table, name)
        for table, name, expression in expressions
        if re.search(r"\w\.\w+\(", _without_subselects(expression))
    }
    assert by_row == PER_ROW.keys()


def _without_subselects(expression: str) -> str:
    """The expression without its sub-selects, which are evaluated once per statement."""
    outer, depth, inside = "", 0, []
    for at, sign in enumerate(expression):
        if sign == "(":
            depth += 1
            if re.match(r"\(\s*SELECT\b", expression[at:]):
                inside.append(depth)
        if not inside:
            outer += sign
        if sign == ")":
            if inside and inside[-1] == depth:
                inside.pop()
            depth -= 1
    return outer


# --- tables -----------------------------------------------------------------------------------


def test_every_table_has_the_audit_columns(catalog: psycopg.Connection) -> None:
    tables = ask(
        catalog,
        f"""
        select c.oid::regclass::text, array(
            select attname || ' ' || format_type(atttypid, null) || case when attnotnull then ' not null' else '' end
            from pg_attribute where attrelid = c.oid and attname ~ '^(cre|upd)ated_(at|by)$' order by attname
        ) from pg_class c where relkind in ('r', 'p') and relnamespace in ({MODULES})
        """,
    )

    assert [table for table, columns in tables if columns != AUDIT] == []


def test_every_table_has_the_audit_trigger(catalog: psycopg.Connection) -> None:
    without = ask(
        catalog,
        f"""
        select oid::regclass::text from pg_class c where relkind in ('r', 'p') and relnamespace in ({MODULES})
        and not exists (
            select from pg_trigger where tgrelid = c.oid and tgfoid = 'app.audit()'::regprocedure
            and tgenabled in ('O', 'A') and tgqual is null and tgattr = ''
            and pg_get_triggerdef(oid) ~ ' BEFORE INSERT OR UPDATE ON .* FOR EACH ROW EXECUTE FUNCTION '
        )
        """,
    )

    assert without == []


def test_every_tenant_table_has_the_tenant_in_its_key(catalog: psycopg.Connection) -> None:
    without = ask(
        catalog,
        f"""
        select c.oid::regclass::text from pg_class c join pg_attribute a on a.attrelid = c.oid and attname = 'org_id'
        where relkind in ('r', 'p') and relnamespace in ({MODULES}) and (not attnotnull or not exists (
            select from pg_constraint where conrelid = c.oid and contype = 'p' and attnum = any (conkey)))
        """,
    )

    assert without == []


def test_every_foreign_key_between_tenant_tables_includes_the_tenant(catalog: psycopg.Connection) -> None:
    without = ask(
        catalog,
        """
        select k.conrelid::regclass::text, conname from pg_constraint k
        join pg_attribute mine on mine.attrelid = k.conrelid and mine.attname = 'org_id'
        join pg_attribute theirs on theirs.attrelid = k.confrelid and theirs.attname = 'org_id'
        where contype = 'f' and (array_position(conkey, mine.attnum) is null
            or array_position(conkey, mine.attnum) is distinct from array_position(confkey, theirs.attnum))
        """,
    )

    assert without == []


def test_every_foreign_key_has_an_index(catalog: psycopg.Connection) -> None:
    without = ask(
        catalog,
        f"""
        select conrelid::regclass::text, conname from pg_constraint k
        where contype = 'f' and connamespace in ({MODULES}) and not exists (
            select from pg_index where indrelid = k.conrelid and indpred is null
            and (indkey::int2[])[0:cardinality(conkey) - 1] @> conkey)
        """,
    )

    assert without == []


# --- functions --------------------------------------------------------------------------------


def test_every_security_definer_function_belongs_to_app_rules_and_has_a_fixed_path(
    catalog: psycopg.Connection,
) -> None:
    wrong = ask(
        catalog,
        f"""
        select oid::regprocedure::text from pg_proc where pronamespace in ({OURS}) and prosecdef
        and (proowner <> 'app_rules'::regrole or not coalesce(proconfig, '{{}}') @> array['search_path=""'])
        """,
    )

    assert wrong == []


def test_names_in_functions_are_resolved_independently_of_the_caller(catalog: psycopg.Connection) -> None:
    """The path is fixed, or the body was parsed at creation (SQL-standard form), or only our own functions call it."""
    dependent = ask(
        catalog,
        f"""
        select oid::regprocedure::text from pg_proc where pronamespace in ({OURS}) and oid not in ({OF_EXTENSIONS})
        and prosqlbody is null and not coalesce(proconfig, '{{}}') @> array['search_path=""']
        and (prosecdef or prorettype = 'trigger'::regtype or exists (
          select from pg_roles where has_function_privilege(pg_roles.oid, pg_proc.oid, 'EXECUTE')
          and not rolsuper and rolname not in ('app_rules', 'app_migrator')))
        """,
    )

    assert dependent == []


def test_extensions_are_these(catalog: psycopg.Connection) -> None:
    """Their functions are left out above and below: an extension comes from the server, not from a migration."""
    assert set(ask(catalog, "select extname from pg_extension")) == {"plpgsql", "vector"}


def test_no_function_is_leakproof(catalog: psycopg.Connection) -> None:
    leakproof = ask(
        catalog, f"select oid::regprocedure::text from pg_proc where pronamespace in ({OURS}) and proleakproof"
    )

    assert leakproof == []


def test_functions_that_requests_may_call_are_these(catalog: psycopg.Connection) -> None:
    callable_by = ask(
        catalog,
        f"""
        select oid::regproc::text, array(select role from unnest(array['anon', 'authenticated', 'app_sys']) as role
            where has_function_privilege(role, oid, 'EXECUTE'))
        from pg_proc where pronamespace in ({OURS}) and oid not in ({OF_EXTENSIONS}) order by 1
        """,
    )

    signed_in = ["authenticated", "app_sys"]
    all_roles = ["anon", *signed_in]
    assert {name: roles for name, roles in callable_by if roles} == {
        "access.accept_invite": ["authenticated"],
        "access.accept_my_invite": ["authenticated"],
        "access.change_member": ["authenticated"],
        "access.colleague_ids": ["authenticated"],
        "access.create_invite": ["authenticated"],
        "access.create_org": ["authenticated"],
        "access.decline_invite": ["authenticated"],
        "access.end_sessions": ["authenticated"],
        "access.invite_user": ["authenticated"],
        "access.me": ["authenticated"],
        "access.my_invites": ["authenticated"],
        "access.new_id": ["authenticated"],
        "access.org_ids": ["authenticated"],
        "access.provision": ["authenticated"],
        "access.remove_member": ["authenticated"],
        "access.revoke_invite": ["authenticated"],
        "access.start_session": ["authenticated"],
        "access.update_me": ["authenticated"],
        "access.update_user": ["app_sys"],
        "access.verify_domain": ["app_sys"],
        "ai.effective_config": ["authenticated"],
        "ai.record_call": ["authenticated"],
        "ai.resolve_model": ["authenticated"],
        "app.all_of": all_roles,
        "app.any_of": all_roles,
        "app.claim_idempotency_key": signed_in,
        "app.has_org_role": ["authenticated"],
        "app.claims": all_roles,
        "app.has_sys_role": signed_in,
        "app.merge_patch": all_roles,
        "app.identify": signed_in,
        "app.receive": all_roles,
        "app.recheck": all_roles,
        "app.refuse_message": all_roles,
        "app.require": all_roles,
        "app.uid": all_roles,
        "app.role_rank": all_roles,
        "app.send": signed_in,
        "app.sender": signed_in,
        "app.store_response": signed_in,
        "app.stored_response": signed_in,
        "auth.jwt": all_roles,
        "auth.uid": all_roles,
        "app.had_ws_role": ["authenticated"],
        "app.has_ws_role": ["authenticated"],
        "ws.add_member": ["authenticated"],
        "ws.change_member": ["authenticated"],
        "ws.create_workspace": ["authenticated"],
        "ws.delete_workspace": ["authenticated"],
        "ws.deleted_workspaces": ["authenticated"],
        "ws.ids": ["authenticated"],
        "ws.member_count": ["authenticated"],
        "ws.org_config": ["authenticated"],
        "ws.plugins": ["authenticated"],
        "ws.remove_member": ["authenticated"],
        "ws.restore_workspace": ["authenticated"],
        "ws.set_plugin": ["authenticated"],
        "ws.transfer": ["authenticated"],
        "mgmt.begin_sync": ["app_sys"],
        "mgmt.database_activity": ["app_sys"],
        "mgmt.finish_sync": ["app_sys"],
        "mgmt.org_modules": ["authenticated"],
        "mgmt.resolve": ["authenticated"],
        "mgmt.update_module": ["app_sys"],
        "mgmt.update_org_module": ["authenticated"],
        "app.has_chat_access": ["authenticated"],
        "chat.add_answer": ["authenticated"],
        "chat.add_member": ["authenticated"],
        "chat.add_message": ["authenticated"],
        "chat.ask": ["authenticated"],
        "chat.create_base": ["authenticated"],
        "chat.delete_chat": ["authenticated"],
        "chat.ids": ["authenticated"],
        "chat.member_ids": ["authenticated"],
        "chat.org_chats": ["authenticated"],
        "chat.remove_member": ["authenticated"],
        "chat.restore_chat": ["authenticated"],
        "kb.add_chunks": ["authenticated"],
        "kb.add_vectors": ["authenticated"],
        "kb.begin_reindex": ["authenticated"],
        "kb.can_read": ["authenticated"],
        "kb.can_write": ["authenticated"],
        "kb.chat_bases_of_caller": ["authenticated"],
        "kb.clear_chunks": ["authenticated"],
        "kb.delete_base": ["authenticated"],
        "kb.delete_document": ["authenticated"],
        "kb.delete_stale": ["authenticated"],
        "kb.finish_reindex": ["authenticated"],
        "kb.is_large": ["authenticated"],
        "kb.queue_document": ["authenticated"],
        "kb.readable_bases": ["authenticated"],
        "kb.text_hits": ["authenticated"],
        "kb.vector_hits": ["authenticated"],
        "kb.writable_bases": ["authenticated"],
    }
