from dataclasses import replace

from org_common.tools.database.difference import compare
from org_common.tools.database.objects import Object

TABLE = Object("table", "s.items", "owner app", "create table s.items ()")
COLUMN = Object(
    "column", "s.items.id", "bigint not null", "alter table s.items add column id bigint not null", None, "s.items"
)
FUNCTION = Object(
    "function", "s.f()", "owner app\nreturn 1", "create or replace function s.f() return 1", replaces=True
)
POLICY = Object("policy", "own on s.items", "to a", "create policy own on s.items to a", "drop policy own on s.items")
GRANT = Object("grant", "select on table s.items to a", "", "grant select on table s.items to a", "revoke it")


def test_equal_databases_have_no_difference() -> None:
    assert compare([TABLE, COLUMN], [COLUMN, TABLE]) == []


def test_required_column_has_a_statement_if_its_table_is_new_too() -> None:
    assert [each.sql for each in compare([TABLE, COLUMN], [])] == [TABLE.create, COLUMN.create]
    assert [each.sql for each in compare([TABLE, COLUMN], [TABLE])] == [None]


def test_unexpected_table_has_no_statement_but_a_grant_and_a_policy_have() -> None:
    found = compare([], [TABLE, POLICY, GRANT])

    assert [each.change for each in found] == ["unexpected"] * 3
    assert [each.sql for each in found] == [None, "drop policy own on s.items", "revoke it"]


def test_changed_column_has_no_statement_but_a_function_and_a_policy_have() -> None:
    ours = [COLUMN, FUNCTION, POLICY]

    found = compare(ours, [replace(each, definition="owner app\nreturn 2") for each in ours])

    assert [each.sql for each in found] == [None, FUNCTION.create, f"{POLICY.drop};\n{POLICY.create}"]


def test_lines_for_people() -> None:
    [column] = compare([COLUMN], [])
    assert [*column.lines()] == [
        "missing     column s.items.id: bigint not null",
        "            > alter table s.items add column id bigint not null;",
    ]

    [function] = compare([FUNCTION], [replace(FUNCTION, definition="owner app\nreturn 2")])
    assert [*function.lines()] == [
        "changed     function s.f()",
        "              --- database",
        "              +++ migrations",
        "               owner app",
        "              -return 2",
        "              +return 1",
        "            > create or replace function s.f() return 1;",
    ]


def test_document_for_programs() -> None:
    [grant] = compare([], [GRANT])

    assert grant.document() == {
        "change": "unexpected",
        "kind": "grant",
        "name": "select on table s.items to a",
        "migrations": None,
        "database": "",
        "sql": "revoke it",
    }
