"""Streams behind a real uvicorn: what is on the socket, and when the iterator learns of it."""

import asyncio
import http.client
import json
import time
from collections.abc import Iterator
from threading import Event as Gate
from threading import enumerate as threads
from typing import Any

import pytest

from org_common import PUBLIC, App, Conflict, Deadline, Event, Response, Stream
from org_common.http import streaming
from org_common.http.producer import Producer
from org_common.http.streaming import drain_streams
from org_common.telemetry import log
from org_common.testing.sse import read_events
from tests.support.lines import Sink, untouched_logging
from tests.support.streams import Server, served

WAIT_S = 20.0

app = App("streaming")


class Tape:
    """What an iterator did."""

    def __init__(self) -> None:
        self.produced = 0
        self.go_on = Gate()
        self.tick = Gate()
        self.waits = Gate()
        self.hung_up = Gate()
        self.closed = Gate()


tapes: dict[str, Tape] = {}


def events(tape: Tape) -> Iterator[Event | None]:
    """One event, the second once the test lets it, then nothing until the client is gone."""
    try:
        tape.produced += 1
        yield Event({"number": 1}, event="count", id="1")
        tape.waits.set()
        assert tape.go_on.wait(WAIT_S)
        tape.produced += 1
        yield Event({"number": 2}, id="2")
        while True:
            tape.tick.wait(0.01)
            yield None
    except GeneratorExit:
        tape.hung_up.set()
        raise
    finally:
        tape.closed.set()


@app.get("/tapes/{name}", allow=PUBLIC)
def play(name: str, heartbeat_s: float = 15.0) -> Stream:
    return Stream(events(tapes.setdefault(name, Tape())), heartbeat_s=heartbeat_s)


@app.get("/fails", allow=PUBLIC)
def fails(after: int = 0, crash: bool = False, raw: bool = False) -> Stream:
    def items() -> Iterator[Any]:
        for number in range(after):
            yield b"x" * 10 if raw else Event(str(number))
        raise SystemExit(1) if crash else Conflict("Not now.", code="not_now")

    return Stream(items(), content_type="text/csv") if raw else Stream(items())


@app.get("/bytes", allow=PUBLIC)
def send_bytes(chunks: int, size: int) -> Stream:
    return Stream((bytes(size) for _ in range(chunks)), content_type="application/octet-stream")


@app.get("/slow-start/{name}", allow=PUBLIC)
def start_slowly(name: str, raw: bool = False) -> Stream:
    def items() -> Iterator[Any]:
        assert tapes[name].go_on.wait(WAIT_S)
        yield b"late" if raw else Event("late")

    return Stream(items(), content_type="text/plain") if raw else Stream(items())


@app.get("/cookie", allow=PUBLIC)
def cookie() -> Stream:
    stream = Stream([Event("a")])
    stream.set_cookie("seen", "1")
    return stream


@app.get("/plain", allow=PUBLIC)
def plain() -> Stream | Response:
    return Response(b"plain")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with served(app) as running:
        yield running


@pytest.fixture
def tape(request: pytest.FixtureRequest) -> Iterator[Tape]:
    made = tapes[request.node.name] = Tape()
    yield made
    made.go_on.set()


@pytest.fixture
def sink() -> Iterator[Sink]:
    with untouched_logging():
        handler = log.configure()
        sink = Sink()
        handler._write = lambda line, level: sink.log(line)
        app.pipeline._telemetry_loaded = False
        yield sink
    app.pipeline._telemetry_loaded = False


