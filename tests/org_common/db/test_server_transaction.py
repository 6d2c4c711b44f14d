"""All or nothing: whatever goes wrong within a unit, and wherever, nothing of it is kept."""

from collections.abc import Callable, Iterator
from typing import Any, LiteralString

import pytest

from org_common.app import App
from org_common.auth.rules import PUBLIC, SIGNED_IN
from org_common.db.database import Database, transaction
from org_common.db.protocol.errors import IdentityMoved
from org_common.db.protocol.statement import StatementError
from org_common.db.server_transaction import TransactionAborted
from org_common.db.transaction import Transaction
from org_common.testing.client import Client, Person
from org_common.values.errors import Conflict, Forbidden, GatewayTimeout, NotFound, OrgError, Unprocessable
from org_common.values.types import Deadline
from tests.support.handles import open_reader, open_transaction
from tests.support.lab import ALICE, BOB, INSERT, ISSUER, Lab, Note

pytestmark = pytest.mark.db

PID = "select pg_backend_pid()"
BROKEN = "select 1 / 0"


def insert(tx: Transaction, id: int = 1) -> None:
    tx.run(INSERT, {"id": id, "body": "x"}, rows=1)


def pid(db: Database) -> int:
    number: int = open_reader(db, PUBLIC, None, {}, Deadline.after(10)).value(PID)
    return number


@pytest.fixture
def untouched(lab: Lab, db: Database) -> Iterator[None]:
    """After the test nothing was kept, no transaction is open, and the same connection is of use."""
    before = pid(db)

    yield

    assert lab.notes() == []
    assert lab.is_quiet()
    assert pid(db) == before


