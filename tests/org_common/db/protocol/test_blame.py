"""Whether a statement failed for a value that it was given."""

import datetime
import uuid

import pytest

from org_common.db.protocol.blame import is_null_sent, is_value_sent
from org_common.db.protocol.statement import Wire, prepare

ID = uuid.UUID(int=2**100 + 7)


@pytest.mark.parametrize(
    ("value", "message", "expected"),
    [
        ("swordfish", 'invalid input syntax for type integer: "swordfish"', True),
        ("swordfish", 'invalid input syntax for type integer: "trout"', False),
        ("SWORDFISH", 'invalid input syntax for type integer: "swordfish"', True),
        ("99", 'date/time field value out of range: "2026-99"', True),
        ("99", 'invalid value "99" for "DD"', True),
        ("", 'invalid input syntax for type integer: ""', True),
        ("", 'invalid input syntax for type integer: "trout"', False),
        ('a "b" c', 'invalid input syntax for type integer: "a "b" c"', True),
        ({"n": 'a "b" \n c'}, 'invalid input syntax for type integer: "a "b" \n c"', True),
        (["trout", "a b"], 'invalid input syntax for type integer: "a b"', True),
        (-70000, 'value "-70000" is out of range for type smallint', True),
        (9, 'value "70000" is out of range for type smallint', False),
        (ID, f'invalid input syntax for type integer: "{ID}"', True),
        (ID, 'invalid input syntax for type integer: "trout"', False),
        (datetime.date(2026, 1, 1), 'invalid input syntax for type integer: "trout"', False),
        ("x", "value too long for type character varying(10)", True),
        ("x", "ungültige Eingabesyntax für Typ integer: »trout«", True),
        (None, "integer out of range", False),
    ],
    ids=str,
)
def test_values_that_were_sent(value: object, message: str, expected: bool) -> None:
    statement = prepare("select %(value)s").bind({"value": value})

    assert is_value_sent(statement, message, is_in_sql=False) is expected
    assert is_value_sent(statement, message, is_in_sql=True) is False


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, True), ({"a": 1}, True), ([1, None], True), ("[null]", True), ("x", False), (5, False), (ID, False)],
    ids=str,
)
def test_nulls_that_were_sent(value: object, expected: bool) -> None:
    assert is_null_sent(prepare("select %(value)s").bind({"value": value})) is expected


def test_settings_are_not_the_callers() -> None:
    statement: Wire = (b"select set_config('role', $1, true)", [b"authenticated"], (25,), [0])

    assert is_value_sent(statement, 'role "authenticated" does not exist', is_in_sql=False) is False
