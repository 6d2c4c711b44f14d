"""`Stream` as a handler returns it, and what it becomes where the platform takes complete responses only."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from typing import Annotated, Any

import pytest

from org_common import (
    PUBLIC,
    TOKEN,
    App,
    Conflict,
    Cors,
    Event,
    Header,
    Reader,
    Request,
    Response,
    Stream,
    Transaction,
)
from org_common.http.stream import BUFFERED_BYTES
from org_common.testing import Client

CSV = "text/csv"
seen: ContextVar[str] = ContextVar("seen", default="nothing")


def app_of(make: Callable[[], Stream], **options: Any) -> App:
    app = App("stream", **options)

    @app.get("/stream", allow=PUBLIC)
    def handler() -> Stream:
        return make()

    return app


class Tape:
    """Items, and what became of their iterator."""

    def __init__(self, *items: Any) -> None:
        self.items = items
        self.log: list[str] = []

    def __iter__(self) -> Iterator[Any]:
        try:
            for item in self.items:
                if isinstance(item, BaseException):
                    raise item
                self.log.append("produced")
                yield item
        except GeneratorExit:
            self.log.append("hung up")
            raise
        finally:
            self.log.append("closed")


def test_events_have_headers_that_proxies_respect() -> None:
    answer = Client(app_of(lambda: Stream([Event("a"), Event({"b": 1})]))).get("/stream")

    assert answer.status == 200
    assert answer.events() == [Event("a"), Event('{"b":1}')]
    assert {name: answer.headers.get(name) for name in _HEADERS} == _HEADERS


_HEADERS = {
    "content-type": "text/event-stream",
    "cache-control": "no-store, no-transform",
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
    "content-length": None,
    "etag": None,
    "content-encoding": None,
}


def test_events_are_not_compressed() -> None:
    app = app_of(lambda: Stream([Event("a" * 5000)]))

    answer = Client(app).get("/stream", headers={"accept-encoding": "gzip"})

    assert "content-encoding" not in answer.headers
    assert len(answer.body) > 5000


def test_bytes_are_sent_as_they_are() -> None:
    chunks = [b"\xff\x00", bytearray(b"a"), memoryview(b"b"), b"", None, b"c"]
    app = app_of(lambda: Stream(chunks, content_type="application/zip", status=201, headers={"Content-Length": "9"}))  # type: ignore[arg-type]

    answer = Client(app).get("/stream")

    assert (answer.status, answer.body) == (201, b"\xff\x00abc")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["cache-control"] == "no-store"


def test_content_type_may_be_a_header() -> None:
    app = app_of(lambda: Stream([b"a,b\n"], headers={"Content-Type": CSV}))

    answer = Client(app).get("/stream")

    assert (answer.headers["content-type"], answer.body) == (CSV, b"a,b\n")


def test_file_is_sent_and_closed() -> None:
    file = io.BytesIO(b"one\ntwo\n")

    assert Client(app_of(lambda: Stream(file, content_type=CSV))).get("/stream").body == b"one\ntwo\n"
    assert file.closed


async def numbers() -> AsyncIterator[Event]:
    yield Event("1")


def one() -> Iterator[Event]:
    yield Event("1")


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (
            numbers(),
            "async iterators are not supported, as handlers run in threads. Write `def` instead of `async def`",
        ),
        (one, r"got function. Call the function: Stream\(events\(\)\)"),
        ("text", "expected an iterable of events or of bytes, got str"),
        (b"bytes", "got bytes"),
        ({"a": 1}, "got dict"),
        (None, "got NoneType"),
        (17, "got int"),
    ],
)
def test_what_cannot_be_streamed_is_refused(items: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Stream(items)


def test_coroutine_is_refused() -> None:
    coroutine = asyncio.sleep(0)
    with pytest.raises(TypeError, match="async iterators are not supported"):
        Stream(coroutine)  # type: ignore[arg-type]
    coroutine.close()


@pytest.mark.parametrize("status", [204, 304, 101, 600])
def test_status_without_a_body_is_refused(status: int) -> None:
    with pytest.raises(ValueError, match="this status has no body to stream"):
        Stream([], status=status)


@pytest.mark.parametrize("heartbeat_s", [0, -1, float("nan")])
def test_heartbeat_is_a_time(heartbeat_s: float) -> None:
    with pytest.raises(ValueError, match="pass seconds, such as 15"):
        Stream([], heartbeat_s=heartbeat_s)


def test_header_with_a_line_break_is_refused() -> None:
    with pytest.raises(ValueError, match="contains a line break"):
        Stream([], headers={"x-name": "a\r\nb"})


@pytest.mark.parametrize(
    ("items", "options", "message"),
    [
        (
            [b"bytes"],
            {},
            "expected an Event from the iterator of a Stream, got bytes. To stream bytes, pass content_type=",
        ),
        ([{"a": 1}], {}, "expected an Event from the iterator of a Stream, got dict"),
        ([Event("a")], {"content_type": CSV}, "expected bytes from the iterator of a Stream, got Event"),
        (["text"], {"content_type": CSV}, "expected bytes from the iterator of a Stream, got str"),
    ],
)
def test_item_of_another_type_is_a_fault_of_the_handler(
    items: Any, options: dict[str, Any], message: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = Client(app_of(lambda: Stream(items, **options))).get("/stream")

    assert (answer.status, answer.json()["code"]) == (500, "internal_error")
    assert message in caplog.text


def test_error_before_the_first_byte_is_a_problem() -> None:
    tape = Tape(Event("a"), Conflict("Not now.", code="not_now"))

    answer = Client(app_of(lambda: Stream(tape))).get("/stream")

    # All of it is before the first byte, where the response is collected.
    assert (answer.status, answer.json()["code"]) == (409, "not_now")
    assert tape.log == ["produced", "closed"]


def test_head_and_304_produce_nothing() -> None:
    tape = Tape(Event("a"))
    client = Client(app_of(lambda: Stream(tape, headers={"etag": '"1"'})))

    head = client.send("HEAD", "/stream")
    unchanged = client.get("/stream", headers={"if-none-match": '"1"'})

    assert (head.status, head.body, unchanged.status, unchanged.body) == (200, b"", 304, b"")
    assert tape.log == []


def test_head_closes_what_it_does_not_read() -> None:
    file = io.BytesIO(b"a")

    Client(app_of(lambda: Stream(file, content_type=CSV))).send("HEAD", "/stream")

    assert file.closed


def test_collected_response_has_a_limit() -> None:
    tape = Tape(*[b"x" * 1_000_000] * 50)

    answer = Client(app_of(lambda: Stream(tape, content_type=CSV))).get("/stream")

    assert (answer.status, answer.json()["code"]) == (413, "response_too_large")
    assert tape.log == ["produced"] * (BUFFERED_BYTES // 1_000_000 + 1) + ["hung up", "closed"]


def test_collecting_ends_at_the_deadline() -> None:
    def forever() -> Iterator[None]:
        while True:
            yield None

    answer = Client(app_of(lambda: Stream(forever())), timeout_s=1).get("/stream")

    assert (answer.status, answer.json()["code"]) == (504, "timeout")


def join(events: list[Event]) -> object:
    return {"text": [event.data for event in events], "names": [event.event for event in events]}


def test_document_of_all_events_is_sent_where_nothing_streams() -> None:
    tape = Tape(Event("a", event="x"), None, Event({"b": 1}))

    answer = Client(app_of(lambda: Stream(tape, document=join))).get("/stream")

    assert answer.json() == {"text": ["a", {"b": 1}], "names": ["x", None]}
    assert answer.headers["content-type"] == "application/json"
    assert tape.log[-1] == "closed"


def test_document_is_not_made_where_the_events_are_streamed() -> None:
    with Client(app_of(lambda: Stream(Tape(Event("a")), document=join))).stream("GET", "/stream") as answer:
        assert list(answer) == [Event("a")]


def test_error_takes_the_place_of_the_document() -> None:
    tape = Tape(Event("a"), Conflict(code="busy"))

    answer = Client(app_of(lambda: Stream(tape, document=join))).get("/stream")

    assert (answer.status, answer.json()["code"], tape.log[-1]) == (409, "busy", "closed")


def test_document_ends_at_the_deadline() -> None:
    def forever() -> Iterator[None]:
        while True:
            yield None

    answer = Client(app_of(lambda: Stream(forever(), document=join)), timeout_s=1).get("/stream")

    assert (answer.status, answer.json()["code"]) == (504, "timeout")


def test_iterator_that_fails_when_closed_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def stubborn() -> Iterator[bytes]:
        try:
            yield b"x" * (BUFFERED_BYTES + 1)
        finally:
            raise RuntimeError("cannot close")

    assert Client(app_of(lambda: Stream(stubborn(), content_type=CSV))).get("/stream").status == 413
    assert "the iterator of a Stream failed when it was closed" in caplog.text


def test_cors_headers_are_added() -> None:
    app = app_of(lambda: Stream([Event("a")]), cors=Cors(["https://shop.example"]))

    answer = Client(app).get("/stream", headers={"origin": "https://shop.example"})

    assert answer.headers["access-control-allow-origin"] == "https://shop.example"


def test_middleware_sees_the_stream_and_may_change_its_head() -> None:
    def stamp(request: Request, proceed: Callable[[Request], Response]) -> Response:
        response = proceed(request)
        assert isinstance(response, Stream)
        response.headers["x-stamp"] = "1"
        response.set_cookie("a", "b")
        return response

    app = app_of(lambda: Stream([Event("a")]), middleware=[stamp])

    answer = Client(app).get("/stream")
    with Client(app).stream("GET", "/stream") as streamed:
        events = list(streamed)

    assert (answer.headers["x-stamp"], streamed.headers["x-stamp"]) == ("1", "1")
    assert answer.events() == events == [Event("a")]


def test_iterator_has_the_handlers_context() -> None:
    def make() -> Stream:
        seen.set("the handler's")
        return Stream(Event(seen.get()) for _ in range(2))

    assert Client(app_of(make)).get("/stream").events() == [Event("the handler's")] * 2


def test_last_event_id_is_a_header() -> None:
    app = App("resume")

    @app.get("/stream", allow=PUBLIC)
    def handler(last_event_id: Annotated[int | None, Header()] = None) -> Stream:
        start = 0 if last_event_id is None else last_event_id + 1
        return Stream(Event(str(number), id=str(number)) for number in range(start, 4))

    client = Client(app)

    assert [event.id for event in client.get("/stream").events()] == ["0", "1", "2", "3"]
    assert [event.id for event in client.get("/stream", headers={"Last-Event-ID": "2"}).events()] == ["3"]


@pytest.mark.parametrize("annotation", [Stream, Response, Any, None])
def test_stream_may_have_another_annotation(annotation: Any) -> None:
    app = App("annotations")

    def handler() -> Any:
        return Stream([Event("a")])

    handler.__annotations__ = {} if annotation is None else {"return": annotation}
    app.get("/stream", allow=PUBLIC)(handler)

    assert Client(app).get("/stream").events() == [Event("a")]


def test_handler_may_return_a_stream_or_something_else() -> None:
    app = App("either")

    @app.get("/either/{number}", allow=PUBLIC)
    def handler(number: int) -> Stream | Response | None:
        return [Stream([Event("a")]), Response(b"plain"), None][number]

    client = Client(app)

    assert [client.get(f"/either/{number}").body for number in range(3)] == [b"data: a\n\n", b"plain", b""]


def test_generator_as_a_handler_is_told_about_streams() -> None:
    app = App("yields")

    with pytest.raises(TypeError, match=r"return Stream\(items\(\)\), where `items` is a function that yields"):

        @app.get("/stream", allow=PUBLIC)
        def handler() -> Iterator[Event]:
            yield Event("a")


def test_stream_cannot_be_idempotent() -> None:
    app = App("idempotent")

    with pytest.raises(TypeError, match="a stream cannot be stored for the next request: remove idempotent="):

        @app.post("/stream", allow=TOKEN, idempotent=True)
        def handler(tx: Transaction) -> Stream:
            return Stream([])


def test_prologue_of_a_stream_needs_no_round_trip_of_its_own() -> None:
    app = App("prologue")

    @app.get("/stream", allow=TOKEN, begins_with_statement=True)
    def handler(db: Reader) -> Stream:
        rows = db.value("select 1")
        return Stream([Event(str(rows))])
