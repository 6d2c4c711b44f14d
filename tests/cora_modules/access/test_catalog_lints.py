"""Further checks of the catalog, taken from linters for row-level security."""

import re

import psycopg
import pytest

from tests.cora_modules.access.catalog import MODULES, OURS, ask

pytestmark = pytest.mark.db

# Unique across tenants: an insert reveals that another tenant has the same value. Why these may be.
ACROSS_TENANTS = {
    "org_email_domains_verified": "only platform administrators verify a domain and see the conflict",
    "invites_token": "hashes of random tokens, which no caller chooses",
}


def test_every_table_has_a_primary_key(catalog: psycopg.Connection) -> None:
    without = ask(
        catalog,
        f"""
        select oid::regclass::text from pg_class c where relkind in ('r', 'p') and relnamespace in ({OURS})
        and not exists (select from pg_index where indrelid = c.oid and indisprimary)
        """,
    )

    assert without == []


def test_every_table_has_a_policy(catalog: psycopg.Connection) -> None:
    without = ask(
        catalog,
        f"""
        select oid::regclass::text from pg_class c where relkind in ('r', 'p') and relnamespace in ({MODULES})
        and not exists (select from pg_policy where polrelid = c.oid)
        """,
    )

    assert without == []


def test_no_role_has_two_policies_for_one_command(catalog: psycopg.Connection) -> None:
    """Both would be evaluated for each row, and the more permissive one would win."""
    twice = ask(
        catalog,
        f"""
        select polrelid::regclass::text, role::regrole::text, verb, count(*)::integer
        from pg_policy, unnest(polroles) as role,
            unnest(case polcmd when '*' then array['r', 'a', 'w', 'd'] else array[polcmd::text] end) as verb
        where polpermissive and polrelid in (select oid from pg_class where relnamespace in ({OURS}))
        group by 1, 2, 3 having count(*) > 1
        """,
    )

    assert twice == []


def test_no_index_is_a_duplicate(catalog: psycopg.Connection) -> None:
    same = ask(
        catalog,
        f"""
        select array_agg(indexrelid::regclass::text) from pg_index join pg_class c on c.oid = indexrelid
        where relnamespace in ({OURS})
        group by indrelid, indkey::text, indclass::text, indoption::text, pg_get_expr(indexprs, indrelid),
            pg_get_expr(indpred, indrelid) having count(*) > 1
        """,
    )

    assert same == []


def test_no_index_is_the_prefix_of_another(catalog: psycopg.Connection) -> None:
    """The longer one serves the same queries, and each write would maintain both."""
    covered = ask(
        catalog,
        f"""
        select short.indexrelid::regclass::text from pg_index short join pg_index long using (indrelid)
        join pg_class c on c.oid = short.indexrelid
        where relnamespace in ({MODULES}) and short.indexrelid <> long.indexrelid and not short.indisunique
        and short.indpred is null and long.indpred is null and short.indexprs is null and long.indexprs is null
        and short.indnkeyatts < long.indnkeyatts
        and (short.indkey::int2[])[0:short.indnkeyatts - 1] = (long.indkey::int2[])[0:short.indnkeyatts - 1]
        """,
    )

    assert covered == []


def test_unique_keys_of_tenants_begin_with_the_tenant(catalog: psycopg.Connection) -> None:
    across = ask(
        catalog,
        f"""
        select indexrelid::regclass::text from pg_index
        join pg_attribute on attrelid = indrelid and attname = 'org_id'
        join pg_class c on c.oid = indexrelid
        where relnamespace in ({MODULES}) and indisunique and (indkey::int2[])[0] <> attnum
        """,
    )

    assert {name.partition(".")[2] for name in across} == ACROSS_TENANTS.keys()


def test_no_policy_reads_settings_directly(catalog: psycopg.Connection) -> None:
    """`app.claims()` reads them: a setting is '' after the first transaction of a connection, and null before."""
    policies = ask(
        catalog,
        f"""
        select polname || ': ' || coalesce(pg_get_expr(polqual, polrelid), '') || ' '
            || coalesce(pg_get_expr(polwithcheck, polrelid), '')
        from pg_policy where polrelid in (select oid from pg_class where relnamespace in ({MODULES}))
        """,
    )

    bad = re.compile(r"current_setting|is null|user_metadata|auth\.", re.IGNORECASE)
    assert [policy for policy in policies if bad.search(policy)] == []


def test_no_column_has_a_type_that_blocks_an_upgrade(catalog: psycopg.Connection) -> None:
    columns = ask(
        catalog,
        f"""
        select attrelid::regclass::text, attname from pg_attribute join pg_class c on c.oid = attrelid
        where relnamespace in ({MODULES}) and attnum > 0 and atttypid::regtype::text ~ '^reg'
        """,
    )

    assert columns == []


def test_no_table_is_partitioned(catalog: psycopg.Connection) -> None:
    parts = ask(catalog, f"select oid::regclass::text from pg_class where relispartition and relnamespace in ({OURS})")

    assert parts == []


def test_no_request_can_read_a_sequence(catalog: psycopg.Connection) -> None:
    readable = ask(
        catalog,
        f"""
        select c.oid::regclass::text, role from pg_class c, unnest(array['anon', 'authenticated', 'app_sys']) as role
        where relkind = 'S' and relnamespace in ({OURS}) and has_sequence_privilege(role, c.oid, 'SELECT, USAGE')
        """,
    )

    assert readable == []
