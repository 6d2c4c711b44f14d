"""Each failure of the server as its answer, provoked for real; and that no answer tells what only the log may know."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import LiteralString

import pytest

from org_common.auth.rules import SIGNED_IN
from org_common.db.database import Database, transaction
from org_common.db.protocol.errors import StatementFailed, to_org_error
from org_common.values.errors import Conflict, OrgError, Unavailable
from org_common.values.types import Deadline
from tests.support.handles import OwnedTransaction, open_reader, open_transaction
from tests.support.lab import ALICE, INSERT, Lab, until

pytestmark = pytest.mark.db

ADD = "insert into lab.notes (id, body, size, label, parent) values "
# Statement, SQLSTATE, status, code.
Case = tuple[LiteralString, str, int, str]
CASES: list[Case] = [
    (ADD + "(1, 'x', 1, 'other', null)", "23505", 409, "duplicate"),
    (ADD + "(2, 'x', 1, 'taken', null)", "23505", 409, "duplicate"),
    (ADD + "(2, 'x', 1, null, 77)", "23503", 409, "broken_reference"),
    ("delete from lab.notes where id = 1", "23503", 409, "broken_reference"),
    (ADD + "(2, null, 1, null, null)", "23502", 422, "missing_value"),
    (ADD + "(2, 'swordfish', -1, null, null)", "23514", 422, "invalid_value"),
    ("insert into lab.bookings values ('[1,5]'), ('[3,9]')", "23P01", 409, "overlap"),
    (ADD + "(2, 'x', 1, 'swordfish, swordfish', null)", "22001", 422, "invalid_value"),
    (ADD + "(2, 'x', 70000, null, null)", "22003", 422, "invalid_value"),
    ("select 'swordfish'::int", "22P02", 422, "invalid_value"),
    ("select 'swordfish'::timestamptz", "22007", 422, "invalid_value"),
    ("select '2026-02-31'::date", "22008", 422, "invalid_value"),
    ("select 1 / 0", "22012", 422, "invalid_value"),
    ("select '{swordfish'::jsonb", "22P02", 422, "invalid_value"),
    ("select '\"\\u0000\"'::jsonb ->> 0", "22P05", 422, "invalid_value"),
    ("select substring('swordfish' for -1)", "22011", 422, "invalid_value"),
    ("select secret from lab.hidden", "42501", 403, "forbidden"),
    ("insert into lab.notes (id, body, owner) values (2, 'x', gen_random_uuid())", "42501", 403, "forbidden"),
    ("update lab.notes set owner = gen_random_uuid()", "42501", 403, "forbidden"),
    ("select count(*) from access.user_identities", "42501", 403, "forbidden"),
    ("select swordfish from lab.notes", "42703", 500, "internal_error"),
    ("select 1 from lab.swordfish", "42P01", 500, "internal_error"),
    ("select lab.swordfish()", "42883", 500, "internal_error"),
    ("select 1 from where swordfish", "42601", 500, "internal_error"),
    ("select (select 1 union select 2)", "21000", 500, "internal_error"),
    ("select lab.fail('P0001', 'swordfish', 'swordfish')", "P0001", 500, "internal_error"),
    ("select lab.fail('XX000', 'swordfish')", "XX000", 500, "internal_error"),
    ("select lab.fail('57014', 'swordfish')", "57014", 504, "timeout"),
    ("select lab.fail('53100', 'swordfish')", "53100", 503, "unavailable"),
    ("select lab.fail('53200', 'swordfish')", "53200", 503, "unavailable"),
    ("select lab.fail('OCUSR', 'swordfish', 'swordfish')", "OCUSR", 403, "not_provisioned"),
    ("select lab.fail('OC999', 'swordfish', 'swordfish')", "OC999", 500, "internal_error"),
    ("select lab.fail('OCMOV', 'swordfish', 'swordfish')", "OCMOV", 500, "internal_error"),
]
OWN = [(400, "OC400"), (403, "OC403"), (404, "OC404"), (409, "OC409"), (410, "OC410"), (412, "OC412"), (422, "OC422")]
# Words of the server and of the statements that no caller may see.
SECRET = ["swordfish", "lab.", "notes", "select", "insert", "taken", "_key", "_check", "column", "relation", "sqlstate"]


@pytest.fixture
def notes(db: Database) -> Database:
    """Alice has two."""
    with transaction(ALICE, database=db) as tx:
        tx.run(ADD + "(1, 'x', 1, 'taken', null), (10, 'x', 1, null, 1)", rows=2)
    return db


def failed(db: Database, text: LiteralString, **params: object) -> OrgError:
    """What a transaction of this one statement raises."""
    with pytest.raises(OrgError) as raised, transaction(ALICE, database=db, timeout_s=5) as tx:
        tx.run(text, params, rows=None)
    return raised.value


@pytest.mark.parametrize(("text", "sqlstate", "status", "code"), CASES, ids=lambda value: str(value)[:30])
def test_each_has_its_answer(notes: Database, text: LiteralString, sqlstate: str, status: int, code: str) -> None:
    error = failed(notes, text)

    cause = error.__cause__
    assert isinstance(cause, StatementFailed)
    assert (cause.sqlstate, error.status, error.code) == (sqlstate, status, code)
    told = f"{error} {error.detail} {error.title} {dict(error.headers)}".lower()
    assert not [word for word in SECRET if word in told]


@pytest.mark.parametrize(("status", "state"), OWN)
def test_a_modules_own_codes_choose_status_code_and_detail(db: Database, status: int, state: str) -> None:
    error = failed(db, "select lab.fail(%(state)s, 'last_owner', 'An organization needs an owner.')", state=state)

    assert (error.status, error.code, error.detail) == (status, "last_owner", "An organization needs an owner.")


@pytest.mark.parametrize(("status", "state"), OWN)
def test_without_a_detail_it_is_that_of_the_status(db: Database, status: int, state: str) -> None:
    error = failed(db, "select lab.fail(%(state)s, 'last_owner')", state=state)

    assert error.detail == type(error).detail
    assert error.code == "last_owner"


def test_values_of_rows_are_for_the_log_alone(notes: Database) -> None:
    """And there only in `detail`, which `str` leaves out."""
    text = "select lab.fail('23505', 'duplicate key', 'Key (email)=(bob@example.com) already exists.')"

    cause = failed(notes, text).__cause__

    assert isinstance(cause, StatementFailed)
    assert "bob@example.com" in (cause.detail or "")
    assert "bob@example.com" not in str(cause)
    assert "bob@example.com" not in repr(cause)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("select secret from lab.hidden where secret = 'hunter2'", "permission denied for table hidden"),
        ("update lab.notes set body = 'hunter2', owner = gen_random_uuid()", "row-level security policy"),
        ("select lab.fail('42501', 'hunter2')", "a function raised SQLSTATE"),
    ],
)
def test_why_it_was_denied_is_in_the_log(
    notes: Database, caplog: pytest.LogCaptureFixture, text: LiteralString, said: str
) -> None:
    error = failed(notes, text)

    assert (error.status, said in caplog.text, "hunter2" in caplog.text) == (403, True, False)


def test_what_another_holds_is_locked(lab: Lab, notes: Database) -> None:
    other = Database(lab.settings)
    with transaction(ALICE, database=other) as holder:
        holder.run("update lab.notes set body = 'y' where id = 1", rows=1)

        error = failed(notes, "select id from lab.notes for update nowait")

    assert (error.status, error.code, error.headers) == (503, "locked", {"Retry-After": "1"})
    assert getattr(error.__cause__, "sqlstate", None) == "55P03"
    other.close()


def test_too_little_time_is_504(db: Database) -> None:
    open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(5)).value("select 1")

    with pytest.raises(OrgError) as raised, transaction(ALICE, database=db, timeout_s=1.0) as tx:
        tx.value("select pg_sleep(5)")

    assert (raised.value.status, raised.value.code) == (504, "timeout")


def test_a_deadlock_ends_for_one_of_the_two(own_lab: Lab) -> None:
    own_lab.configure("deadlock_timeout", "20ms")
    left, right = Database(own_lab.settings), Database(own_lab.settings)
    with transaction(ALICE, database=left) as tx:
        tx.many(INSERT, [{"id": 1, "body": "x"}, {"id": 2, "body": "x"}])
    met = threading.Barrier(2)

    def change(db: Database, first: int, second: int) -> OrgError | None:
        text: LiteralString = "update lab.notes set body = 'y' where id = %(id)s"
        try:
            with transaction(ALICE, database=db) as tx:
                tx.run(text, {"id": first}, rows=1)
                met.wait()
                tx.run(text, {"id": second}, rows=1)
        except OrgError as error:
            return error
        return None

    with ThreadPoolExecutor(2) as pool:
        ends = [pool.submit(change, left, 1, 2), pool.submit(change, right, 2, 1)]
        (error,) = [error for error in [end.result() for end in ends] if error is not None]

    assert isinstance(error, Unavailable)
    assert (error.status, error.code, error.headers) == (503, "concurrent_change", {"Retry-After": "1"})
    assert isinstance(error.__cause__, StatementFailed)
    assert error.__cause__.sqlstate == "40P01"
    left.close()
    right.close()


def serializable(db: Database) -> OwnedTransaction:
    return open_transaction(db, SIGNED_IN, ALICE, {}, Deadline.after(20), isolation="serializable")


def test_a_serialization_failure_is_503_when_it_comes_with_a_statement(lab: Lab, db: Database) -> None:
    lab.tell("insert into lab.notes (id, body, owner) values (1, 'x', %s)", lab.user_id(ALICE))
    tx = serializable(db)
    tx.value("select count(*) from lab.notes")
    lab.tell("update lab.notes set body = 'y'")

    with pytest.raises(Unavailable) as raised:
        tx.run("update lab.notes set body = 'z'", rows=None)
    tx.rollback()

    assert raised.value.code == "concurrent_change"
    assert getattr(raised.value.__cause__, "sqlstate", None) == "40001"


def test_and_when_it_comes_with_the_commit(lab: Lab, db: Database) -> None:
    """Write skew: each reads what the other writes."""
    other = Database(lab.settings)
    first, second = serializable(db), serializable(other)
    for number, tx in enumerate((first, second)):
        tx.value("select count(*) from lab.notes")
        tx.run(INSERT, {"id": number, "body": "x"}, rows=1)
    first.commit()

    with pytest.raises(Unavailable) as raised:
        second.commit()

    assert raised.value.code == "concurrent_change"
    assert lab.notes() == [0]
    other.close()


def test_no_connection_left_is_503(own_lab: Lab) -> None:
    # One for the lab itself, one for the first.
    own_lab.limit(connections=2)
    first, second = Database(own_lab.settings), Database(own_lab.settings)
    assert open_reader(first, SIGNED_IN, ALICE, {}, Deadline.after(5)).value("select 1") == 1

    with pytest.raises(Unavailable) as raised:
        open_reader(second, SIGNED_IN, ALICE, {}, Deadline.after(5)).value("select 1")

    assert raised.value.headers == {"Retry-After": "1"}
    assert getattr(raised.value.__cause__, "sqlstate", None) == "53300"
    first.close()
    assert until(own_lab.is_quiet)
    assert until(lambda: is_served(second))
    second.close()


def is_served(db: Database) -> bool:
    try:
        return bool(open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(5)).value("select 1") == 1)
    except Unavailable:
        return False


def test_a_write_in_a_read_only_unit_is_the_handlers_fault(db: Database) -> None:
    texts: list[LiteralString] = [
        "insert into lab.notes (id, body) values (1, 'x')",
        "delete from lab.notes",
        "select id from lab.notes for update",
        "with x as (update lab.notes set body = 'y' returning id) select id from x",
    ]
    for text in texts:
        with pytest.raises(OrgError) as raised:
            open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(10)).value(text)
        assert (raised.value.status, raised.value.code) == (500, "read_only_unit")


def test_without_our_asking_read_only_is_a_standby() -> None:
    error = to_org_error(StatementFailed("25006", "cannot execute INSERT in a read-only transaction"), read_only=False)

    assert isinstance(error, Unavailable)


@pytest.mark.parametrize("sqlstate", ["", "00000", "08P01", "2", "25P02", "26000", "58030", "HV000", "??", "ö"])
def test_what_nobody_foresaw_is_500_without_a_word(sqlstate: str) -> None:
    error = to_org_error(StatementFailed(sqlstate, "swordfish", "swordfish", "swordfish"), read_only=False)

    assert (error.status, error.code, error.detail) == (500, "internal_error", OrgError.detail)


@pytest.mark.parametrize("sqlstate", ["08000", "08006", "57P01", "57P02", "57P03", "57P05", "53400"])
def test_what_passes_is_503(sqlstate: str) -> None:
    assert isinstance(to_org_error(StatementFailed(sqlstate, "x"), read_only=True), Unavailable)


def test_errors_are_new_each_time() -> None:
    """A handler may add to one."""
    first, second = (to_org_error(StatementFailed("23505", "x"), read_only=False) for _ in range(2))

    assert isinstance(first, Conflict)
    assert first is not second
