"""The way in outside of a route, and the settings' own database."""

from collections.abc import Iterator
from itertools import count
from typing import LiteralString

import pytest

from org_common.app import App
from org_common.auth.rules import PUBLIC, SIGNED_IN
from org_common.db import database as databases
from org_common.db.database import Database, default, reader, transaction
from org_common.db.reader import Reader
from org_common.db.scope import HandleClosed
from org_common.testing.client import Client, Person
from org_common.values.errors import Forbidden, GatewayTimeout, OrgError
from org_common.values.paging import Page, PageRequest
from org_common.values.types import Deadline
from tests.support.handles import open_reader
from tests.support.lab import ALICE, BOB, INSERT, STRANGER, WHO, Lab, Note

pytestmark = pytest.mark.db

NOTES = "select id, body from lab.notes"


@pytest.fixture
def environment(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As a Lambda finds it."""
    monkeypatch.setenv("ORG_COMMON_DATABASE_URL", lab.local.login_url)
    monkeypatch.setenv("ORG_COMMON_CURSOR_KEYS", "k" * 32)
    monkeypatch.setattr(databases, "_default", None)
    yield
    default().close()


def test_a_reader_for_a_known_user(lab: Lab, db: Database) -> None:
    with reader(ALICE, database=db) as handle:
        assert handle.value(WHO) == "authenticated"
        assert handle.value("select auth.uid()::text") == lab.user_id(ALICE)

    with pytest.raises(HandleClosed):
        handle.value("select 1")


def test_a_transaction_is_committed_at_the_end_of_its_block(lab: Lab, db: Database) -> None:
    with transaction(ALICE, database=db) as tx:
        tx.run(INSERT, {"id": 1, "body": "x"}, rows=1)
        assert lab.notes() == []

    assert lab.notes() == [1]


def test_and_rolled_back_by_any_exception(lab: Lab, db: Database) -> None:
    for error in (KeyError(), KeyboardInterrupt(), OrgError()):
        with pytest.raises(type(error)), transaction(ALICE, database=db) as tx:
            tx.run(INSERT, {"id": 1, "body": "x"}, rows=1)
            raise error

    assert lab.notes() == []
    assert lab.is_quiet()


def test_strangers_are_refused(db: Database) -> None:
    with pytest.raises(Forbidden), reader(STRANGER, database=db) as handle:
        handle.value("select 1")
    with pytest.raises(Forbidden), transaction(STRANGER, database=db) as tx:
        tx.value("select 1")


def test_the_time_is_the_callers_to_set(db: Database) -> None:
    with reader(ALICE, database=db) as handle:
        handle.value("select 1")

    with pytest.raises(GatewayTimeout), reader(ALICE, database=db, timeout_s=1.0) as handle:
        handle.value("select pg_sleep(5)")
    with pytest.raises(GatewayTimeout), transaction(ALICE, database=db, timeout_s=0.1) as tx:
        tx.value("select 1")


def test_one_after_the_other_on_one_connection(db: Database) -> None:
    ids = count()
    for who in (ALICE, BOB, ALICE):
        with transaction(who, database=db) as tx:
            tx.value("select 1")
            tx.run(INSERT, {"id": next(ids), "body": "x"}, rows=1)
    with reader(ALICE, database=db) as alice, reader(BOB, database=db) as bob:
        assert len(alice.all(Note, NOTES)) == 2
        assert len(bob.all(Note, NOTES)) == 1

    assert db.counters.opened == 1


def test_public_and_known_handles_of_one_database(db: Database) -> None:
    anonymous = open_reader(db, PUBLIC, None, {}, Deadline.after(10))
    signed_in = open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(10))

    assert [anonymous.value(WHO), signed_in.value(WHO), anonymous.value(WHO)] == ["anon", "authenticated", "anon"]


@pytest.mark.usefixtures("environment")
def test_the_environments_database_is_made_once() -> None:
    with reader(ALICE) as handle:
        assert handle.value(WHO) == "authenticated"
    with transaction(ALICE) as tx:
        tx.value("select 1")

    assert default() is default()
    assert default().counters.opened == 1


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("pages", [False, True])
def test_an_app_with_pages_says_with_its_first_request_that_cursors_cannot_be_signed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, pages: bool
) -> None:
    """Whichever that is: else it would be the first list that has a second page."""
    monkeypatch.delenv("ORG_COMMON_CURSOR_KEYS")
    app = App("shop")

    @app.get("/who", allow=SIGNED_IN)
    def who(db: Reader) -> dict[str, str]:
        return {"who": db.value(WHO)}

    if pages:

        @app.get("/notes", allow=SIGNED_IN)
        def list_notes(db: Reader, page: PageRequest) -> Page[Note]:
            return db.page(Note, NOTES, page=page, by=("id",))

    answer = Client(app).as_(Person(ALICE.subject)).get("/who")

    assert answer.status == (500 if pages else 200)
    assert ("ORG_COMMON_CURSOR_KEYS is not set" in caplog.text) is pages


@pytest.mark.parametrize("profile", ["direct", "transaction-pooler", "rds-proxy", "rds-proxy-set-local"])
def test_every_profile_isolates_alike(lab: Lab, profile: str) -> None:
    db = Database(lab.through(lab.local.login_url, profile=profile))
    with transaction(ALICE, database=db) as tx:
        tx.run(INSERT, {"id": 1, "body": "it's \\ 'x'"}, rows=1)

    with reader(ALICE, database=db) as alice, reader(BOB, database=db) as bob:
        assert len(alice.all(Note, NOTES)) == 1
        assert bob.all(Note, NOTES) == []
        with pytest.raises(OrgError) as raised:
            alice.value("with x as (delete from lab.notes returning 1) select count(*) from x")
    assert raised.value.code == "read_only_unit"
    anonymous = open_reader(db, PUBLIC, None, {}, Deadline.after(10))
    assert anonymous.value("select current_setting('request.jwt.claims')") == '{"role":"anon"}'
    db.close()


def test_claims_arrive_as_they_are_in_every_profile(lab: Lab) -> None:
    odd = """o'brien \\ "x" ; -- $1 %s é 😀"""
    link: LiteralString = """
        insert into access.user_identities (issuer, subject, user_id)
        select issuer, %s, user_id from access.user_identities where subject = 'local|carol'
        on conflict do nothing"""
    lab.tell(link, odd)
    identity = type(ALICE)(issuer=ALICE.issuer, subject=odd, expires_at=0, email="a'\\'b@example.com")

    for profile in ("direct", "rds-proxy-set-local"):
        db = Database(lab.through(lab.local.login_url, profile=profile))
        with reader(identity, database=db) as handle:
            claims = handle.value("select auth.jwt()")
        assert (claims["outer_sub"], claims["email"]) == (odd, "a'\\'b@example.com")
        db.close()
