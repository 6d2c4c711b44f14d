"""Streams of an app with a database: what a handler did is committed, and a stream holds no connection."""

import json
import uuid
from collections.abc import Iterator
from threading import Event as Gate

import psycopg
import pytest

from cora_modules import demo
from org_common import PUBLIC, SIGNED_IN, App, Event, Identity, Reader, Stream, Transaction, reader
from org_common.config.settings import Settings
from org_common.db.connections.pool import Pooled
from org_common.db.database import Database
from org_common.testing import Client, LocalDatabase, Person
from org_common.testing.sse import read_events
from org_common.tools.database.local import clone, drop
from org_common.tools.serve.issuer import ISSUER, subject
from tests.support.streams import Server, served

pytestmark = pytest.mark.db

WAIT_S = 20.0
# One connection for all streams.
CONNECTIONS = 1
NOW = "select pg_current_xact_id()::text"
STATUS = "select pg_xact_status(%(id)s::text::xid8)"
go_on = Gate()
app = App("asgi-streams")


@app.post("/written", allow=SIGNED_IN)
def write(tx: Transaction, identity: Identity) -> Stream:
    written = tx.value(NOW)

    def items() -> Iterator[Event]:
        with reader(identity, database=app.database()) as db:
            status = db.value(STATUS, {"id": written})
        yield Event({"status": status})

    return Stream(items())


@app.post("/reuses", allow=SIGNED_IN)
def reuse(tx: Transaction) -> Stream:
    tx.value(NOW)

    def items() -> Iterator[Event]:
        yield Event("first")
        yield Event(tx.value(NOW))

    return Stream(items())


@app.get("/held", allow=SIGNED_IN)
def hold(db: Reader) -> Stream:
    first = db.value(NOW.replace("pg_current_xact_id()", "1"))

    def items() -> Iterator[Event]:
        yield Event(first)
        assert go_on.wait(WAIT_S)

    return Stream(items())


@app.get("/admins", allow=PUBLIC)
def public() -> Stream:
    return Stream([Event("a")])


@pytest.fixture(scope="module")
def local(database_template: LocalDatabase) -> Iterator[LocalDatabase]:
    made = clone(database_template, f"streams_{uuid.uuid4().hex}")
    demo.seed(made.admin_url, ISSUER)
    yield made
    drop(made)


@pytest.fixture
def database(local: LocalDatabase) -> Iterator[Database]:
    settings: Settings = local.settings
    made = Database(settings, Pooled(settings, size=CONNECTIONS))
    app.use(made)
    yield made
    app.use(None)
    made.close()


ALICE = Person(subject("alice"), issuer=ISSUER)


@pytest.fixture
def server(database: Database) -> Iterator[Server]:
    go_on.clear()
    with served(app, database=database) as running:
        yield running
        go_on.set()


def claims() -> dict[str, str]:
    """What `served` takes for a token."""
    return {"authorization": ALICE.claims()}


def test_transaction_commits_before_the_first_byte(server: Server) -> None:
    received = server.open("/written", "POST", **claims())

    assert read_events(received.read()) == [Event('{"status":"committed"}')]


def test_collected_stream_runs_after_the_commit_too(database: Database) -> None:
    answer = Client(app, person=ALICE).post("/written")

    assert answer.events() == [Event('{"status":"committed"}')]


def test_transaction_is_over_in_the_iterator(server: Server) -> None:
    first, error = read_events(server.open("/reuses", "POST", **claims()).read())

    assert (first.data, error.event) == ("first", "error")
    assert json.loads(str(error.data))["code"] == "internal_error"


def test_refused_caller_starts_no_stream(server: Server) -> None:
    assert server.open("/written", "POST").status == 401


def test_open_streams_hold_no_connection(server: Server, local: LocalDatabase) -> None:
    streams = [server.open("/held", **claims()) for _ in range(50)]

    assert {stream.block() for stream in streams} == {b"data: 1\n\n"}
    with psycopg.connect(local.admin_url) as admin:
        rows = admin.execute(
            "select state from pg_stat_activity where datname = %s and usename = 'app_login'", [local.name]
        ).fetchall()
    assert rows == [("idle",)] * CONNECTIONS

    go_on.set()
    assert {stream.read() for stream in streams} == {b""}
