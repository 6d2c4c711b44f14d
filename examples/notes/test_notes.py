"""Who may do what with notes: real requests on a real database."""

from collections.abc import Iterator

import pytest

import demo
from notes import LIST, Note, app
from org_common import Database, reader
from org_common.testing import ISSUER, Client, LocalDatabase, Person

NOTES = f"/orgs/{demo.ACME}/notes"

alice = Client(app, person=Person("local|alice"))
carol = Client(app, person=Person("local|carol"))
bob = Client(app, person=Person("local|bob"))
anonymous = Client(app)


@pytest.fixture(autouse=True)
def app_database(database: LocalDatabase) -> Iterator[Database]:
    """The database that the app uses in this test."""
    demo.seed(database.admin_url, ISSUER)
    with database.serve(app) as connected:
        yield connected


@pytest.fixture
def note() -> str:
    """The path of a note that Alice wrote."""
    return alice.post(NOTES, {"text": "Buy milk"}).headers["location"]


def test_members_read_a_note(note: str) -> None:
    assert alice.get(note).status == 200
    assert carol.get(note).json()["text"] == "Buy milk"


def test_only_an_admin_deletes_a_note(note: str) -> None:
    assert carol.delete(note).status == 403
    assert alice.delete(note).status == 204
    assert alice.get(note).status == 404


def test_member_of_another_org_gets_404(note: str) -> None:
    assert bob.get(note).status == 404
    assert bob.delete(note).status == 404


def test_request_without_a_token_gets_401(note: str) -> None:
    assert anonymous.get(note).status == 401


def test_policy_hides_notes_where_no_access_rule_applies(note: str, app_database: Database) -> None:
    with reader(Person("local|bob").identity(), database=app_database) as db:
        assert db.all(Note, LIST, {"org_id": demo.ACME}) == []


def test_pages_follow_the_cursor() -> None:
    for text in ("one", "two", "three"):
        alice.post(NOTES, {"text": text})

    first = carol.get(NOTES, limit=2).json()
    second = carol.get(NOTES, limit=2, cursor=first["nextCursor"]).json()

    assert [note["text"] for note in first["items"]] == ["three", "two"]
    assert [note["text"] for note in second["items"]] == ["one"]
    assert second["nextCursor"] is None
