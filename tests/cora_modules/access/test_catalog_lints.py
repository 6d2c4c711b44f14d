"""What linters of row-level security look for in the catalog, beyond what the other two files ask."""

import re

import psycopg
import pytest

from tests.cora_modules.access.catalog import MODULES, OURS, ask

pytestmark = pytest.mark.db

# Whoever adds a row learns that there is one with the same value, in whatever tenant it is.
ACROSS_TENANTS = {
    "org_email_domains_verified": "one organization has proved a domain; only the platform's admins get the answer",
    "invites_token": "of random hashes that no caller picks",
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


def test_no_role_has_two_policies_for_one_verb(catalog: psycopg.Connection) -> None:
    """Both would be asked for each row, and the more generous one would win."""
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


def test_no_two_indexes_are_the_same(catalog: psycopg.Connection) -> None:
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


def test_no_index_begins_like_a_longer_one(catalog: psycopg.Connection) -> None:
    """The longer one answers for it, and both would be kept up to date."""
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


def test_no_policy_reads_the_settings_itself(catalog: psycopg.Connection) -> None:
    """Else one forgets that a setting is '' after the first unit of a connection, or is open without it."""
    policies = ask(
        catalog,
        f"""
        select polname || ': ' || coalesce(pg_get_expr(polqual, polrelid), '') || ' '
            || coalesce(pg_get_expr(polwithcheck, polrelid), '')
        from pg_policy where polrelid in (select oid from pg_class where relnamespace in ({MODULES}))
        """,
    )

    bad = re.compile(r"current_setting|is null|user_metadata|auth\.", re.IGNORECASE)
    assert [each for each in policies if bad.search(each)] == []


def test_no_column_is_of_a_type_that_blocks_an_upgrade(catalog: psycopg.Connection) -> None:
    of_them = ask(
        catalog,
        f"""
        select attrelid::regclass::text, attname from pg_attribute join pg_class c on c.oid = attrelid
        where relnamespace in ({MODULES}) and attnum > 0 and atttypid::regtype::text ~ '^reg'
        """,
    )

    assert of_them == []


def test_there_are_no_parts_to_be_read_around_their_whole(catalog: psycopg.Connection) -> None:
    parts = ask(catalog, f"select oid::regclass::text from pg_class where relispartition and relnamespace in ({OURS})")

    assert parts == []


def test_nobody_reads_how_many_rows_a_sequence_has_numbered(catalog: psycopg.Connection) -> None:
    readable = ask(
        catalog,
        f"""
        select c.oid::regclass::text, role from pg_class c, unnest(array['anon', 'authenticated', 'app_sys']) as role
        where relkind = 'S' and relnamespace in ({OURS}) and has_sequence_privilege(role, c.oid, 'SELECT, USAGE')
        """,
    )

    assert readable == []