class Interrupting:
    """A parameter that fails while it is adapted."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __jsonb__(self) -> None:
        raise self._error


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    "error", [ValueError(), NotFound(), KeyboardInterrupt(), SystemExit(), GeneratorExit()], ids=repr
)
def test_an_exception_between_statements(db: Database, error: BaseException) -> None:
    with pytest.raises(type(error)), transaction(ALICE, database=db) as tx:
        insert(tx)
        raise error


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("value", "error"),
    [
        (object(), StatementError),
        ("\0", Unprocessable),
        (Interrupting(KeyboardInterrupt()), KeyboardInterrupt),
        (Interrupting(SystemExit()), SystemExit),
    ],
    ids=["no form", "NUL", "interrupt", "exit"],
)
@pytest.mark.parametrize("before", [0, 1])
def test_a_parameter_that_cannot_be_adapted(
    db: Database, value: object, error: type[BaseException], before: int
) -> None:
    """As the second one of `many`, as the first statement and as a later one."""
    with pytest.raises(error), transaction(ALICE, database=db) as tx:
        for number in range(before):
            insert(tx, number)
        tx.many(INSERT, [{"id": 10, "body": "x"}, {"id": 11, "body": value}, {"id": 12, "body": "x"}])


@pytest.mark.usefixtures("untouched")
def test_parameters_that_fail_while_they_are_made(db: Database) -> None:
    def params() -> Iterator[dict[str, object]]:
        yield {"id": 10, "body": "x"}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), transaction(ALICE, database=db) as tx:
        insert(tx)
        tx.many(INSERT, params())


@pytest.mark.usefixtures("untouched")
def test_a_failing_row_of_many_undoes_all_of_them(db: Database) -> None:
    with pytest.raises(Conflict), transaction(ALICE, database=db) as tx:
        tx.many(INSERT, [{"id": number % 50, "body": "x"} for number in range(60)])


@pytest.mark.usefixtures("untouched")
def test_a_generator_that_is_closed(db: Database) -> None:
    def numbers() -> Iterator[int]:
        with transaction(ALICE, database=db) as tx:
            insert(tx)
            yield 1
            insert(tx, 2)

    for _ in (generator := numbers()):
        break
    generator.close()  # type: ignore[attr-defined]


@pytest.mark.usefixtures("untouched")
def test_a_generator_that_is_forgotten(db: Database) -> None:
    def numbers() -> Iterator[int]:
        with transaction(ALICE, database=db) as tx:
            insert(tx)
            yield 1

    next(numbers())


Handler = Callable[[Transaction], Any]


def unrenderable(tx: Transaction) -> Any:
    insert(tx)
    return {"body": "\ud800"}


def interrupted(tx: Transaction) -> Any:
    insert(tx)
    raise RuntimeError


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("handler", [unrenderable, interrupted], ids=lambda each: each.__name__)
def test_an_answer_that_cannot_be_rendered(db: Database, handler: Handler) -> None:
    app = App("lab")
    app.post("/notes", allow=SIGNED_IN)(handler)
    app.use(db)

    assert Client(app, person=Person("local|alice", issuer=ISSUER)).post("/notes").status == 500


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("after", [0, 1])
def test_a_swallowed_sql_error_fails_the_commit(db: Database, after: int) -> None:
    tx = open_transaction(db, SIGNED_IN, ALICE, {}, Deadline.after(10))
    insert(tx)
    with pytest.raises(Unprocessable):
        tx.value(BROKEN)
    for _ in range(after):
        with pytest.raises(OrgError) as raised:
            insert(tx, 2)
        assert isinstance(raised.value.__cause__, TransactionAborted)

    with pytest.raises(OrgError) as raised:
        tx.commit()

    assert raised.value.status == 500
    assert isinstance(raised.value.__cause__, TransactionAborted)


@pytest.mark.usefixtures("untouched")
def test_a_swallowed_refusal_of_the_rule_fails_the_commit(db: Database) -> None:
    tx = open_transaction(db, SIGNED_IN, BOB, {}, Deadline.after(10))
    with pytest.raises(Forbidden):
        tx.value("select secret from lab.hidden")

    with pytest.raises(OrgError):
        tx.commit()


@pytest.mark.usefixtures("untouched")
def test_a_swallowed_lack_of_time_fails_the_commit(db: Database) -> None:
    """Otherwise the first statement would be kept without the second."""
    deadline = Deadline.after(10)
    tx = open_transaction(db, SIGNED_IN, ALICE, {}, deadline)
    insert(tx)
    deadline.at_s -= 10
    with pytest.raises(GatewayTimeout):
        insert(tx, 2)
    deadline.at_s += 10

    with pytest.raises(OrgError):
        tx.commit()


def test_without_time_left_nothing_is_committed(lab: Lab, db: Database) -> None:
    """A COMMIT whose answer nobody can wait for would leave open what became of it."""
    deadline = Deadline.after(10)
    tx = open_transaction(db, SIGNED_IN, ALICE, {}, deadline)
    insert(tx)
    deadline.at_s -= 10

    with pytest.raises(GatewayTimeout):
        tx.commit()
    tx.rollback()

    assert lab.is_quiet()
    assert lab.notes() == []


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(("rows", "found"), [(1, 2), (3, 2), (0, 2), (2, 1)])
def test_a_wrong_number_of_rows(lab: Lab, db: Database, rows: int, found: int) -> None:
    message = f"expected the statement to change {rows} rows, it changed {found}"

    with pytest.raises(StatementError, match=message), transaction(ALICE, database=db) as tx:
        tx.many(INSERT, [{"id": number, "body": "x"} for number in range(found)])
        tx.run("update lab.notes set body = 'y'", rows=rows)


@pytest.mark.usefixtures("untouched")
def test_a_write_to_one_that_is_not_there(db: Database) -> None:
    with pytest.raises(NotFound), transaction(ALICE, database=db) as tx:
        insert(tx)
        tx.run("delete from lab.notes where id = 7", rows=1)


@pytest.mark.usefixtures("untouched")
def test_a_swallowed_wrong_number_of_rows_fails_the_commit(db: Database) -> None:
    """The error said that rolled back."""
    tx = open_transaction(db, SIGNED_IN, ALICE, {}, Deadline.after(10))
    tx.many(INSERT, [{"id": 1, "body": "x"}, {"id": 2, "body": "x"}])
    with pytest.raises(StatementError, match="rolled back"):
        tx.run("update lab.notes set body = 'y'", rows=1)

    with pytest.raises(OrgError):
        tx.commit()


@pytest.mark.usefixtures("untouched")
def test_a_check_that_fails_at_commit(db: Database) -> None:
    with pytest.raises(Conflict) as raised, transaction(ALICE, database=db) as tx:
        insert(tx)
        tx.run("insert into lab.promises (id, note) values (1, 99)", rows=1)

    assert raised.value.code == "broken_reference"


MOVES: list[LiteralString] = [
    "select lab.move('role', 'app_sys')",
    "select lab.move('role', 'anon')",
    "select lab.move('role', 'none')",
    "select lab.move('role', 'app_login')",
    "select lab.move('role', 'app_sys', false)",
    "select lab.move('request.jwt.claims', '{}')",
    "select lab.move('request.jwt.claims', '')",
    "select lab.move('request.jwt.claims', '', false)",
    "select lab.move('request.jwt.claims', current_setting('request.jwt.claims') || ' ')",
    "select lab.move('request.jwt.claims', jsonb_set(auth.jwt(), '{sub}', '\"x\"')::text)",
    "with moved as (select lab.move('role', 'app_sys') as role) select role from moved",
    "insert into lab.notes (id, body) values (2, lab.move('role', 'app_sys'))",
    "values (lab.move('role', 'app_sys'))",
]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("move", MOVES)
def test_role_and_claims_that_moved_are_noticed_before_commit(db: Database, move: LiteralString) -> None:
    tx = open_transaction(db, SIGNED_IN, ALICE, {}, Deadline.after(10))
    insert(tx)
    tx.run(move, rows=None)

    with pytest.raises(OrgError) as raised:
        tx.commit()

    assert raised.value.status == 500
    assert isinstance(raised.value.__cause__, IdentityMoved)


@pytest.mark.usefixtures("untouched")
def test_it_may_not_become_a_role_that_the_login_was_not_granted(db: Database) -> None:
    for role in ("postgres", "app_migrator", "app_rules", "app_service", "pg_read_all_data"):
        tx = open_transaction(db, SIGNED_IN, ALICE, {}, Deadline.after(10))
        with pytest.raises(Forbidden):
            tx.value("select lab.move('role', %(role)s)", {"role": role})
        tx.rollback()


@pytest.mark.usefixtures("untouched")
def test_a_reader_cannot_write(db: Database) -> None:
    reader = open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(10))
    text = "with new as (insert into lab.notes (id, body) values (1, 'x') returning id) select id from new"

    with pytest.raises(OrgError) as raised:
        reader.value(text)
    assert raised.value.code == "read_only_unit"

    with pytest.raises(OrgError) as raised:
        reader.value("select lab.move('transaction_read_only', 'off')")
    assert getattr(raised.value.__cause__, "sqlstate", None) == "25001"


def test_what_ends_well_is_kept(lab: Lab, db: Database) -> None:
    with transaction(ALICE, database=db) as tx:
        insert(tx)
        tx.many(INSERT, [{"id": 2, "body": "y"}, {"id": 3, "body": "z"}])
        assert tx.run("update lab.notes set body = 'z' where id > 1", rows=2) == 2
        assert [note.body for note in tx.all(Note, "select id, body from lab.notes order by id")] == ["x", "z", "z"]

    assert lab.notes() == [1, 2, 3]
    assert lab.is_quiet()
