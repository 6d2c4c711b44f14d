"""Streams of an app with a database: what a handler did is committed before the first byte."""

import json
import uuid
from collections.abc import Iterator

import pytest

from cora_modules import demo
from org_common import SIGNED_IN, App, Event, Identity, Response, Stream, Transaction, reader
from org_common.config.settings import Settings
from org_common.db.connections.pool import Pooled
from org_common.db.database import Database
from org_common.testing import Client, LocalDatabase, Person
from org_common.testing.sse import read_events
from org_common.tools.database.local import clone, drop
from org_common.tools.serve.issuer import ISSUER, subject
from tests.support.streams import Server, served

pytestmark = pytest.mark.db

# One connection for all streams.
CONNECTIONS = 1
NOW = "select pg_current_xact_id()::text"
STATUS = "select pg_xact_status(%(id)s::text::xid8)"
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


@app.post("/idempotent", allow=SIGNED_IN, idempotent=True)
def repeat(tx: Transaction) -> Response:
    tx.value(NOW)
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
    with served(app, database=database) as running:
        yield running


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


def test_stream_is_not_stored_for_an_idempotency_key(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    client = Client(app, person=ALICE)

    assert client.post("/idempotent").status == 200
    assert client.post("/idempotent", headers={"idempotency-key": "1"}).status == 500
    assert "a stream cannot be stored for the next request" in caplog.text


def test_refused_caller_starts_no_stream(server: Server) -> None:
    assert server.open("/written", "POST").status == 401
