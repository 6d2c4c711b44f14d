"""The record of one request: each step reaches the usual observer too."""

from collections.abc import Iterator

import pytest

from org_common import PUBLIC, TOKEN, App, Stream
from org_common.testing.client import Client
from org_common.tools.database.tap import RoundTrip
from org_common.tools.serve.console.observer import record_round_trip
from org_common.tools.serve.console.record import MAX_ROUND_TRIPS, RequestRecord
from org_common.tools.serve.console.recorder import Recorder

app = App("recorded")
TRIP = RoundTrip([(b"select 1", [], (), [])], [], None, 0.1)


@app.get("/public/{name}", allow=PUBLIC)
def read(name: str) -> str:
    return name


@app.get("/mine", allow=TOKEN)
def mine() -> None:
    return None


@app.get("/broken", allow=PUBLIC)
def broken() -> None:
    raise RuntimeError


@app.get("/many", allow=PUBLIC)
def many() -> None:
    for _ in range(MAX_ROUND_TRIPS + 1):
        record_round_trip(TRIP)


@app.get("/stream", allow=PUBLIC)
def stream() -> Stream:
    def items() -> Iterator[bytes]:
        record_round_trip(TRIP)
        yield b"one"

    return Stream(items(), content_type="text/plain")


def record(path: str, person: str | None = None) -> RequestRecord:
    recorder = Recorder()
    with recorder.recording():
        Client(app, person=person).get(path)
    [made] = recorder.since(0)
    return made


def test_request_has_its_route_and_rule() -> None:
    made = record("/public/one")

    assert (made.method, made.path, made.route) == ("GET", "/public/one", "GET /public/{name}")
    assert (made.rule, made.verdict, made.role, made.status, made.code) == ("PUBLIC", "allowed", "anon", 200, None)
    assert (made.claims, made.person, made.round_trip_count, made.round_trips) == (None, None, 0, [])
    assert made.took_ms > 0


def test_secret_in_a_path_is_masked() -> None:
    assert record("/public/joe@example.com").path == "/public/[email]"


def test_claims_are_those_that_policies_see() -> None:
    claims = record("/mine", "alice").claims

    assert claims is not None
    assert (claims["role"], "alice" in str(claims["sub"])) == ("authenticated", True)


def test_refused_request_has_the_code_of_its_problem() -> None:
    made = record("/mine")

    assert (made.status, made.code, made.verdict) == (401, "unauthorized", "denied: 401")


def test_request_without_a_route_is_recorded() -> None:
    made = record("/nowhere")

    assert (made.route, made.rule, made.verdict, made.status) == (None, None, None, 404)


def test_unexpected_error_is_recorded() -> None:
    assert record("/broken").status == 500


def test_round_trips_are_counted_beyond_those_that_are_kept() -> None:
    made = record("/many")

    assert (made.round_trip_count, len(made.round_trips)) == (MAX_ROUND_TRIPS + 1, MAX_ROUND_TRIPS)


def test_stream_is_recorded_when_it_ends() -> None:
    made = record("/stream")

    assert (made.status, made.round_trip_count) == (200, 1)


def test_round_trip_of_no_request_is_ignored() -> None:
    record_round_trip(TRIP)


@pytest.mark.parametrize("path", ["/mine", "/nowhere", "/stream"])
@pytest.mark.parametrize("person", ["alice", None])
def test_each_step_reaches_the_usual_observer(path: str, person: str | None) -> None:
    usual, outer = Recorder(), Recorder()

    with usual.recording(), outer.recording():
        Client(app, person=person).get(path)

    [first], [second] = usual.since(0), outer.since(0)
    assert (first.route, first.claims, first.status, first.code) == (
        second.route,
        second.claims,
        second.status,
        second.code,
    )
