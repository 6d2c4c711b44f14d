from typing import LiteralString

import psycopg
import pytest

from org_common.tools.lint.nodes import Node, constant, parse, walk

TREE = (
    r"{OPEXPR :opno 98 :location 45 :args ({VAR :varattno 1 :varlevelsup 0} "
    r"{CONST :constlen -1 :constvalue 7 [ 28 0 0 0 97 32 98 ]}) "
    r':name a\ b :empty <> :alias ("x" "y\ z")}'
)


def test_node_has_its_fields() -> None:
    node = parse(TREE)

    assert node is not None
    assert (node.tag, node.number("opno"), node.number("absent")) == ("OPEXPR", 98, 0)
    assert (node.fields["name"], node.fields["empty"], node.fields["alias"]) == ("a b", None, ["x", "y z"])
    assert [each.tag for each in node.arguments] == ["VAR", "CONST"]


def test_place_in_the_statement_does_not_make_trees_unequal() -> None:
    assert parse("{VAR :varattno 1 :location 7}") == parse("{VAR :varattno 1 :location 12}")


def test_text_of_a_constant_has_no_header() -> None:
    node = parse(TREE)

    assert node is not None
    assert constant(node.arguments[1]) == b"a b"
    assert constant(node.arguments[0]) is None


@pytest.mark.parametrize("text", [None, "", "<>", "(1 2)"])
def test_what_is_not_one_node_is_none(text: str | None) -> None:
    assert parse(text) is None


@pytest.mark.db
@pytest.mark.parametrize(
    ("expression", "tags", "levels"),
    [
        ("a = 'x y'", {"OPEXPR", "VAR", "CONST"}, {0}),
        ("exists (select from (select 1 as b) s where s.b = length(t.a))", {"SUBLINK", "QUERY", "FUNCEXPR"}, {0, 1, 2}),
        ("a like E'{(\\\\})' or a = '<>'", {"BOOLEXPR", "OPEXPR", "CONST"}, {0}),
    ],
)
def test_trees_of_a_real_server_are_read(
    conn: psycopg.Connection, expression: LiteralString, tags: set[str], levels: set[int]
) -> None:
    with conn.transaction(force_rollback=True):
        conn.execute(f"create table t (a text); create policy p on t using ({expression})".encode())
        (text,) = conn.execute("select polqual::text from pg_policy").fetchone() or ("",)

    node = parse(text)

    assert isinstance(node, Node)
    assert tags <= {found.tag for found, _ in walk(node)}
    assert {level for _, level in walk(node)} == levels
