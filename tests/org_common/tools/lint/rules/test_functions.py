import psycopg
import pytest

from tests.org_common.tools.lint.shop import Case, found

pytestmark = pytest.mark.db


def definer(signature: str, body: str, path: str = "set search_path = ''") -> str:
    """A function that tenants may call."""
    name = signature.partition(" returns")[0]
    return f"""create function shop.{signature} language plpgsql stable security definer {path} as $$ {body} $$;
    revoke execute on function shop.{name} from public; grant execute on function shop.{name} to authenticated;"""


COUNT = "begin return (select count(*) from shop.notes n where n.org_id = org and org in (select shop.orgs())); end"
STAFF = "create function shop.staff() returns boolean language sql stable"
CASES = [
    *(
        Case(
            "definer-current-user",
            "function shop.staff()",
            f"{STAFF} {bad}; revoke execute on function shop.staff() from public",
            f"{STAFF} {good}; revoke execute on function shop.staff() from public",
        )
        for bad, good in (
            (
                "security definer set search_path = '' as $$ select current_user <> 'anon' $$",
                "as $$ select current_user <> 'anon' $$",
            ),
            (
                "security definer begin atomic select current_role <> 'anon'; end",
                "security definer begin atomic select session_user <> 'anon'; end",
            ),
            (
                "security definer set search_path = '' as $$ select 'anon' = current_role or now() is null $$",
                "security definer set search_path = '' as $$ select current_setting('app.current_user') = '1' $$",
            ),
            # As an argument it means the owner, on purpose.
            (
                "security definer set search_path = '' as $$ select current_user in ('anon') $$",
                "security definer set search_path = '' as $$ select pg_has_role(current_user, 'anon', 'usage') $$",
            ),
        )
    ),
    Case(
        "definer-search-path",
        "function shop.f()",
        definer("f() returns uuid", "begin return shop.me(); end", ""),
        definer("f() returns uuid", "begin return shop.me(); end"),
    ),
    Case(
        "definer-search-path",
        "function shop.f()",
        definer("f() returns uuid", "begin return shop.me(); end", "set search_path = shop, pg_catalog"),
        definer("f() returns uuid", "begin return shop.me(); end", "set search_path = shop, pg_temp"),
    ),
    Case(
        "definer-search-path",
        "function shop.t()",
        "create function shop.t() returns trigger language plpgsql security definer as $$ begin return new; end $$",
        # Its body is parsed when it is created.
        "create function shop.t() returns uuid language sql security definer return shop.me();"
        "revoke execute on function shop.t() from public",
    ),
    Case(
        "definer-public",
        "function shop.f()",
        """create function shop.f() returns uuid language sql security definer return shop.me()""",
        definer("f() returns uuid", "begin return shop.me(); end"),
    ),
    Case(
        "definer-takes-caller",
        "function shop.notes_of(user_id uuid)",
        definer("notes_of(user_id uuid) returns bigint", "begin return (select count(*) from shop.notes); end"),
        definer(
            "notes_of(user_id uuid) returns bigint",
            "begin return (select count(*) from shop.notes where user_id = shop.me()); end",
        ),
    ),
    Case(
        "definer-ignores-caller",
        "function shop.size(org uuid)",
        definer(
            "size(org uuid) returns bigint",
            "begin return (select count(*) from shop.notes where org_id = org); end",
        ),
        definer("size(org uuid) returns bigint", COUNT),
    ),
    Case(
        "definer-ignores-caller",
        "function shop.size()",
        """create function shop.inner() returns bigint language sql begin atomic select count(*) from shop.notes; end;
        create function shop.size() returns bigint language sql security definer return shop.inner();
        revoke execute on function shop.size() from public; grant execute on function shop.size() to authenticated""",
        # As invoker, the policies decide.
        """create function shop.size() returns bigint language sql begin atomic select count(*) from shop.notes; end""",
    ),
    *(
        Case(
            "definer-dynamic-sql",
            "function shop.f(filter text)",
            definer("f(filter text) returns void", f"begin perform shop.me(); execute {bad}; end"),
            definer("f(filter text) returns void", f"begin perform shop.me(); execute {good}; end"),
        )
        for bad, good in (
            ("'select ' || filter", "'select ' || quote_literal(filter)"),
            ("format('select %s', filter)", "format('select %L', filter)"),
            ("filter", "'select $1' using filter"),
        )
    ),
    Case(
        "function-leakproof",
        "function shop.f(a text)",
        "create function shop.f(a text) returns boolean language plpgsql leakproof as $$ begin return true; end $$",
        "create function shop.f(a text) returns boolean language plpgsql as $$ begin return true; end $$",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_bad_fixture_is_found_and_good_one_is_quiet(conn: psycopg.Connection, case: Case) -> None:
    assert (case.rule, case.object) in found(conn, case.bad)
    assert found(conn, case.good) == []


def test_function_that_only_the_platform_calls_may_see_all_rows(conn: psycopg.Connection) -> None:
    function = definer("size() returns bigint", "begin return (select count(*) from shop.notes); end")

    assert found(conn, function.replace("to authenticated", "to app_service")) == []


def test_current_user_of_a_definer_is_no_look_at_the_caller(conn: psycopg.Connection) -> None:
    bad = f"""{STAFF} security definer set search_path = '' as
        $$ select current_user <> 'anon' from shop.members $$;
        revoke execute on function shop.staff() from public;
        grant execute on function shop.staff() to authenticated"""

    assert ("definer-ignores-caller", "function shop.staff()") in found(conn, bad)
