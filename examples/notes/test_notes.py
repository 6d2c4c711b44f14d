"""Who may do what with notes: real requests, on a real database."""

from collections.abc import Iterator

import pytest

import demo
from notes import LIST, Note, app
from org_common import Database, Identity, reader
from org_common.testing.client import ISSUER, Client, Person
from org_common.tools.database.local import LocalDatabase

NOTES = f"/orgs/{demo.ACME}/notes"

alice = Client(app, person=Person("local|alice"))
carol = Client(app, person=Person("local|carol"))
bob = Client(app, person=Person("local|bob"))
nobody = Client(app)


@pytest.fixture(autouse=True)
def connected(database: LocalDatabase) -> Iterator[Database]:
    demo.seed(database.admin_url, ISSUER)
    made = Database(database.settings)
    app.use(made)
    yield made
    app.use(None)
    made.close()


@pytest.fixture
def note() -> str:
    """The path of a note that Alice wrote."""
    return alice.post(NOTES, {"text": "Buy milk"}).headers["location"]


def test_members_read_it(note: str) -> None:
    assert alice.get(note).status == 200
    assert carol.get(note).json()["text"] == "Buy milk"


def test_only_an_admin_removes_it(note: str) -> None:
    assert carol.delete(note).status == 403
    assert alice.delete(note).status == 204
    assert alice.get(note).status == 404


def test_member_of_another_org_does_not_find_it(note: str) -> None:
    assert bob.get(note).status == 404
    assert bob.delete(note).status == 404


def test_without_a_token_nobody_gets_an_answer(note: str) -> None:
    assert nobody.get(note).status == 401


def test_policy_hides_it_where_no_rule_stands_in_the_way(note: str, connected: Database) -> None:
    stranger = Identity.from_claims(Person("local|bob").claims())

    with reader(stranger, database=connected) as db:
        assert db.all(Note, LIST, {"org_id": demo.ACME}) == []


def test_pages_follow_each_other() -> None:
    for text in ("one", "two", "three"):
        alice.post(NOTES, {"text": text})

    first = carol.get(NOTES, limit=2).json()
    second = carol.get(NOTES, limit=2, cursor=first["nextCursor"]).json()

    assert [note["text"] for note in first["items"]] == ["three", "two"]
    assert [note["text"] for note in second["items"]] == ["one"]
    assert second["nextCursor"] is None