def line_of(sink: Sink, route: str) -> dict[str, Any]:
    """The line of the request, which is written at its end."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        for line in sink.lines:
            if line["message"].startswith(f"{route} ") and "status" in line:
                return line
        time.sleep(0.01)
    raise AssertionError(sink.lines)


def test_first_event_is_on_the_socket_before_the_second_is_produced(server: Server, tape: Tape) -> None:
    received = server.open("/tapes/test_first_event_is_on_the_socket_before_the_second_is_produced")

    first = received.block()
    produced = tape.produced
    tape.go_on.set()
    second = received.block()
    received.hang_up()

    assert (first, produced) == (b'event: count\nid: 1\ndata: {"number":1}\n\n', 1)
    assert second == b'id: 2\ndata: {"number":2}\n\n'
    assert received.headers["content-type"] == "text/event-stream"
    assert received.headers["transfer-encoding"] == "chunked"
    assert received.headers["cache-control"] == "no-store, no-transform"
    assert received.headers["x-accel-buffering"] == "no"
    assert "content-length" not in received.headers


def test_hang_up_reaches_the_iterator(server: Server, tape: Tape) -> None:
    received = server.open("/tapes/test_hang_up_reaches_the_iterator")
    received.block()
    tape.go_on.set()
    received.block()
    start = time.monotonic()

    received.hang_up()

    assert tape.hung_up.wait(WAIT_S)
    print(f"hang-up noticed after {time.monotonic() - start:.3f} s")
    assert tape.closed.wait(WAIT_S)


def test_iterator_that_waits_learns_of_it_when_it_goes_on(server: Server, tape: Tape) -> None:
    received = server.open("/tapes/test_iterator_that_waits_learns_of_it_when_it_goes_on")
    received.block()
    assert tape.waits.wait(WAIT_S)

    received.hang_up()
    tape.go_on.set()

    assert tape.hung_up.wait(WAIT_S)
    assert tape.produced == 2


def test_heartbeats_fill_idle_times(server: Server, tape: Tape) -> None:
    received = server.open("/tapes/test_heartbeats_fill_idle_times?heartbeatS=0.05")

    blocks = [received.block() for _ in range(3)]
    tape.go_on.set()
    while (block := received.block()) == b": \n\n":
        pass
    received.hang_up()

    assert blocks[1:] == [b": \n\n"] * 2
    assert read_events(block) == [Event('{"number":2}', id="2")]


@pytest.mark.parametrize("raw", ["false", "true"])
def test_error_before_the_first_byte_is_a_problem(server: Server, raw: str) -> None:
    received = server.open(f"/fails?raw={raw}")

    problem = json.loads(received.read())

    assert (received.status, problem["code"]) == (409, "not_now")
    assert received.headers["content-type"] == "application/problem+json"
    assert "content-length" in received.headers


def test_error_after_the_first_byte_is_an_event(server: Server, sink: Sink) -> None:
    received = server.open("/fails?after=2")

    *data, error = read_events(received.read())

    assert (received.status, [event.data for event in data]) == (200, ["0", "1"])
    assert error.event == "error"
    assert (json.loads(str(error.data))["status"], json.loads(str(error.data))["code"]) == (409, "not_now")
    line = line_of(sink, "GET /fails")
    assert (line["status"], line["code"], line["stream"], line["Faults"]) == (200, "not_now", "error", 0)


@pytest.mark.parametrize("after", [0, 1])
def test_crash_is_logged_and_says_nothing_to_the_client(server: Server, sink: Sink, after: int) -> None:
    received = server.open(f"/fails?after={after}&crash=true")

    body = received.read()

    assert b"internal_error" in body
    assert b"SystemExit" not in body
    line = line_of(sink, "GET /fails")
    assert (line["status"], line["code"], line["stream"], line["Faults"]) == (
        200 if after else 500, "internal_error", "error", 1,
    )  # fmt: skip
    assert any(each["level"] == "ERROR" and each.get("request_id") == line["request_id"] for each in sink.lines)


def test_bytes_are_cut_by_an_error(server: Server, sink: Sink) -> None:
    received = server.open("/fails?after=3&raw=true")

    with pytest.raises(http.client.IncompleteRead) as raised:
        received.read()

    assert raised.value.partial == b"x" * 30
    assert line_of(sink, "GET /fails")["stream"] == "error"


def test_line_is_written_at_the_end(server: Server, sink: Sink) -> None:
    body = server.open("/bytes?chunks=20&size=1000").read()

    line = line_of(sink, "GET /bytes")
    assert (len(body), line["ResponseBytes"], line["StreamItems"], line["stream"]) == (20000, 20000, 20, "complete")
    assert 0 < line["TimeToFirstByte"] <= line["Duration"]


def test_line_of_a_hang_up_counts_what_was_sent(server: Server, sink: Sink, tape: Tape) -> None:
    received = server.open("/tapes/test_line_of_a_hang_up_counts_what_was_sent")
    received.block()
    received.hang_up()

    line = line_of(sink, "GET /tapes/{name}")
    assert (line["status"], line["stream"], line["StreamItems"], line["Faults"]) == (200, "hang_up", 1, 0)


def test_head_does_not_wait_for_a_slow_first_item(server: Server, tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "HEAD_S", 0.05)
    path = "/slow-start/test_head_does_not_wait_for_a_slow_first_item"
    events, raw = server.open(path), server.open(f"{path}?raw=true")

    tape.go_on.set()

    assert [events.block(), events.block()] == [b": \n\n", b"data: late\n\n"]
    assert (events.read(), raw.read()) == (b"", b"late")


def test_cookies_and_head_requests(server: Server) -> None:
    received = server.open("/cookie")
    head = server.open("/cookie", "HEAD")

    assert received.headers["set-cookie"] == head.headers["set-cookie"]
    assert (received.read(), head.read()) == (b"data: a\n\n", b"")


def test_route_may_respond_without_a_stream(server: Server) -> None:
    for _ in range(3):
        received = server.open("/plain")

        assert (received.read(), received.headers["content-length"]) == (b"plain", "5")


def test_stream_ends_with_the_server() -> None:
    made = tapes["shutdown"] = Tape()
    with served(app) as server:
        received = server.open("/tapes/shutdown")
        received.block()
        made.go_on.set()

    assert made.hung_up.wait(WAIT_S)


def test_streams_are_drained_for_a_while() -> None:
    made = tapes["drain"] = Tape()
    with served(app) as server:
        server.open("/tapes/drain").block()

        # It does not end, and is not waited for any longer.
        asyncio.run(drain_streams(0.01))

        assert Producer.running
        made.go_on.set()


def test_handler_and_stream_have_deadlines_of_their_own() -> None:
    timed = App("timed")

    @timed.get("/left", allow=PUBLIC)
    def left(deadline: Deadline) -> Stream:
        before_s = deadline.left_s()
        return Stream(Event([round(before_s), round(deadline.left_s())]) for _ in range(1))

    with served(timed, stream_s=600) as server:
        assert read_events(server.open("/left").read()) == [Event("[29,600]")]


def test_stream_without_an_annotation_counts_as_well() -> None:
    undeclared = App("undeclared")

    @undeclared.get("/tapes/{name}", allow=PUBLIC)
    def handler(name: str) -> Response:
        return Stream(events(tapes.setdefault(name, Tape())))

    with served(undeclared, streams=2) as server:
        first = server.open("/tapes/undeclared-0")
        first.block()
        refused = server.open("/tapes/undeclared-1")

        assert refused.status == 503
        assert tapes["undeclared-1"].produced == 0
        tapes["undeclared-0"].go_on.set()
        first.hang_up()
        assert tapes["undeclared-0"].closed.wait(WAIT_S)


def test_streams_beyond_the_limit_are_refused_before_the_handler_runs() -> None:
    with served(app, streams=4) as server:
        # Half of them for one address.
        names = ["limit-0", "limit-1"]
        open_ones = [server.open(f"/tapes/{name}") for name in names]
        refused = server.open("/tapes/limit-2")

        assert (refused.status, json.loads(refused.read())["code"]) == (503, "unavailable")
        assert "limit-2" not in tapes

        for name, each in zip(names, open_ones, strict=True):
            tapes[name].go_on.set()
            each.hang_up()
            assert tapes[name].closed.wait(WAIT_S)
        until = time.monotonic() + WAIT_S
        while (again := server.open("/tapes/limit-3")).status == 503 and time.monotonic() < until:
            again.read()
        assert again.status == 200
        tapes["limit-3"].go_on.set()
        again.hang_up()


def test_without_a_thread_the_stream_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(producer: Producer) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Producer, "start", refuse)

    received = server.open("/bytes?chunks=1&size=1")

    assert (received.status, json.loads(received.read())["code"]) == (503, "unavailable")


def test_no_thread_is_left(server: Server) -> None:
    for _ in range(5):
        server.open("/bytes?chunks=2&size=10").read()

    until = time.monotonic() + WAIT_S
    while any(thread.name == "org-common-stream" for thread in threads()) and time.monotonic() < until:
        time.sleep(0.01)
    assert not [thread for thread in threads() if thread.name == "org-common-stream"]
