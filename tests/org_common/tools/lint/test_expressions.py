from typing import LiteralString

import psycopg
import pytest

from org_common.tools.lint import expressions
from org_common.tools.lint.context import Context
from org_common.tools.lint.nodes import Node
from tests.org_common.tools.lint.shop import snapshot

pytestmark = pytest.mark.db


def condition(conn: psycopg.Connection, text: LiteralString) -> tuple[Context, Node]:
    """The condition of a policy on shop.notes: org_id is its column 1, owner_id column 3."""
    context = Context(snapshot(conn, f"create policy p on shop.notes for delete to authenticated using ({text})"))
    (node,) = [policy.using for table in context.tables for policy in table.policies if policy.name == "p"]
    assert node is not None
    return context, node


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("true", True),
        ("1 = 1", True),
        ("org_id = org_id", True),
        ("(select true)", True),
        ("not false or org_id is null", True),
        ("false", False),
        ("null", False),
        ("1 = 2 and org_id is null", False),
        ("org_id is null", None),
        ("true and org_id is null", None),
    ],
)
def test_truth_of_a_condition(conn: psycopg.Connection, text: LiteralString, truth: bool | None) -> None:
    context, node = condition(conn, text)

    assert context.conditions.truth(node) is truth


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("org_id = (select shop.me())", {1}),
        ("(select shop.me()) = org_id", {1}),
        ("org_id = any (array(select shop.orgs()))", {1}),
        ("org_id = any (array(select shop.orgs())) or owner_id = (select shop.me())", {1, 3}),
        ("org_id = any (array(select shop.orgs())) or text = 'a' || text", set()),
        ("org_id = owner_id", set()),
        ("org_id <> (select shop.me())", set()),
        ("org_id <> all (array(select shop.orgs()))", set()),
        ("org_id in (select shop.orgs())", set()),
        ("org_id::text = 'a'", set()),
    ],
)
def test_columns_that_an_index_can_serve(conn: psycopg.Connection, text: LiteralString, columns: set[int]) -> None:
    context, node = condition(conn, text)

    assert context.conditions.indexable(node) == columns


def test_columns_of_the_row_include_those_within_subqueries(conn: psycopg.Connection) -> None:
    _, node = condition(conn, "exists (select from shop.members m where m.org_id = notes.org_id and m.role = 'x')")

    assert expressions.row_columns(node) == {1}
    assert expressions.is_correlated(next(expressions.sublinks(node, expressions.EXISTS)))


def test_parts_are_those_of_nested_and(conn: psycopg.Connection) -> None:
    _, node = condition(conn, "org_id is null and (owner_id is null and (text = 'a' or text = 'b'))")

    assert [part.tag for part in expressions.parts(node)] == ["NULLTEST", "NULLTEST", "BOOLEXPR"]
    assert len(expressions.parts(expressions.parts(node)[2], "or")) == 2
