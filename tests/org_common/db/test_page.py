"""Keyset pages: the whole list in order, once, whatever the limit and whatever happens between two pages."""

import datetime
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any, LiteralString

import pytest

from org_common.auth.rules import SIGNED_IN
from org_common.config.settings import Settings, SettingsError
from org_common.db.database import Database, transaction
from org_common.db.page import query
from org_common.db.protocol.statement import StatementError
from org_common.db.reader import Reader
from org_common.values.errors import BadRequest
from org_common.values.model import Model
from org_common.values.paging import Page, PageRequest
from org_common.values.types import Deadline
from tests.support.handles import open_reader
from tests.support.lab import ALICE, BOB, INSERT, Lab, Note

pytestmark = pytest.mark.db

NOTES = "select id, body from lab.notes"
# Bodies with many ties, in an order that is not that of the ids.
ROWS = [(number, "abc"[number * 7 % 3]) for number in range(1, 24)]


@pytest.fixture
def alice(db: Database) -> Reader:
    with transaction(ALICE, database=db) as tx:
        tx.many(INSERT, [{"id": id, "body": body} for id, body in ROWS])
    return open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(30))


def walk(fetch: Callable[[PageRequest], Page[Note]], limit: int) -> list[tuple[int, str]]:
    """All pages, one after the other."""
    found: list[tuple[int, str]] = []
    cursor = None
    while True:
        page = fetch(PageRequest(limit=limit, cursor=cursor))
        found += [(note.id, note.body) for note in page.items]
        assert len(page.items) == limit or page.next_cursor is None
        if page.next_cursor is None:
            return found
        cursor = page.next_cursor


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("by", [("id",), ("body", "id")])
def test_all_pages_are_the_whole_list(alice: Reader, by: tuple[LiteralString, ...], *, descending: bool) -> None:
    whole = sorted(ROWS, key=lambda row: row if by == ("id",) else (row[1], row[0]), reverse=descending)

    for limit in range(1, len(ROWS) + 2):
        assert walk(lambda page: alice.page(Note, NOTES, page=page, by=by, descending=descending), limit) == whole


def test_the_last_page_says_so(alice: Reader) -> None:
    exact = alice.page(Note, NOTES, page=PageRequest(limit=len(ROWS)), by=("id",))
    less = alice.page(Note, NOTES, page=PageRequest(limit=len(ROWS) - 1), by=("id",))

    assert exact.next_cursor is None
    assert less.next_cursor is not None
    rest = alice.page(Note, NOTES, page=PageRequest(limit=5, cursor=less.next_cursor), by=("id",))
    assert [note.id for note in rest.items] == [23]
    assert rest.next_cursor is None


def test_an_empty_list_is_one_empty_page(db: Database) -> None:
    page = open_reader(db, SIGNED_IN, BOB, {}, Deadline.after(10)).page(Note, NOTES, page=PageRequest(), by=("id",))

    assert (page.items, page.next_cursor) == ([], None)


def test_filters_and_parameters_of_the_lists_own(alice: Reader) -> None:
    sql = NOTES + " where body = %(body)s and id > %(least)s"
    params = {"body": "b", "least": 5}

    found = walk(lambda page: alice.page(Note, sql, params, page=page, by=("body", "id")), 2)

    assert found == [row for row in ROWS if row[1] == "b" and row[0] > 5]


@pytest.mark.parametrize(
    "sql",
    [
        "select n.id, n.body from lab.notes n join lab.notes m on m.id = n.id",
        "with own as (select id, body from lab.notes) select id, body from own",
        "select min(id) as id, body from lab.notes group by id, body",
        "select id, body from lab.notes union select id, body from lab.notes",
        "(select id, body from lab.notes)",
        "select id, body from lab.notes -- all of them",
        "select id, body from lab.notes\n",
    ],
)
def test_any_select_can_be_paged(alice: Reader, sql: LiteralString) -> None:
    assert walk(lambda page: alice.page(Note, sql, page=page, by=("id",)), 7) == ROWS


def test_what_comes_and_goes_between_pages_repeats_and_hides_no_other(lab: Lab, alice: Reader) -> None:
    def fetch(page: PageRequest) -> Page[Note]:
        fetched = alice.page(Note, NOTES, page=page, by=("id",))
        last = fetched.items[-1].id
        # One gone and one come behind us, one gone ahead, the cursor's own too.
        lab.tell("delete from lab.notes where id in (%s, %s, %s)", last, last - 1, last + 2)
        lab.tell("insert into lab.notes (id, body, owner) values (%s, 'new', %s)", -last, lab.user_id(ALICE))
        return fetched

    seen = [id for id, _ in walk(fetch, 5)]

    assert len(seen) == len(set(seen))
    gone = {7, 13, 19}
    assert seen == [id for id, _ in ROWS if id not in gone]


def test_pages_show_only_what_the_caller_may_see(db: Database, alice: Reader) -> None:
    with transaction(BOB, database=db) as tx:
        tx.run(INSERT, {"id": 0, "body": "a"}, rows=1)
    bob = open_reader(db, SIGNED_IN, BOB, {}, Deadline.after(10))

    assert walk(lambda page: bob.page(Note, NOTES, page=page, by=("id",)), 1) == [(0, "a")]
    assert walk(lambda page: alice.page(Note, NOTES, page=page, by=("id",)), 9) == ROWS


