import pytest

from org_common.db.protocol.errors import StatementFailed
from org_common.tools.check.failures import problem


@pytest.mark.parametrize(
    ("sqlstate", "message", "id"),
    [
        ("42501", "permission denied for table orders", "rights.missing"),
        ("42703", 'column "x" does not exist', "sql.unknown"),
        ("42P01", 'relation "x" does not exist', "sql.unknown"),
        ("42883", "function x() does not exist", "sql.unknown"),
        ("42883", "operator does not exist: text = integer", "sql.type"),
        ("42P18", "could not determine data type of parameter $1", "sql.type"),
        ("42601", "syntax error", "sql.invalid"),
        ("0A000", "not supported", "sql.invalid"),
        # Raised by a function that PostgreSQL called to plan.
        ("P0001", "no caller", None),
    ],
)
def test_sqlstate_decides_the_problem(sqlstate: str, message: str, id: str | None) -> None:
    found = problem(StatementFailed(sqlstate, message), "authenticated")

    assert (None if found is None else found.id) == id


def test_guess_of_postgresql_is_shown() -> None:
    failed = StatementFailed("42703", "column o.titel does not exist", hint='Perhaps you meant "o.title".')

    found = problem(failed, "authenticated")

    assert found is not None
    assert found.text == 'column o.titel does not exist. Perhaps you meant "o.title"'
