import pytest

from org_common.tools.prove.operands import without_each


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("(a = 1)", {}),
        ("((a = 1) AND (b = 2))", {"(a = 1)": "((b = 2))", "(b = 2)": "((a = 1))"}),
        (
            "((a = 1) AND ((b = 2) OR (c IS NULL)))",
            {
                "(b = 2)": "((a = 1) AND ((c IS NULL)))",
                "(c IS NULL)": "((a = 1) AND ((b = 2)))",
                "(a = 1)": "(((b = 2) OR (c IS NULL)))",
                "((b = 2) OR (c IS NULL))": "((a = 1))",
            },
        ),
        ("(a OR b OR c)", {"a": "(b OR c)", "b": "(a OR c)", "c": "(a OR b)"}),
        (
            "\nCASE\n    WHEN (a AND b) THEN true\n    ELSE c\nEND",
            {
                "a": "\nCASE\n    WHEN (b) THEN true\n    ELSE c\nEND",
                "b": "\nCASE\n    WHEN (a) THEN true\n    ELSE c\nEND",
            },
        ),
        (
            "((a = ' OR (it''s) AND '::text) AND (\"x AND (y\" = 2))",
            {
                "(a = ' OR (it''s) AND '::text)": '(("x AND (y" = 2))',
                '("x AND (y" = 2)': "((a = ' OR (it''s) AND '::text))",
            },
        ),
    ],
)
def test_each_operand_is_dropped(condition: str, expected: dict[str, str]) -> None:
    assert dict(without_each(condition)) == expected
