"""What a request leaves in memory: references within limits, and nothing of the results."""

import gc

from org_common import PUBLIC, App, Request
from org_common.db.protocol.statement import prepare
from org_common.testing.client import Client
from org_common.tools.database.tap import RoundTrip
from org_common.tools.serve.console.capture import MARK, MAX_BYTES, Capture, CapturedTrip
from org_common.tools.serve.console.recorder import Recorder

app = App("captured")
SECRET = "hunter2"


@app.post("/echo", allow=PUBLIC)
def echo(request: Request) -> str:
    return request.body.decode()


class Result:
    """A result of libpq, as far as rows are counted."""

    ntuples, command_tuples = 0, 3


def captured(recorder: Recorder, at: int = -1) -> Capture:
    found = recorder.find(recorder.since(0)[at].id)
    assert found is not None
    return found


def trip(value: str) -> CapturedTrip:
    return CapturedTrip(RoundTrip([prepare("select %(secret)s").bind({"secret": value})], [Result()], None, 1.0), 0.5)


def test_request_and_response_are_kept() -> None:
    recorder = Recorder()

    with recorder.recording():
        Client(app).post("/echo", body="hello")

    kept = captured(recorder)
    assert (kept.method, kept.path, kept.query, kept.body) == ("POST", "/echo", "", b'"hello"')
    assert (kept.response, kept.status) == (b'"\\"hello\\""', 200)
    assert kept.response_type.startswith("application/json")


def test_long_bodies_are_not_kept() -> None:
    recorder = Recorder()

    with recorder.recording():
        Client(app).post("/echo", body="x" * MAX_BYTES)

    assert (captured(recorder).body, captured(recorder).response) == (None, None)


def test_only_the_newest_requests_keep_their_values() -> None:
    recorder = Recorder(detailed=2)

    with recorder.recording():
        for _ in range(3):
            Client(app).post("/echo", body="hello")

    assert [captured(recorder, at).body for at in range(3)] == [None, b'"hello"', b'"hello"']


def test_request_of_the_console_is_found_by_its_mark() -> None:
    recorder = Recorder()

    with recorder.recording():
        for number in ("1", "2"):
            Client(app).post("/echo", body=number, headers={MARK: number})

    found = recorder.sent_with("1")
    assert found is not None
    assert found.id == recorder.since(0)[0].id
    assert recorder.sent_with("3") is None
    assert recorder.find(0) is None


def test_trimmed_round_trip_has_its_rows_and_no_values() -> None:
    made = trip(SECRET)
    assert made.statements[0][1] == [SECRET.encode()]

    made.trim()

    assert (made.statements[0][1], made.ran(0), made.ran(1), made.has_values) == ([], 3, None, False)


def test_long_values_are_not_kept() -> None:
    assert not trip("x" * (MAX_BYTES + 1)).has_values


def test_results_are_released() -> None:
    made = trip(SECRET)

    assert not any(isinstance(each, Result) for each in gc.get_referents(made.rows, made.statements))
