"""What a record keeps of a round trip and of the decision of the access rule, without the values that were sent."""

import pytest
from psycopg import sql

from org_common import PUBLIC, SIGNED_IN, Check
from org_common.auth.rules import Rule
from org_common.db.protocol.statement import Wire, prepare, prepare_own
from org_common.telemetry.secret_values import MASK
from org_common.tools.database.tap import RoundTrip
from org_common.tools.serve.console.capture import CapturedTrip
from org_common.tools.serve.console.record import (
    MAX_SQL,
    MAX_STATEMENTS,
    RoundTripRecord,
    StatementRecord,
    verdict,
)

CHECK = Check("true")
SECRET = "hunter2"


class Result:
    """A result of libpq, as far as rows are counted."""

    def __init__(self, ntuples: int) -> None:
        self.ntuples = ntuples
        self.command_tuples = None


def record(*statements: Wire, error: Exception | None = None) -> RoundTripRecord:
    return RoundTripRecord.of(CapturedTrip(RoundTrip(statements, [Result(2)], error, 1.5), 0.25))


def test_parameters_have_names_and_masks() -> None:
    made = record(prepare("select %(password)s,\n  %(id)s").bind({"password": SECRET, "id": 4711}))

    [statement] = made.statements
    assert statement == StatementRecord(
        "select %(password)s, %(id)s", {"password": MASK, "id": MASK}, is_own=False, rows=2
    )
    assert (made.name, made.began_ms, made.took_ms, made.error) == ("SELECT", 0.25, 1.5, None)
    assert SECRET not in repr(made)
    assert "4711" not in repr(made)


def test_statement_that_was_composed_with_values_is_withheld() -> None:
    made = record(prepare(sql.SQL("select {}").format(sql.Literal(SECRET))).bind(None))

    assert SECRET not in repr(made)


def test_claims_of_a_session_setup_without_parameters_are_masked() -> None:
    made = record((f'set local "request.jwt.claims" = \'{{"sub": "{SECRET}"}}\''.encode(), [], (), []))

    assert [each.sql for each in made.statements] == [f'set local "request.jwt.claims" = {MASK}']


def test_statements_of_the_sdk_are_marked() -> None:
    made = record(prepare_own("begin read only").bind(None), prepare("select 1").bind(None))

    assert [(each.is_own, each.rows) for each in made.statements] == [(True, 2), (False, None)]


def test_long_round_trips_are_cut() -> None:
    long: Wire = (b"select " + b"1, " * MAX_SQL + b"1", [], (), [])

    made = record(*[long] * (MAX_STATEMENTS + 1))

    assert len(made.statements) == MAX_STATEMENTS
    assert {len(each.sql) for each in made.statements} == {MAX_SQL + len(" …")}


def trips(*verdicts: str | None) -> list[RoundTripRecord]:
    return [RoundTripRecord("commit", 0.0, 0.0, each, None, []) for each in verdicts]


@pytest.mark.parametrize(
    ("rule", "status", "verdicts", "expected"),
    [
        (None, 404, (), None),
        (PUBLIC, 200, (), "allowed"),
        (SIGNED_IN, 200, (None,), "allowed"),
        (SIGNED_IN, 403, ("unknown user: 403",), "unknown user: 403"),
        (CHECK, 200, ("allowed", None), "allowed"),
        (CHECK, 401, (), "denied: 401"),
        (CHECK, 422, (), "not checked"),
        (CHECK, 503, ("not decided",), "not checked"),
        # Repeated after a conflict.
        (CHECK, 404, ("allowed", "denied: 404"), "denied: 404"),
    ],
)
def test_verdict(rule: Rule | None, status: int, verdicts: tuple[str | None, ...], expected: str | None) -> None:
    assert verdict(rule, status, trips(*verdicts)) == expected
