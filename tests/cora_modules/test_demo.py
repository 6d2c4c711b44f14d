"""The demo's data and tour, against the app itself."""

import json
from collections.abc import Iterator

import psycopg
import pytest

from cora_modules import demo
from org_common import Database
from org_common.testing.client import Client, Person
from org_common.tools.database.local import LocalDatabase
from org_common.tools.serve.issuer import ISSUER, subject
from tests.cora_modules.access.world import APPS, Guest

pytestmark = pytest.mark.db


@pytest.fixture
def seeded(database: LocalDatabase) -> Iterator[LocalDatabase]:
    demo.seed(database.admin_url, ISSUER)
    source = Database(database.settings)
    for app in APPS:
        app.use(source)
    yield database
    for app in APPS:
        app.use(None)
    source.close()


def client(name: str | None) -> Client:
    return Guest(None if name is None else Person(subject(name), issuer=ISSUER, email=f"{name}@example.com"))


class Visit:
    """A visitor who needs no server."""

    def __init__(self) -> None:
        self.surprises: list[str] = []

    def step(
        self, what: str, person: str | None, method: str, path: str, *, expect: int, body: object = None
    ) -> dict[str, str]:
        answer = client(person).send(method, path, body=body)
        if answer.status != expect:
            self.surprises.append(f"{what}: {answer}")
        found: dict[str, str] = json.loads(answer.body) if answer.body else {}
        return found


def test_tour_goes_as_it_says(seeded: LocalDatabase) -> None:
    visit = Visit()

    demo.tour(visit)

    assert visit.surprises == []


def test_tour_leaves_nothing_behind(seeded: LocalDatabase) -> None:
    demo.tour(Visit())

    demo.tour(again := Visit())
    assert again.surprises == []


def test_data_is_made_once(seeded: LocalDatabase) -> None:
    demo.seed(seeded.admin_url, ISSUER)

    with psycopg.connect(seeded.admin_url) as conn:
        counts = conn.execute("select (select count(*) from access.users), count(*) from access.org_members").fetchone()
    assert counts == (len(demo.PEOPLE), len(demo.MEMBERS))


@pytest.mark.parametrize("name", demo.PEOPLE)
def test_everybody_can_sign_in(seeded: LocalDatabase, name: str) -> None:
    assert client(name).get("/orgs").status == 200


def test_example_shows_something(seeded: LocalDatabase) -> None:
    name, path = demo.EXAMPLE

    assert client(name).get(path).json()["items"] != []
