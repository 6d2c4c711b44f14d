"""Integers that a statement computes with do not overflow for the smallness of their values."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from org_common.auth.rules import SIGNED_IN
from org_common.db.database import Database
from org_common.db.protocol.arithmetic import chains
from org_common.db.protocol.statement import prepare
from org_common.values.types import Deadline
from tests.support.handles import open_reader
from tests.support.lab import ALICE


def test_chains_of_parameters() -> None:
    assert chains(b"select $1 * $2 + $3, $4, $5 -\n$1, $1 * 100, lower($1) || $2, $12") == [
        ((b"", 0), (b"*", 1), (b"+", 2)),
        ((b"", 4), (b"-", 0)),
    ]


@pytest.mark.parametrize(
    ("a", "b", "oids"),
    [(3, 4, (23, 23)), (40_000, 40_000, (23, 23)), (70_000, 70_000, (20, 20)), (2**40, 1, (20, 20)), (3, "x", (23, 0))],
)
def test_types(a: object, b: object, oids: tuple[int, int]) -> None:
    assert prepare("select %(a)s * %(b)s").bind({"a": a, "b": b})[2] == oids


INTEGERS = st.integers(-100_000, 100_000) | st.integers(-(2**31), 2**31)


@pytest.mark.db
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(a=INTEGERS, b=INTEGERS, c=st.integers(-1000, 1000))
def test_results_are_right(db: Database, a: int, b: int, c: int) -> None:
    reader = open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(300))

    assert reader.value("select array[%(a)s * %(b)s, %(a)s + %(b)s, %(a)s - %(b)s - %(c)s]", locals()) == [
        *(a * b, a + b, a - b - c)
    ]


@pytest.mark.db
def test_functions_of_integers_take_them(db: Database) -> None:
    reader = open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(30))
    sql = (
        "select repeat('a', %(n)s) || (date '2026-01-01' + %(n)s * %(n)s)::text || ('[1, 2, 3]'::jsonb -> %(n)s)::text "
        "|| make_interval(days => %(n)s * %(n)s)::text"
    )

    assert reader.value(sql, {"n": 2}) == "aa2026-01-0534 days"
