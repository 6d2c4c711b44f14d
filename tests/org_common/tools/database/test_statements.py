"""The splitter against the server: PostgreSQL splits a file itself, and sends one result per statement."""

from collections.abc import Iterator
from itertools import pairwise

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import generators
from psycopg.pq import ExecStatus

from org_common.tools.database import schema
from org_common.tools.database.migrations import Migration, SchemaError, line_and_column
from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.tools.database.statements import split, tokens

# Characters that mean something to the lexer, and some that must not.
SIGNS = st.text(alphabet="'\"$\\-/*;:()[]\n\r\t aeEuU&bx1é\u00a0", max_size=12)
TAGS = st.from_regex(r"[a-z_é][a-z0-9_é]{0,2}", fullmatch=True) | st.just("")


@st.composite
def blocks(draw: st.DrawFn, depth: int = 3) -> str:
    inside = draw(SIGNS).replace("/", "").replace("*", "")
    # `/` and `*` in every order, but no start or end of a comment.
    inside += draw(st.sampled_from(["", "* ", "/ ", "** ", " / *; "]))
    return "/*" + inside + (draw(blocks(depth - 1)) if depth and draw(st.booleans()) else "") + "\n*/"


@st.composite
def lines(draw: st.DrawFn) -> str:
    return "--" + draw(SIGNS).replace("\n", "").replace("\r", "") + draw(st.sampled_from("\n\r"))


BLANKS = st.lists(st.sampled_from([" ", "\n", "\t", "\r", "\f"]) | blocks() | lines(), max_size=2).map("".join)


@st.composite
def plain(draw: st.DrawFn) -> str:
    prefix = draw(st.sampled_from(["", "n", "N", "U&", "u&"]))
    text = draw(SIGNS).replace("'", "''").replace("\\", "" if "&" in prefix else "\\")
    return f"{prefix}'{text}'" + draw(st.sampled_from(["", "\n'go on; '"]))


@st.composite
def escaped(draw: st.DrawFn) -> str:
    pieces = st.sampled_from(["\\'", "\\\\", "''", ";", '"', "$$", "--", "/*", "\n", "e", "\\n"])
    parts = draw(st.lists(st.lists(pieces, max_size=5).map("".join), min_size=1, max_size=3))
    go_on = draw(st.sampled_from(["\n", " \t\n\n", "\r", "\n -- it's\n ", " -- ';\n"]))
    return draw(st.sampled_from("eE")) + go_on.join(f"'{part}'" for part in parts)


@st.composite
def dollar(draw: st.DrawFn, code: str | None = None) -> str:
    tag = draw(TAGS)
    # Other dollar quotes, and pieces of this one.
    inside = draw(st.sampled_from(["", "$$; ", "$b ;", "$$ z $$"] if tag else ["", "$z ;", "$1;"]))
    return f"${tag}$ {code or draw(SIGNS).replace('$', '') + inside} ${tag}$"


LITERALS = plain() | escaped() | dollar() | st.sampled_from(["b'01'", "x'f'", "1", "1.5e-3", "'a'::text"])
LABELS = st.sampled_from(["end", '"end"', "case", "begin", "commit", "a$b$", '"a"";$$"', "é"])


@st.composite
def queries(draw: st.DrawFn) -> str:
    literal, label, blank = draw(LITERALS), draw(LABELS), draw(BLANKS)
    return draw(
        st.sampled_from(
            [
                f"select {literal} as {label}{blank}",
                f"select{blank} t.{label} from (select {literal} as {label}) t",
                f"select case when true then {literal} else {literal} end{blank} as {label}",
                f"select case when 1 = case when true then 1 end then 2 end + 1 as {label}",
                "select begin atomic from (select 1 as begin) t",
                f"select 1 +{blank} 1 as {label}, (array[1, 2])[1:2]",
                f"select 1 /{blank}1 - -1 as {label}",
                f"with t as (select {literal} as {label}) select t.{label} from t",
                "values (1), (2)",
                "(select 1) union (select 2)",
            ]
        )
    )


@st.composite
def bodies(draw: st.DrawFn) -> str:
    parts = [*draw(st.lists(queries() | BLANKS, max_size=4)), "select 'last'"]
    return (
        "begin"
        + draw(BLANKS)
        + " atomic "
        + "; ".join(parts)
        + ";"
        + draw(BLANKS)
        + draw(st.sampled_from(["end", "END"]))
    )


