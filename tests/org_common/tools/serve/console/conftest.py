"""An app whose statements the console explains and repeats, on the demo's data."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from uuid import UUID

import pytest

from cora_modules import demo
from org_common import PUBLIC, SIGNED_IN, App, Model, OrgCheck, Reader, Transaction
from org_common.testing.client import Client, Person
from org_common.tools.database.local import LocalDatabase
from org_common.tools.serve.console.capture import Capture
from org_common.tools.serve.console.people import People
from org_common.tools.serve.console.recorder import Recorder
from org_common.tools.serve.console.transaction import CapturedStatement, find
from org_common.tools.serve.issuer import ISSUER, LocalIssuer, subject

SECRET = "Initech"
ACME = str(demo.ACME)
ask_app = App("asked")


class Named(Model):
    """A row of the lists below."""

    id: UUID


@ask_app.get("/orgs", allow=SIGNED_IN)
def orgs(db: Reader) -> int:
    return len(db.all(Named, "select id from access.orgs where name <> %(secret)s and 4711 > 0", {"secret": SECRET}))


@ask_app.get("/orgs/{org_id}/members", allow=OrgCheck("org_user"))
def members(org_id: UUID, db: Reader) -> int:
    sql = "select m.user_id as id from access.org_members m where m.org_id = %(org_id)s"
    return len(db.all(Named, sql, {"org_id": org_id}))


@ask_app.get("/public", allow=PUBLIC)
def public(db: Reader) -> int:
    return int(db.value("select 1"))


@ask_app.post("/rename", allow=SIGNED_IN)
def rename(db: Transaction) -> int:
    db.value("select count(*) from access.orgs")
    return db.run("update access.orgs set name = %(name)s where false", {"name": SECRET}, rows=None)


@pytest.fixture
def urls(database: LocalDatabase) -> Mapping[str, str]:
    return {"": database.login_url, "app_service": database.service_url}


@pytest.fixture
def people(tmp_path: Path) -> People:
    return People(demo.PEOPLE, LocalIssuer.load(tmp_path))


@pytest.fixture
def ask(database: LocalDatabase) -> Iterator[Callable[..., Capture]]:
    """Sends a request as a demo user, and returns what the console has captured of it."""
    demo.seed(database.admin_url, ISSUER)
    recorder = Recorder()

    def send(path: str, name: str | None = "alice", method: str = "GET") -> Capture:
        person = None if name is None else Person(subject(name), issuer=ISSUER, email=f"{name}@example.com")
        Client(ask_app, person=person).send(method, path)
        found = recorder.find(recorder.since(0)[-1].id)
        assert found is not None
        return found

    with database.serve(ask_app), recorder.recording():
        yield send


def statement_of(capture: Capture, start: bytes) -> CapturedStatement:
    """The statement of a request that begins with this."""
    [found] = [
        find(capture, at, number)
        for at, trip in enumerate(capture.trips)
        for number, (command, *_) in enumerate(trip.statements)
        if command.startswith(start)
    ]
    return found
