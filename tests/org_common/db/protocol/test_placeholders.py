"""Placeholders within SQL: found outside of quotes and comments, and told apart by where they are."""

import re
from typing import LiteralString

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from org_common.db.protocol.placeholders import StatementError, comment_end, parse
from org_common.db.protocol.plans import MAX_LENGTH, Plans
from org_common.db.protocol.statement import prepare

QUOTES: list[LiteralString] = [
    "'{}'",
    "e'\\'{}'",
    "E'a''{}\\\\'",
    '"{}"',
    "$${}$$",
    "$tag$ ' {} $tag$",
    "date'{}'",
    "'it''s {}'",
    "U&'{}'",
]
COMMENTS: list[LiteralString] = ["-- {}\n", "/* {} */", "/* /* {} */ */", "--{}"]


@pytest.mark.parametrize("quote", QUOTES)
@pytest.mark.parametrize(
    "before", ["select ", "select 'a', ", 'select "a", $$b$$, ', "select -- '\n", "select /* ' */ "]
)
def test_placeholder_within_quotes_is_refused(before: str, quote: str) -> None:
    with pytest.raises(StatementError, match=r"placeholder %\(n\)s is within quotes"):
        parse(before + quote.format("v%(n)s"))


@pytest.mark.parametrize("quote", QUOTES)
def test_what_is_quoted_stays_and_what_follows_is_found(quote: str) -> None:
    parsed = parse(f"select {quote.format('100%% of')}, %(n)s")

    assert parsed.command == f"select {quote.format('100% of')}, $1".encode()
    assert parsed.names == ("n",)


@pytest.mark.parametrize("comment", COMMENTS)
def test_comments_have_no_parameters(comment: str) -> None:
    text = f"select %(a)s {comment.format('%(b)s 5 % 2 ')}"

    assert parse(text).command == text.replace("%(a)s", "$1").encode()
    assert parse(text).names == ("a",)


@pytest.mark.parametrize("text", ["select $1", "select a[$2]", "select f($1, %(a)s)"])
def test_positional_parameters_of_other_drivers_are_refused(text: str) -> None:
    with pytest.raises(StatementError, match=r"'\$\d' is not a valid placeholder. Name parameters"):
        parse(text)


@pytest.mark.parametrize("text", ["select a$1", "select '$1'", "select $$ $1 $$", 'select "$1"', "select 1 -- $1"])
def test_a_dollar_elsewhere_is_no_parameter(text: str) -> None:
    assert parse(text).command == text.encode()


PIECES = st.sampled_from(
    [
        "select",
        " ",
        "%(a)s",
        "%(b)s",
        "'it''s'",
        '"x"',
        "-- c\n",
        "/* c */",
        "(",
        ")",
        ",",
        "+",
        "*",
        "%%",
        "5",
        "f",
        "$$q$$",
    ]
)


@given(st.lists(PIECES, max_size=12).map(" ".join))
def test_numbers_count_from_one_and_the_rest_stays(text: str) -> None:
    parsed = parse(text)

    numbers = re.findall(r"\$(\d+)", parsed.command.decode())
    assert sorted(set(map(int, numbers))) == list(range(1, len(parsed.names) + 1))
    names = iter([parsed.names[int(number) - 1] for number in numbers])
    assert re.sub(r"\$\d+", lambda _: f"%({next(names)})s", parsed.command.decode()) == text.replace("%%", "%")


@pytest.mark.parametrize(
    ("text", "command", "null_tests"),
    [
        ("where %(a)s is null or b = %(a)s", "where $1 is null or b = $2", (0,)),
        ("where b = %(a)s or %(a)s is not null", "where b = $1 or $2 is not null", (1,)),
        ("where (%(a)s isnull)", "where ($1 isnull)", (0,)),
        ("where b + %(a)s is null", "where b + $1 is null", ()),
        ("where %(a)s::int is null or b = %(a)s", "where $1::int is null or b = $1", ()),
        ("where f(%(a)s) is null", "where f($1) is null", ()),
    ],
)
def test_a_test_for_null_has_a_parameter_of_its_own(text: str, command: str, null_tests: tuple[int, ...]) -> None:
    assert (parse(text).command, parse(text).null_tests) == (command.encode(), null_tests)


@pytest.mark.parametrize(
    ("text", "any_typed"),
    [
        ("unnest(%(a)s)", (0,)),
        ("pg_catalog.unnest( %(a)s )", (0,)),
        ("UNNEST (%(a)s)", (0,)),
        ("jsonb_build_object('a', %(a)s, 'b', 1)", (0,)),
        ("unnest(%(a)s::int[])", ()),
        ("unnest(b || %(a)s)", ()),
        ("f(%(a)s)", ()),
        ("b = any(%(a)s)", ()),
    ],
)
def test_arguments_of_any_type_are_known(text: str, any_typed: tuple[int, ...]) -> None:
    assert parse(text).any_typed == any_typed


@pytest.mark.parametrize(
    ("text", "products"),
    [
        ("offset %(a)s * %(b)s", ((1, (0, 1)),)),
        ("offset (%(a)s - 1) * %(b)s limit %(b)s", ((2, (0, 1)),)),
        ("select %(a)s * 100", ((100, (0,)),)),
        ("select 5 + (%(a)s)", ((5, (0,)),)),
        ("select %(a)s %% 7", ((7, (0,)),)),
        ("select b + %(a)s * 7", ((7, (0,)),)),
        ("select b + %(a)s", ()),
        ("select 'x' * %(a)s", ()),
        ("select data -> %(a)s", ()),
        ("select data - %(a)s", ()),
        ("values (%(a)s, -1, %(b)s)", ()),
        ("select count(*), %(a)s", ()),
    ],
)
def test_arithmetic_of_parameters_and_numbers_is_known(text: str, products: object) -> None:
    assert parse(text).products == products


@pytest.mark.parametrize("end", ["*/", "*/ x", "/* */ */"])
def test_comments_end_where_postgresql_ends_them(end: str) -> None:
    text = f"/* a {end}"

    assert text[: comment_end(text, 0)].endswith("*/")
    assert comment_end("/* open", 0) == len("/* open")


def test_long_statements_hold_data_and_are_not_kept() -> None:
    """300 composed statements of 200 kB took 115 MB."""
    composed = sql.SQL("select {}").format(sql.Literal("x" * MAX_LENGTH))

    assert prepare(composed) is not prepare(composed)
    assert Plans().new(prepare(composed).bind(None)) is None
    assert prepare(sql.SQL("select {}").format(sql.Literal("x"))) is prepare(
        sql.SQL("select {}").format(sql.Literal("x"))
    )


@pytest.mark.parametrize("text", ["where id in %(ids)s", "where id not in\n %(ids)s", "where id IN %(ids)s and b"])
def test_in_takes_no_list(text: str) -> None:
    with pytest.raises(StatementError, match=r"write = any\(%\(ids\)s\)"):
        parse(text)


def test_in_takes_single_values() -> None:
    assert parse("where id in (%(a)s, %(b)s) and begin = %(c)s").names == ("a", "b", "c")
    assert parse("select position('x' in %(a)s)").names == ("a",)
