"""Each failure of the server as its answer, provoked for real; and that no answer tells what only the log may know."""

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import LiteralString

import psycopg.errors
import pytest

from org_common.auth.rules import SIGNED_IN, Check
from org_common.db.connections.retry import Action, Phase, action, signal_in_flight
from org_common.db.database import Database, transaction
from org_common.db.protocol.errors import StatementFailed, to_org_error
from org_common.db.protocol.statement import prepare
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
    (ADD + "(2, 'swordfish', -1, null, null)", "23514", 422, "invalid_value"),
    ("insert into lab.bookings values ('[1,5]'), ('[3,9]')", "23P01", 409, "overlap"),
    ("select secret from lab.hidden", "42501", 403, "forbidden"),
    ("insert into lab.notes (id, body, owner) values (2, 'x', gen_random_uuid())", "42501", 403, "forbidden"),
    ("update lab.notes set owner = gen_random_uuid()", "42501", 403, "forbidden"),
    ("select count(*) from access.user_identities", "42501", 403, "forbidden"),
    ("select swordfish from lab.notes", "42703", 500, "internal_error"),
    ("select 1 from lab.swordfish", "42P01", 500, "internal_error"),
    ("select lab.swordfish()", "42883", 500, "internal_error"),
    ("select 1 from where swordfish", "42601", 500, "internal_error"),
    # Without a value of the caller it is the program's own.
    (ADD + "(2, null, 1, null, null)", "23502", 500, "internal_error"),
    (ADD + "(2, 'x', 1, 'swordfish, swordfish', null)", "22001", 500, "internal_error"),
    (ADD + "(2, 'x', 70000, null, null)", "22003", 500, "internal_error"),
    ("select 'swordfish'::int", "22P02", 500, "internal_error"),
    ("select '2026-02-31'::date", "22008", 500, "internal_error"),
    ("select to_tsquery('swordfish &')", "42601", 500, "internal_error"),
    ("select repeat('swordfish', 2000000000)", "54000", 500, "internal_error"),
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
UPSERT: LiteralString = (
    "insert into lab.notes (id, body) select n, 'x' from unnest(%(value)s::int[]) n "
    "on conflict (id) do update set body = 'y'"
)
# Statement, value of the caller, SQLSTATE.
VALUES: list[tuple[LiteralString, object, str]] = [
    (ADD + "(2, 'x', 1, %(value)s, null)", "swordfish, swordfish", "22001"),
    (ADD + "(2, 'x', %(value)s, null, null)", 70000, "22003"),
    ("select %(value)s::smallint", 70000, "22003"),
    ("select %(value)s::text::smallint", "70000", "22003"),
    ("select %(value)s::int", "swordfish", "22P02"),
    ("select %(value)s::int", "", "22P02"),
    ("select lower(%(value)s)::int", "SWORDFISH", "22P02"),
    ("select ('2026-' || %(value)s)::date", "99-99", "22008"),
    ("select (%(value)s::jsonb ->> 'n')::int", {"n": 'sword "fish"'}, "22P02"),
    ("select n::int from unnest(%(value)s::text[]) n", ["1", "swordfish"], "22P02"),
    ("select %(value)s::timestamptz", "swordfish", "22007"),
    ("select %(value)s::date", "2026-02-31", "22008"),
    ("select to_date(%(value)s, 'YYYY-MM-DD')", "swordfish", "22007"),
    ("select to_date(%(value)s, 'YYYYMMDD')", "99", "22007"),
    ("select convert_from(%(value)s, 'UTF8')", b"\xff", "22021"),
    ("select convert_to(%(value)s, 'LATIN1')", "\u6f22", "22P05"),
    ("select jsonb_path_query(%(value)s, 'strict $.swordfish')", {"trout": 1}, "2203A"),
    ("select decode(%(value)s, 'base64')", "@", "22023"),
    ("select date_trunc(%(value)s, now())", "swordfish", "22023"),
    ("select jsonb_array_length(%(value)s)", {"a": 1}, "22023"),
    ("select now() at time zone %(value)s", "Sea/Swordfish", "22023"),
    ("select %(value)s::jsonb", "{swordfish", "22P02"),
    ("select %(value)s::jsonb ->> 0", '"\\u0000"', "22P05"),
    ("select substring('swordfish' for %(value)s)", -1, "22011"),
    ("select 1 limit %(value)s", -1, "2201W"),
    ("select 'swordfish' ~ %(value)s", "(", "2201B"),
    ("select sqrt(%(value)s::float8)", -1, "2201F"),
    ("select to_tsquery(%(value)s)", "swordfish &", "42601"),
    ("select %(value)s::tsquery", "(", "42601"),
    ("select jsonb_path_query('{}', %(value)s::jsonpath)", "$.swordfish[", "42601"),
    ("select %(value)s::text::regclass", "swordfish", "42P01"),
    ("select to_tsvector(%(value)s::regconfig, 'x')", "swordfish", "42704"),
    ("select repeat('swordfish', %(value)s)", 2_000_000_000, "54000"),
    ("select chr(%(value)s)", 0, "54000"),
    ("select %(value)s::text::jsonb", "[" * 20_000, "54001"),
    ("insert into lab.notes (id, body) select 50, %(value)s on conflict (id) do update set body = 'x'", None, "23502"),
    (ADD + "(2, %(value)s::jsonb ->> 'body', 1, null, null)", {"size": 1}, "23502"),
    (UPSERT, [60, 60], "21000"),
]  # fmt: skip
# What the program did, in statements that have a value of the caller: none of them is about it.
PROGRAM: list[tuple[LiteralString, object, str]] = [
    ("select nextval('lab.one') where %(value)s::text is not null", "swordfish", "2200H"),
    ("select 1 / (%(value)s::int - 5)", 5, "22012"),
    ("select 1 where %(value)s = 5 and 'swordfish'::lab.color = 'red'", 5, "22P02"),
    ("select id from lab.casts where id = %(value)s", 5, "22P02"),
    ("select lab.cast_text('swordfish') where %(value)s = 5", 5, "22P02"),
    ("select now() at time zone 'Sea/Swordfish' where %(value)s::text is not null", "x", "22023"),
    ("select swordfish from lab.notes where id = %(value)s", 5, "42703"),
    ("select 1 where %(value)s = 5 and where", 5, "42601"),
    ("insert into lab.stamped (id) values (%(value)s)", 70, "23502"),
    ("insert into lab.parts values (%(value)s)", 5, "23514"),
    ("select lab.forever(%(value)s)", 5, "54001"),
    ("select to_tsquery('swordfish &') where %(value)s = 5", 5, "42601"),
]
OWN = [
    (400, "OC400"),
    (403, "OC403"),
    (404, "OC404"),
    (409, "OC409"),
    (410, "OC410"),
    (412, "OC412"),
    (422, "OC422"),
    (429, "OC429"),
]
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