@st.composite
def routines(draw: st.DrawFn) -> str:
    head = draw(
        st.sampled_from(
            ["create function pg_temp.f_N_", "create or replace function pg_temp.f_N_", "CREATE FUNCTION pg_temp.f_N_"]
        )
    )
    arguments = draw(st.sampled_from(["", "begin int, atomic int", '"end" int default 1', "begin int default 1 + (2)"]))
    sql = "select 1; select ';'; /* ; */"
    block = "declare x int := 1; begin /* ; */ if true then x := 2; end if; return; end;"
    routine: str = draw(
        st.one_of(
            bodies().map(lambda body: f"{head}({arguments}) returns text language sql set work_mem to '1MB' {body}"),
            LITERALS.map(lambda value: f"{head}({arguments}) returns text language sql return ({value})::text"),
            dollar(code=sql).map(lambda body: f"{head}({arguments}) returns text language sql as {body}"),
            dollar(code=block).map(lambda body: f"{head}({arguments}) returns void language plpgsql as {body}"),
            st.just(f"{head}({arguments}) returns text language sql as E'select \\';\\''"),
            bodies().map(lambda body: f"create procedure pg_temp.p_N_() language sql {body}"),
        )
    )
    return routine


OTHERS = st.sampled_from(
    [
        "create or replace rule r as on insert to public.seen do also (select 1; select ';'; )",
        "do $$ begin perform 1; end; $$",
        "savepoint a; rollback work to savepoint a; release a",
        "prepare p1 as select 1; deallocate p1",
        "set local search_path = begin, atomic",
        "comment on table public.seen is 'it''s; $$'",
        "explain (costs off) select 1",
        "",
    ]
)
STATEMENTS = queries() | routines() | OTHERS


@pytest.fixture(scope="module")
def conn() -> Iterator[psycopg.Connection]:
    with EmbeddedPostgres.start(durable=False) as server, psycopg.connect(server.url, autocommit=True) as conn:
        conn.execute("create table seen (id int)")
        yield conn


def named(statement: str, number: int) -> str:
    """The statement, with a name of its own for what it creates."""
    return statement.replace("_N_", str(number))


def results(conn: psycopg.Connection, text: str) -> list[str]:
    """The SQLSTATE of each result of the text, "" for success. Nothing is kept."""
    conn.execute("begin")
    conn.pgconn.send_query(text.encode())
    found = conn.wait(generators.execute(conn.pgconn))
    conn.execute("rollback")
    return [
        "" if result.status != ExecStatus.FATAL_ERROR else str(psycopg.errors.error_from_result(result))
        for result in found
        if result.status != ExecStatus.EMPTY_QUERY
    ]


@settings(max_examples=400, deadline=None)
@given(parts=st.lists(st.tuples(BLANKS, STATEMENTS), min_size=1, max_size=5))
def test_statements_are_those_of_the_server(conn: psycopg.Connection, parts: list[tuple[str, str]]) -> None:
    text = ";".join(blank + named(statement, number) for number, (blank, statement) in enumerate(parts))

    answered = results(conn, text)

    assert not any(answered), (text, answered)
    assert len(split(text)) == len(answered), text


@settings(max_examples=200, deadline=None)
@given(before=st.lists(STATEMENTS, max_size=4), blank=BLANKS, after=STATEMENTS)
def test_failing_statement_is_found(conn: psycopg.Connection, before: list[str], blank: str, after: str) -> None:
    start = "".join(f"{named(statement, number)};" for number, statement in enumerate(before)) + blank
    text = f"{start}select 1 / 0;{named(after, len(before))}"
    line = line_and_column(text, len(start))[0]

    conn.execute("rollback; begin")
    with pytest.raises(SchemaError, match=rf"line {line}: division by zero \(statement {len(split(start)) + 1}\)"):
        schema._run(conn, Migration("shop", 1, "x", text, ""))
    conn.execute("rollback")


@settings(max_examples=500, deadline=None)
@given(text=st.text(alphabet="'\"$\\-/*;()\n\reEaU&1", max_size=30))
def test_any_text_is_cut_into_tokens_in_order(text: str) -> None:
    found = list(tokens(text))

    assert all(text.startswith(token.text, token.start) for token in found)
    assert all(one.start + len(one.text) <= two.start for one, two in pairwise(found))


@pytest.mark.parametrize("start", ["'", "E'", '"', "$$", "$a$", "/*", "/* /* */"])
def test_what_does_not_end_is_one_token(start: str) -> None:
    text = f"select {start} ; commit; "
    [statement] = split(text)

    assert [token.text for token in statement.tokens][:1] == ["select"]


def test_long_texts_take_linear_time() -> None:
    text = (
        "select '"
        + "''" * 100_000
        + "', E'"
        + "\\'" * 100_000
        + "'; /*"
        + "/*" * 50_000
        + "*/" * 50_000
        + "*/ select 1"
    )

    assert len(split(text)) == 2
