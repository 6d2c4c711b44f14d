"""The demo data and the tour, against the apps."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from cora_modules import demo
from org_common import Database
from org_common.testing.client import Client, Person
from org_common.tools.database.local import LocalDatabase
from org_common.tools.project import apps
from org_common.tools.project.project import Project
from org_common.tools.serve.issuer import ISSUER, subject
from tests.cora_modules.access.world import ModuleClient

pytestmark = pytest.mark.db

APPS = apps.load(Project.find(Path(__file__).parents[2]))


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


class ProjectClient(ModuleClient):
    """A client of the apps of all modules."""

    def __init__(self, person: Person | None) -> None:
        super().__init__(person)
        self._clients = [(app, Client(app, person=person)) for app in APPS]


def client(name: str | None) -> Client:
    return ProjectClient(None if name is None else Person(subject(name), issuer=ISSUER, email=f"{name}@example.com"))


class Visit:
    """A visit that calls the apps without a server."""

    def __init__(self) -> None:
        self.failures: list[str] = []

    def step(
        self, what: str, person: str | None, method: str, path: str, *, expect: int, body: object = None
    ) -> dict[str, str]:
        response = client(person).send(method, path, body=body)
        if response.status != expect:
            self.failures.append(f"{what}: {response}")
        content: dict[str, str] = json.loads(response.body) if response.body else {}
        return content


def test_tour_succeeds(seeded: LocalDatabase) -> None:
    visit = Visit()

    demo.tour(visit)

    assert visit.failures == []


def test_tour_can_be_repeated(seeded: LocalDatabase) -> None:
    demo.tour(Visit())

    demo.tour(again := Visit())
    assert again.failures == []


def test_seed_inserts_once(seeded: LocalDatabase) -> None:
    demo.seed(seeded.admin_url, ISSUER)

    with psycopg.connect(seeded.admin_url) as conn:
        counts = conn.execute("select (select count(*) from access.users), count(*) from access.org_members").fetchone()
    assert counts == (len(demo.PEOPLE), len(demo.MEMBERS))


@pytest.mark.parametrize("name", demo.PEOPLE)
def test_each_person_can_sign_in(seeded: LocalDatabase, name: str) -> None:
    assert client(name).get("/orgs").status == 200


def test_example_is_not_empty(seeded: LocalDatabase) -> None:
    name, path = demo.EXAMPLE

    assert client(name).get(path).json()["items"] != []