def test_a_page_within_a_transaction(db: Database, alice: Reader) -> None:
    with transaction(ALICE, database=db) as tx:
        tx.run("delete from lab.notes where id > 3", rows=20)
        assert walk(lambda page: tx.page(Note, NOTES, page=page, by=("id",)), 2) == ROWS[:3]


class Sorted(Model):
    key: Any
    id: int


KEYS: list[tuple[LiteralString, type[object]]] = [
    ("timestamptz '2026-01-01 00:00:00.000001+00' + n * interval '1 microsecond'", datetime.datetime),
    ("timestamp '2026-01-01 00:00:00.000001' + n * interval '1 microsecond'", datetime.datetime),
    ("date '2026-01-01' + n", datetime.date),
    ("time '00:00:00' + n * interval '1 microsecond'", datetime.time),
    ("n * interval '-1 day 1 microsecond'", datetime.timedelta),
    ("md5(n::text)::uuid", uuid.UUID),
    ("n::bigint * 1000000000000007", int),
    ("(n / 3.0)::float8", float),
    ("(n / 10.0)::float4", float),
    ("n / 7.0", Decimal),
    ("-n * 1e-30", Decimal),
    ("mod(n, 2) = 0", bool),
    ("repeat(chr(64 + n), 3)", str),
    ("(array['', ' ', '''', '\"', '\\', 'a,b', 'ü', '漢字', '😀', E'\\n', '%%s', '%%(x)s', 'NULL', '{}'])[n]", str),
]


@pytest.mark.parametrize(("key", "kind"), KEYS)
@pytest.mark.parametrize("descending", [False, True])
def test_sort_keys_of_each_type_come_back_exactly(
    alice: Reader, key: LiteralString, kind: type[object], *, descending: bool
) -> None:
    rows = "select " + key + " as key, n as id from generate_series(1, 14) n"
    turn = " desc" if descending else ""
    whole = alice.all(Sorted, rows + " order by key" + turn + ", id" + turn)
    assert isinstance(whole[0].key, kind)

    cursor, found = None, []
    for _ in whole:
        request = PageRequest(limit=1, cursor=cursor)
        page = alice.page(Sorted, rows, page=request, by=("key", "id"), descending=descending)
        found += page.items
        cursor = page.next_cursor

    assert cursor is None
    assert [row.id for row in found] == [row.id for row in whole]


def test_a_null_sort_key_is_a_fault_of_the_program(alice: Reader) -> None:
    rows = "select null as key, n as id from generate_series(1, 3) n"

    with pytest.raises(StatementError, match="a sort key was null"):
        alice.page(Sorted, rows, page=PageRequest(limit=1), by=("key", "id"))


def test_pages_need_something_to_sort_by(alice: Reader) -> None:
    with pytest.raises(StatementError, match="columns to sort by"):
        alice.page(Note, NOTES, page=PageRequest(), by=())


def test_without_a_key_no_cursor_is_made_or_read(lab: Lab, alice: Reader) -> None:
    keyless = open_reader(
        Database(Settings(database_url=lab.local.login_url)), SIGNED_IN, ALICE, {}, Deadline.after(10)
    )

    with pytest.raises(SettingsError, match="ORG_COMMON_CURSOR_KEYS"):
        keyless.page(Note, NOTES, page=PageRequest(), by=("id",))


def test_a_cursor_is_for_its_list_and_caller(db: Database, alice: Reader) -> None:
    page = PageRequest(limit=1, scope="GET\n/orgs/1/notes\nq=x")
    cursor = alice.page(Note, NOTES, page=page, by=("id",)).next_cursor
    bob = open_reader(db, SIGNED_IN, BOB, {}, Deadline.after(10))

    def continued(reader: Reader, scope: str, *by: LiteralString) -> Page[Note]:
        return reader.page(Note, NOTES, page=PageRequest(limit=1, cursor=cursor, scope=scope), by=by)

    assert continued(alice, page.scope, "id").items[0].id == 2
    for scope in ("", "GET\n/orgs/2/notes\nq=x", "GET\n/orgs/1/notes\nq=y", "GET\n/orgs/1/notes"):
        with pytest.raises(BadRequest):
            continued(alice, scope, "id")
    with pytest.raises(BadRequest):
        continued(bob, page.scope, "id")
    with pytest.raises(BadRequest):
        continued(alice, page.scope, "body", "id")


def test_a_bad_cursor_reaches_no_server(lab: Lab) -> None:
    nowhere = Database(Settings(database_url="postgresql://127.0.0.1:1/none", cursor_keys=("k" * 32,)))
    reader = open_reader(nowhere, SIGNED_IN, ALICE, {}, Deadline.after(10))

    with pytest.raises(BadRequest) as raised:
        reader.page(Note, NOTES, page=PageRequest(cursor="nonsense"), by=("id",))

    assert raised.value.code == "invalid_cursor"


def test_columns_are_quoted() -> None:
    odd: Any = 'id" desc; commit; --'

    text = query(NOTES, (odd,), descending=False, after=False).as_string(None)

    assert 'order by "id"" desc; commit; --" limit' in text
