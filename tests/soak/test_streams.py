"""Many open streams on one server: none holds a connection, and each ends."""

import uuid
from collections.abc import Iterator
from threading import Event as Gate
from threading import enumerate as threads

import psycopg
import pytest

from cora_modules import demo
from org_common import SIGNED_IN, App, Event, Reader, Stream
from org_common.db.connections.pool import Pooled
from org_common.db.database import Database
from org_common.testing import LocalDatabase, Person
from org_common.tools.database.local import clone, drop
from org_common.tools.serve.issuer import ISSUER, subject
from tests.soak.scale import scaled
from tests.support.streams import Server, served

pytestmark = pytest.mark.db

STREAMS = scaled(50, 500)
WAIT_S = 60.0
# One connection for all of them.
CONNECTIONS = 1
ALICE = Person(subject("alice"), issuer=ISSUER)
go_on = Gate()
app = App("crowd")


@app.get("/held", allow=SIGNED_IN)
def hold(db: Reader) -> Stream:
    number: int = db.value("select 1")

    def items() -> Iterator[Event]:
        yield Event(number)
        assert go_on.wait(WAIT_S)

    return Stream(items())


@pytest.fixture(scope="module")
def local(database_template: LocalDatabase) -> Iterator[LocalDatabase]:
    made = clone(database_template, f"streams_{uuid.uuid4().hex}")
    demo.seed(made.admin_url, ISSUER)
    yield made
    drop(made)


@pytest.fixture
def server(local: LocalDatabase) -> Iterator[Server]:
    go_on.clear()
    database = Database(local.settings, Pooled(local.settings, size=CONNECTIONS))
    with served(app, database=database) as running:
        yield running
        go_on.set()
    database.close()


def test_open_streams_hold_no_connection(server: Server, local: LocalDatabase) -> None:
    claims = {"authorization": ALICE.claims()}
    streams = [server.open("/held", **claims) for _ in range(STREAMS)]

    assert {stream.block() for stream in streams} == {b"data: 1\n\n"}
    assert sum(thread.name == "org-common-stream" for thread in threads()) == STREAMS
    with psycopg.connect(local.admin_url) as admin:
        states = admin.execute(
            "select state from pg_stat_activity where datname = %s and usename = 'app_login'", [local.name]
        ).fetchall()
    assert states == [("idle",)] * CONNECTIONS

    go_on.set()
    assert {stream.read() for stream in streams} == {b""}
