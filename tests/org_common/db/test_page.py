"""Keyset pages: the whole list in order, once, whatever the limit and whatever happens between two pages."""

from collections.abc import Callable
from typing import LiteralString

import pytest

from org_common.auth.rules import SIGNED_IN
from org_common.config.settings import Settings, SettingsError
from org_common.db.database import Database, transaction
from org_common.db.protocol.statement import StatementError
from org_common.db.reader import Reader
from org_common.values.errors import BadRequest
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


@pytest.mark.parametrize("by", [("-body", "id"), ("body", "-id"), ("-body", "-id")])
@pytest.mark.parametrize("descending", [False, True])
def test_each_column_has_a_direction_of_its_own(alice: Reader, by: tuple[str, ...], *, descending: bool) -> None:
    turned = [name.startswith("-") is not descending for name in by]
    whole = sorted(ROWS, key=lambda row: row[0], reverse=turned[1])
    whole.sort(key=lambda row: row[1], reverse=turned[0])

    for limit in (1, 2, 5, 22):
        assert walk(lambda page: alice.page(Note, NOTES, page=page, by=by, descending=descending), limit) == whole


def test_the_sort_order_is_chosen_at_run_time(alice: Reader) -> None:
    sorts = {"oldest": ("id",), "newest": ("-id",), "body": ["body", "id"]}

    newest = walk(lambda page: alice.page(Note, NOTES, page=page, by=sorts["newest"]), 4)

    assert newest == ROWS[::-1]


@pytest.mark.parametrize("by", ["id", "-id", ("di",), ("body", "ID"), ("-",), ("",), ("--id",), ('id" desc --',)])
def test_a_sort_order_that_the_model_does_not_have_is_a_type_error(by: tuple[str, ...]) -> None:
    """It is raised before anything is sent: there is no server."""
    nowhere = Database(Settings(database_url="postgresql://127.0.0.1:1/none", cursor_keys=("k" * 32,)))
    reader = open_reader(nowhere, SIGNED_IN, ALICE, {}, Deadline.after(10))

    with pytest.raises(TypeError, match=r"by=\('-?id',\)|page\(\) cannot sort by"):
        reader.page(Note, NOTES, page=PageRequest(), by=by)


@pytest.mark.parametrize("limit", [0, -1])
def test_a_page_has_an_item_at_least(limit: int) -> None:
    with pytest.raises(ValueError, match="at least one item"):
        PageRequest(limit=limit)


TIES = "select n as id, (array['a', 'a', 'b', 'b', 'b', 'c'])[n] as body from generate_series(1, 6) n"


def test_a_sort_order_that_is_not_unique_is_refused_where_a_row_would_be_lost(alice: Reader) -> None:
    def bodies(limit: int) -> list[str]:
        return [body for _, body in walk(lambda page: alice.page(Note, TIES, page=page, by=("body",)), limit)]

    assert bodies(6) == bodies(7) == list("aabbbc")
    for limit in range(1, 5):
        with pytest.raises(StatementError, match=r"sort order body is not unique.*by=\('name', 'id'\)"):
            bodies(limit)
    # Its ties are within its pages, so it is right.
    assert bodies(5) == list("aabbbc")


@pytest.mark.parametrize(
    ("ending", "named"),
    [
        (" limit 3", "LIMIT"),
        (" order by id", "ORDER BY"),
        (" order by id limit 3", "ORDER BY and LIMIT"),
        ("\nOffset 3\n-- all", "OFFSET"),
        (" fetch first 3 rows only", "FETCH"),
    ],
)
def test_a_statement_with_an_order_or_a_limit_of_its_own_is_refused(
    alice: Reader, ending: LiteralString, named: str
) -> None:
    with pytest.raises(StatementError, match=named + r"\. Leave it out, or write a subquery"):
        alice.page(Note, NOTES + ending, page=PageRequest(), by=("id",))


def test_a_limit_in_a_subquery_is_the_lists_own(alice: Reader) -> None:
    least: LiteralString = "select * from (" + NOTES + " order by id limit 5) as least"

    assert walk(lambda page: alice.page(Note, least, page=page, by=("-id",)), 2) == ROWS[4::-1]


@pytest.mark.parametrize("name", ["_limit", "_key_0"])
def test_a_parameter_with_the_name_of_one_of_the_pages_is_refused(alice: Reader, name: LiteralString) -> None:
    with pytest.raises(StatementError, match=f"rename {name}"):
        alice.page(Note, NOTES + " where id > %(" + name + ")s", {name: 1}, page=PageRequest(), by=("id",))


def test_other_parameters_may_begin_with_an_underscore(alice: Reader) -> None:
    sql = NOTES + " where id > %(_least)s"

    assert walk(lambda page: alice.page(Note, sql, {"_least": 20}, page=page, by=("id",)), 2) == ROWS[20:]


def test_a_cursor_is_for_its_sort_order(alice: Reader) -> None:
    cursor = alice.page(Note, NOTES, page=PageRequest(limit=1), by=("id",)).next_cursor
    again = PageRequest(limit=1, cursor=cursor)

    assert alice.page(Note, NOTES, page=again, by=["id"]).items[0].id == 2
    for by, descending in ((("-id",), False), (("id",), True), (("body",), False)):
        with pytest.raises(BadRequest):
            alice.page(Note, NOTES, page=again, by=by, descending=descending)