@pytest.mark.parametrize(("text", "value", "sqlstate"), VALUES, ids=lambda value: str(value)[:40])
def test_a_value_of_the_caller_is_422(notes: Database, text: LiteralString, value: object, sqlstate: str) -> None:
    error = failed(notes, text, value=value)

    assert isinstance(error.__cause__, StatementFailed)
    assert (error.__cause__.sqlstate, error.status) == (sqlstate, 422)
    assert error.code == ("missing_value" if sqlstate == "23502" else "invalid_value")


PROGRAMS: list[LiteralString] = [
    "create sequence lab.one minvalue 0 maxvalue 1",
    "select setval('lab.one', 1)",
    "grant usage on sequence lab.one to authenticated",
    "create type lab.color as enum ('red')",
    "create table lab.casts (id int, body text)",
    "insert into lab.casts values (5, 'swordfish')",
    "alter table lab.casts enable row level security, force row level security",
    "create policy cast_it on lab.casts to authenticated using (body::int > 0)",
    "grant select on lab.casts to authenticated",
    # Its trigger was forgotten.
    "create table lab.stamped (id int, created_by uuid not null)",
    "grant insert on lab.stamped to authenticated",
    "create table lab.parts (id int) partition by range (id)",
    "grant insert on lab.parts to authenticated",
    "create function lab.cast_text(value text) returns int language plpgsql as $$ begin return value::int; end $$",
    "create function lab.forever(n int) returns int language plpgsql as $$ begin return lab.forever(n + 1); end $$",
]


@pytest.fixture
def programs(own_lab: Lab) -> Iterator[Database]:
    for statement in PROGRAMS:
        own_lab.tell(statement)
    database = Database(own_lab.settings)
    yield database
    database.close()


def test_what_the_program_did_is_500_whatever_the_caller_sent(programs: Database) -> None:
    for text, value, sqlstate in PROGRAM:
        error = failed(programs, text, value=value)

        assert isinstance(error.__cause__, StatementFailed)
        assert (error.__cause__.sqlstate, error.status, error.code) == (sqlstate, 500, "internal_error"), text
    assert programs.counters.resent == programs.counters.rerun == 0


@pytest.mark.parametrize(
    ("expression", "path", "status"),
    [
        ("app.has_org_role(%(org_id)s, 'org_usr')", {"org_id": uuid.UUID(int=1)}, 500),
        ("app.has_org_role(%(org_id)s::uuid, 'org_usr')", {"org_id": str(uuid.UUID(int=1))}, 500),
        ("app.has_org_role(%(org_id)s::uuid, 'org_user')", {"org_id": "swordfish"}, 422),
        ("1 / 0 = 1", {}, 500),
    ],
)
def test_what_an_access_rule_does_is_the_programs(
    db: Database, expression: LiteralString, path: dict[str, object], status: int
) -> None:
    with pytest.raises(OrgError) as raised:
        open_reader(db, Check(expression), ALICE, path, Deadline.after(10)).value("select 1")

    assert raised.value.status == status


