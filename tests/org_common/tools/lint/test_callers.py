import psycopg
import pytest

from org_common.tools.lint.callers import code, tables_named
from org_common.tools.lint.context import Context
from tests.org_common.tools.lint.shop import snapshot

FUNCTIONS = """
create function shop.direct() returns text language sql as $$ select current_setting('app.user', true) $$;
create function shop.through() returns text language plpgsql as $$ begin return shop.direct(); end $$;
create function shop.parsed() returns text language sql return shop.through();
create function shop.login() returns text language plpgsql as $$ begin return session_user; end $$;
create function shop.loop_a() returns text language plpgsql as $$ begin return shop.loop_b(); end $$;
create function shop.loop_b() returns text language plpgsql as $$ begin return shop.loop_a(); end $$;
create function shop.comment_only() returns text language sql as $$ select 'x' -- current_setting('a.b')
$$;
"""


@pytest.mark.db
def test_function_reads_the_caller_itself_or_through_others(conn: psycopg.Connection) -> None:
    context = Context(snapshot(conn, FUNCTIONS))

    reads = {each.name: context.readers.reads_caller(each.oid) for each in context.functions}

    assert {name for name, read in reads.items() if read} == {"me", "orgs", "direct", "through", "parsed", "login"}


def test_tables_are_found_in_a_source() -> None:
    source = """insert into shop.notes select * from Members m join "shop" . orgs o -- from commented
    using (id); update only shop.x set a = 1"""

    assert tables_named(source) == {("shop", "notes"), ("", "members"), ("shop", "orgs"), ("shop", "x")}


def test_code_has_no_comments() -> None:
    assert code("a /* b\n c */ d -- e\nf").split() == ["a", "d", "f"]
