"""Mistakes in SQL and around it: what the terminal of `org-common dev` shows says what, where and what to do."""

from pathlib import Path

import pytest

from org_common.tools.database.local import LocalDatabase
from tests.mistakes.desk import HEAD, Sent, reads, send, writes
from tests.mistakes.graded import Case, check, ids

pytestmark = pytest.mark.db

LINE = HEAD.count("\n") + 3
HERE = f"desk.py:{LINE} list_tickets"
WRITE = f"desk.py:{LINE} add_ticket"
ROW = """
class Row(Model):
    id: int
    due: date


"""
TICKETS = '"select id, subject from desk.tickets"'

SENT = [
    reads(
        Case(19, "BaseModel as row", "Old is not a model of rows", HERE, "derive it from org_common.Model"),
        f"db.all(Old, {TICKETS})\n\n\nclass Old(BaseModel):\n    id: int",
    ),
    reads(
        Case(19, "dict as row", "dict is not a model of rows", HERE, "derive it from org_common.Model"),
        f"db.all(dict, {TICKETS})",
    ),
    reads(
        Case(21, "field without column", "of Ticket: missing subject", HERE, "select the column, or give the field a"),
        'db.all(Ticket, "select id from desk.tickets")',
    ),
    reads(
        Case(21, "column without field", "of Ticket: unknown due", HERE, "add a field, or leave the column out"),
        'db.all(Ticket, "select id, subject, due from desk.tickets")',
    ),
    reads(
        Case(0, "column twice", "of Ticket: one name twice", HERE, "rename a column with AS"),
        'db.all(Ticket, "select id, subject, id from desk.tickets")',
    ),
    reads(
        Case(22, "wrong type", "Count: subject (int_parsing). The column subject is str", HERE, "cast the column"),
        f"db.all(Count, {TICKETS})\n\n\nclass Count(Model):\n    id: int\n    subject: int",
    ),
    reads(
        Case(22, "null", "Row: due (date_type). due is null", HERE, "annotate it `date | None`"),
        f'db.all(Row, "select id, due from desk.tickets")\n\n{ROW}',
    ),
    reads(
        Case(
            0, "constraint", "Short: subject (string_too_long)", HERE, "Correct what is stored in subject, or accept it"
        ),
        f"db.all(Short, {TICKETS.replace('id, ', '')})\n\n\n"
        "from pydantic import Field\nclass Short(Model):\n    subject: str = Field(max_length=0)",
    ),
    reads(
        Case(23, "column", "column t.colour does not exist", HERE, "`org-common db status` lists them"),
        'db.value("select t.colour from desk.tickets t")',
    ),
    reads(
        Case(23, "table", 'relation "desk.labels" does not exist', HERE, "`org-common db status` lists them"),
        'db.value("select id from desk.labels")',
    ),
    reads(
        Case(24, "table", 'relation "tickets" does not exist', HERE, "write its schema, as in shop.tickets"),
        'db.value("select id from tickets limit 1")',
    ),
    reads(
        Case(24, "function", "function total() does not exist", HERE, "write its schema, as in shop.total()"),
        'db.value("select total()")',
        "create function desk.total() returns int language sql as 'select 1'",
    ),
    reads(Case(25, "%s", "'%s' is not a valid placeholder", HERE, "as in %(org_id)s"), 'db.value("select %s", {})'),
    reads(
        Case(25, "LIKE", "is not a valid placeholder", HERE, "write a percent sign as %%"),
        "db.value(\"select 1 from desk.tickets where subject like 'a%'\")",
    ),
    reads(Case(26, "$1", "'$1' is not a valid placeholder", HERE, "as in %(org_id)s"), 'db.value("select $1::int")'),
    reads(
        Case(27, ":id", 'syntax error at or near ":"', HERE, "name parameters like %(id)s instead of :id"),
        'db.value("select 1 from desk.tickets where id = :id", {"id": 1})',
    ),
    reads(
        Case(28, "missing", "the parameter %(id)s of the statement is missing", HERE, "add it to those given (ids)"),
        'db.value("select 1 from desk.tickets where id = %(id)s", {"ids": 1})',
    ),
    reads(
        Case(30, "in", "instead of in %(ids)s: a list is an array", HERE, "write = any(%(ids)s)"),
        'db.value("select 1 from desk.tickets where id in %(ids)s", {"ids": [1]})',
    ),
    reads(
        Case(30, "quoted", "the placeholder %(q)s is within quotes", HERE, "write it outside, as in 'v' || %(q)s"),
        "db.value(\"select 1 from desk.tickets where subject like '%(q)s'\", {\"q\": 'a'})",
    ),
    reads(
        Case(30, "untyped", "could not determine data type of parameter %(q)s", HERE, "cast the parameter to its type"),
        'db.value("select count(*) from desk.tickets where (%(q)s) is null", {"q": None})',
    ),
    writes(
        Case(30, "two types", "inconsistent types deduced for parameter %(q)s", WRITE, "as in %(q)s::text"),
        'tx.run("insert into desk.tickets (subject, priority) values (%(q)s, %(q)s)", {"q": None}, rows=1)',
    ),
    reads(
        Case(0, "ambiguous", "function sum(unknown) is not unique", HERE, "cast each parameter to its type"),
        'db.value("select sum(%(n)s)", {"n": None})',
    ),
    reads(
        Case(31, "create temp", "may not begin with 'create'", HERE, "Allowed are delete, insert"),
        'db.value("create temp table x (a int)")',
    ),
    reads(
        Case(31, "set local", "may not begin with 'set'", HERE, "Allowed are delete, insert"),
        'db.value("set local role app_sys")',
    ),
    reads(
        Case(31, "begin", "may not begin with 'begin': the SDK opens", HERE, "Allowed are delete"), 'db.value("begin")'
    ),
    reads(
        Case(32, "rows", "expected one row, got 3", HERE, "use all(), or select a single row"),
        f"db.one(Ticket, {TICKETS})",
    ),
    reads(
        Case(32, "columns", "expected one column and at most one row, got 2 and 1", HERE, "several columns with one()"),
        'db.value("select 1, 2")',
    ),
    writes(
        Case(33, "rows", "missing 1 required keyword-only argument", WRITE, "'rows'"),
        'tx.run("delete from desk.tickets")',
    ),
    reads(
        Case(34, "ORDER BY", "the statement ends with its own ORDER BY", HERE, "Leave it out, or write a subquery"),
        f'db.page(Ticket, {TICKETS[:-1]} order by id", page=page, by=("id",))',
    ),
    reads(
        Case(34, "LIMIT", "the statement ends with its own LIMIT", HERE, "Leave it out, or write a subquery"),
        f'db.page(Ticket, {TICKETS[:-1]} limit 3", page=page, by=("id",))',
    ),
    reads(
        Case(34, "not unique", "the sort order subject is not unique", HERE, "End `by` with a unique column"),
        f'db.page(Ticket, {TICKETS}, page=PageRequest(limit=1), by=("subject",))',
    ),
    reads(
        Case(35, "text", "`by` must be a sequence of field names, got a string", HERE, "write by=('id',)"),
        f'db.page(Ticket, {TICKETS}, page=page, by="id")',
    ),
    reads(
        Case(35, "unknown", "cannot sort by 'ide': Ticket has no such field", HERE, "only id, subject"),
        f'db.page(Ticket, {TICKETS}, page=page, by=("ide",))',
    ),
    reads(
        Case(37, "write", "cannot execute DELETE in a read-only transaction", HERE, "take `tx: Transaction` in a POST"),
        'db.value("delete from desk.tickets returning 1")',
    ),
    writes(
        Case(
            38,
            "then a statement",
            "INSERT desk.tickets failed with SQLSTATE 23505",
            f"desk.py:{LINE + 4}",
            "`with tx.savepoint():`",
        ),
        'try:\n        tx.run("insert into desk.tickets values (1)", rows=1)\n    except Exception:\n        pass\n'
        '    tx.run("delete from desk.tickets", rows=None)'.replace("values (1)", "(id, subject) values (1, 'a')"),
    ),
    writes(
        Case(
            38,
            "then COMMIT",
            "failed with SQLSTATE 23505 (tickets_pkey)",
            "INSERT desk.tickets",
            "`with tx.savepoint():`",
        ),
        "try:\n        tx.run(\"insert into desk.tickets (id, subject) values (1, 'a')\", rows=1)\n"
        "    except Conflict:\n        pass",
    ),
    Sent(
        Case(
            39, "kept", "was used after its request", f"desk.py:{LINE + 4} keep", "take one in the handler that uses it"
        ),
        'kept = []\n\n\n@app.get("/x", allow=SIGNED_IN)\ndef keep(db: Reader) -> Any:\n    kept.append(db)\n'
        '    return kept[0].value("select 1")\n',
        times=2,
    ),
]
CASES = [sent.case for sent in SENT] + [
    Case(
        29, "passes: one dict may serve several statements, and a misspelt name is missing elsewhere", None, None, None
    )
]


@pytest.mark.parametrize("sent", SENT, ids=ids(sent.case for sent in SENT))
def test_message_says_what_where_and_what_to_do(
    sent: Sent, desk_database: LocalDatabase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = send(sent, desk_database, tmp_path)

    message = capsys.readouterr().err
    assert answer.status == sent.status, message
    print(message)
    check(sent.case, message)