def test_a_role_that_is_not_there_is_the_platforms(own_lab: Lab) -> None:
    own_lab.tell("alter role authenticated rename to authenticated_away")
    database = Database(own_lab.settings)
    try:
        error = failed(database, "select %(value)s", value="authenticated")
    finally:
        own_lab.tell("alter role authenticated_away rename to authenticated")
        database.close()

    assert (error.status, error.code) == (500, "internal_error")


@pytest.mark.parametrize(("status", "state"), OWN)
def test_a_modules_own_codes_choose_status_code_and_detail(db: Database, status: int, state: str) -> None:
    error = failed(db, "select lab.fail(%(state)s, 'last_owner', 'An organization needs an owner.')", state=state)

    assert (error.status, error.code, error.detail) == (status, "last_owner", "An organization needs an owner.")


@pytest.mark.parametrize(("status", "state"), OWN)
def test_without_a_detail_it_is_that_of_the_status(db: Database, status: int, state: str) -> None:
    error = failed(db, "select lab.fail(%(state)s, 'last_owner')", state=state)

    assert error.detail == type(error).detail
    assert error.code == "last_owner"


@pytest.mark.parametrize(("hint", "header"), [("30", "30"), ("0", "0"), (None, "1"), ("soon", "1"), ("-5", "1")])
def test_hint_of_a_429_is_retry_after(hint: str | None, header: str) -> None:
    error = to_org_error(StatementFailed("OC429", "too_many_notes", "Later.", hint), read_only=False)

    assert (error.status, error.code, error.detail, error.headers) == (
        429,
        "too_many_notes",
        "Later.",
        {"Retry-After": header},
    )


def test_values_of_rows_are_for_the_log_alone(notes: Database) -> None:
    """And there only in `detail`, which `str` leaves out."""
    text = "select lab.fail('23505', 'duplicate key', 'Key (email)=(bob@example.com) already exists.')"

    cause = failed(notes, text).__cause__

    assert isinstance(cause, StatementFailed)
    assert "bob@example.com" in (cause.detail or "")
    assert "bob@example.com" not in str(cause)
    assert "bob@example.com" not in repr(cause)


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


# Every class of https://www.postgresql.org/docs/current/errcodes-appendix.html, with the status of its codes, and codes
# with another one. A code that PostgreSQL adds is tried as soon as psycopg has it.
CLASSES: dict[str, tuple[int, dict[str, int]]] = {
    **dict.fromkeys(("02", "03", "0A", "0B", "0F", "0L", "0P", "0Z", "10", "20", "21"), (500, {})),
    "08": (503, {"08P01": 500}),
    "09": (500, {}),
    "22": (422, {"2200H": 500, "22012": 500}),
    "23": (500, {"23001": 409, "23502": 422, "23503": 409, "23505": 409, "23514": 422, "23P01": 409}),
    **dict.fromkeys(("24", "26", "27", "28", "2B", "2D", "2F", "34", "38", "39", "3B", "3D", "3F"), (500, {})),
    "25": (500, {"25006": 503}),
    "40": (503, {}),
    "42": (500, {"42501": 403}),
    "44": (422, {}),
    "53": (503, {}),
    "54": (422, {}),
    "55": (500, {"55P03": 503}),
    "57": (500, {"57014": 504, "57P01": 503, "57P02": 503, "57P03": 503, "57P05": 503}),
    **dict.fromkeys(("58", "72", "F0", "HV", "P0", "XX"), (500, {})),
}
SQLSTATES = sorted(
    {state for value in vars(psycopg.errors).values() if isinstance(state := getattr(value, "sqlstate", None), str)}
)


def test_every_class_is_in_the_table() -> None:
    assert len(SQLSTATES) > 240
    assert {sqlstate[:2] for sqlstate in SQLSTATES} - {"OC"} <= CLASSES.keys()


@pytest.mark.parametrize("sqlstate", SQLSTATES)
def test_each_code_is_the_callers_the_programs_or_the_platforms(sqlstate: str) -> None:
    status, others = CLASSES[sqlstate[:2]]
    error = StatementFailed(sqlstate, "words")

    assert to_org_error(error, read_only=False).status == others.get(sqlstate, status)


@pytest.mark.parametrize("sqlstate", SQLSTATES)
@pytest.mark.parametrize("phase", [Phase.READ, Phase.WRITE])
@pytest.mark.parametrize("routine", [None, "exec_stmt_raise"])
def test_a_bug_of_the_program_is_never_retried(sqlstate: str, phase: Phase, routine: str | None) -> None:
    error = StatementFailed(sqlstate, "words", routine=routine)
    is_retried = action(signal_in_flight(error), phase) in (Action.RESEND, Action.RERUN)

    if is_retried and not error.is_stale_plan:
        assert to_org_error(error, read_only=phase is Phase.READ).status == 503


@pytest.mark.parametrize("sqlstate", ["22P02", "23502", "23514", "44000", "54000"])
def test_the_same_code_is_the_programs_without_a_value(sqlstate: str) -> None:
    error = StatementFailed(sqlstate, "words", routine="ExecEvalConstraintCheck")
    error.statement = prepare("select 1").bind(None)

    assert to_org_error(error, read_only=False).status == 500
