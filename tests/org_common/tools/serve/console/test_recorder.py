"""The ring of the last requests, and what the recording replaces."""

from collections.abc import Iterator

import pytest

from cora_modules import demo
from org_common import PUBLIC, App, Check, Reader
from org_common.db.connections import connection
from org_common.db.protocol.wire import exchange
from org_common.pipeline import Pipeline
from org_common.testing.client import ISSUER, Client
from org_common.tools.database.local import LocalDatabase
from org_common.tools.serve.console.recorder import Recorder
from org_common.tools.serve.issuer import subject

app = App("ring")


@app.get("/public/{number}", allow=PUBLIC)
def read(number: int) -> int:
    return number


@app.get("/checked", allow=Check("true"))
def checked(db: Reader) -> int:
    return int(db.value("select %(secret)s::int", {"secret": 4711}))


@app.get("/denied", allow=Check("false"))
def denied(db: Reader) -> int:
    return int(db.value("select 1"))


@pytest.fixture
def served(database: LocalDatabase) -> Iterator[LocalDatabase]:
    demo.seed(database.admin_url, ISSUER)
    with database.serve(app):
        yield database


def test_oldest_request_makes_room() -> None:
    recorder = Recorder(size=3)

    with recorder.recording():
        for number in range(5):
            Client(app).get(f"/public/{number}")

    records = recorder.since(0)
    assert [each.path for each in records] == ["/public/2", "/public/3", "/public/4"]
    assert [each.path for each in recorder.since(records[1].id)] == ["/public/4"]


def test_ids_grow_over_restarts() -> None:
    ids = []
    for _ in range(2):
        recorder = Recorder()
        with recorder.recording():
            Client(app).get("/public/1")
        ids += [each.id for each in recorder.since(0)]

    assert ids == sorted(ids)
    assert ids[0] > 1_700_000_000_000


def test_listener_hears_of_each_request() -> None:
    recorder, heard = Recorder(), []

    with recorder.recording():
        with recorder.listening(lambda: heard.append(len(recorder.since(0)))):
            Client(app).get("/public/1")
        Client(app).get("/public/2")

    assert heard == [1]


def test_nothing_is_replaced_after_the_block() -> None:
    usual, recorder = Pipeline.observe, Recorder()

    with recorder.recording():
        assert Pipeline.observe is not usual
        assert vars(connection)["exchange"] is not exchange
    Client(app).get("/public/1")

    assert (Pipeline.observe, vars(connection)["exchange"]) == (usual, exchange)
    assert recorder.since(0) == []


@pytest.mark.db
def test_statements_of_a_request_are_recorded_without_values(served: LocalDatabase) -> None:
    recorder = Recorder({subject("alice"): "alice"})

    with recorder.recording():
        assert Client(app, person="alice").get("/checked").json() == 4711

    [made] = recorder.since(0)
    assert (made.person, made.role, made.verdict, made.round_trip_count) == ("alice", "authenticated", "allowed", 1)
    [trip] = made.round_trips
    [statement] = [each for each in trip.statements if not each.is_own]
    assert (statement.sql, statement.parameters, statement.rows) == (
        "select %(secret)s::int",
        {"secret": "***"},
        1,
    )
    assert any("app.require" in each.sql for each in trip.statements)
    assert 0 <= trip.began_ms < trip.began_ms + trip.took_ms <= made.took_ms
    assert "4711" not in repr(trip)
    assert subject("alice") not in repr(trip)


@pytest.mark.db
def test_denied_request_has_its_verdict(served: LocalDatabase) -> None:
    recorder = Recorder()

    with recorder.recording():
        Client(app, person="alice").get("/denied")

    assert [(each.status, each.verdict) for each in recorder.since(0)] == [(403, "denied: 403")]
