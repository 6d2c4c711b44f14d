"""`Stream`: a response that is sent while it is produced, as server-sent events or as bytes."""

from __future__ import annotations

import time

# `contextvars` of the standard library only re-exports this name, at the cost of one more file.
from _contextvars import copy_context
from collections.abc import Callable, Iterable, Iterator, Mapping

from org_common.http.response import OwnedResponse, Response, build_response
from org_common.http.sse import EVENT_STREAM, Event, to_json
from org_common.values.errors import GatewayTimeout, ResponseTooLarge

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from org_common.http.incoming_request import IncomingRequest
    from org_common.http.observer import Observer
    from org_common.values.types import Deadline

HEARTBEAT_S = 15.0
# What a service takes that accepts complete responses only: Lambda's limit.
BUFFERED_BYTES = 6_291_556
# Kept free of the request's time, to send what was collected.
BUFFER_MARGIN_S = 0.5
# `no-transform`: a proxy that compresses would hold events back. nginx buffers unless the second header is there.
_EVENT_HEADERS = {
    "content-type": EVENT_STREAM,
    "cache-control": "no-store, no-transform",
    "x-accel-buffering": "no",
}
_BYTES_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}

COMPLETE, FAILED, HUNG_UP, OUT_OF_TIME, CANCELLED = "complete", "error", "hang_up", "timeout", "cancelled"
"""How a stream ended."""


class Stream(Response):
    """A response whose body is sent while an iterator produces it. Annotate your handler with it: `-> Stream`.

        @app.post("/chats/{chat_id}/answers", allow=MEMBER)
        def answer(tx: Transaction, chat_id: UUID, body: Question) -> Stream:
            prompt = tx.one(Prompt, ADD_QUESTION, {"chat_id": chat_id, "text": body.text})
            return Stream(Event({"delta": delta}) for delta in model.answer(prompt))

    The transaction commits before the first byte is sent, and the iterator has no `Reader` or `Transaction`: it runs in
    a thread of its own, with the handler's context variables. The next item is produced once the previous one is sent.
    """

    __slots__ = ("document", "heartbeat_s", "items")
    is_stream = True

    items: Iterable[Event | bytes | None]
    """What is sent. An iterator that waits yields None from time to time: nothing is sent, and this is where it learns
    that the client hung up. When it did, a generator gets `GeneratorExit`, any other iterator a call of `close()`."""
    heartbeat_s: float
    """After this time without an event a comment is sent, so that no proxy closes the connection."""
    document: Callable[[list[Event]], object] | None
    """Makes the response where complete responses only are accepted: one JSON document of all events. None sends the
    events there too, at the end."""

    def __init__(
        self,
        items: Iterable[Event | bytes | None],
        *,
        content_type: str = EVENT_STREAM,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        heartbeat_s: float = HEARTBEAT_S,
        document: Callable[[list[Event]], object] | None = None,
    ) -> None:
        """Raises `TypeError` for items that are not an iterable, or an async one; `ValueError` for an invalid header.

        - `items`: values of `Event`; with another `content_type` bytes. Usually a generator.
        - `content_type`: what is streamed, by default server-sent events.
        - `status`, `headers`: as in a `Response`. Content-Length is left out, as the length is unknown.
        - `heartbeat_s`, `document`: see the attributes.
        """
        _check_items(items)
        if status in (204, 304) or not 200 <= status <= 599:
            raise ValueError(f"Stream(status={status!r}): this status has no body to stream. Return a Response")
        if not heartbeat_s > 0:
            raise ValueError(f"Stream(heartbeat_s={heartbeat_s!r}) is not a valid time: pass seconds, such as 15")
        own = {name.lower(): value for name, value in (headers or {}).items()}
        own.pop("content-length", None)
        content_type = own.get("content-type", content_type)
        defaults = _EVENT_HEADERS if is_event_stream(content_type) else _BYTES_HEADERS
        super().__init__(status=status, headers={**defaults, "content-type": content_type, **own})
        self.items = items
        self.heartbeat_s = heartbeat_s
        self.document = document


class StreamedResponse(OwnedResponse):
    """The finished head of a stream, and its body as it is produced. A server sends it, and reports how it ended."""

    __slots__ = (
        *("_context", "_is_closed", "_items", "_iterator", "_observer"),
        *("events", "failure", "first_byte_s", "heartbeat_s", "is_events", "outcome", "release", "sent_bytes"),
    )
    is_stream = True

    is_events: bool
    """Server-sent events, as opposed to bytes."""
    heartbeat_s: float | None
    """After which time without an event to send a comment; None for bytes."""
    sent_bytes: int
    """The length of the body so far, heartbeats included."""
    events: int
    """How many items were sent."""
    first_byte_s: float | None
    """When the first item was sent, on the clock of `time.perf_counter`."""
    outcome: str
    """How it ended: one of the constants of this module."""
    failure: Response | None
    """The problem that it ended with, after its first byte; None without one."""

    release: Callable[[], object]
    """Called when its thread has ended, for a server that limits how many there are."""

    def __init__(self, request: IncomingRequest, stream: Stream, headers: dict[str, str]) -> None:
        self.status: int = stream.status
        self.headers: dict[str, str] = headers
        self.body: bytes = b""
        self.cookies: tuple[str, ...] = stream.cookies
        self.is_finished: bool = True
        self.is_events = is_event_stream(stream.headers.get("content-type", ""))
        self.heartbeat_s = stream.heartbeat_s if self.is_events else None
        self.sent_bytes = self.events = 0
        self.first_byte_s = None
        self.outcome = COMPLETE
        self.failure = None
        self.release = _nothing
        self._items = stream.items
        self._iterator: Iterator[Event | bytes | None] | None = None
        self._observer: Observer | None = request.observer
        # With the fields of log lines, the trace, and what the handler has set itself.
        self._context = copy_context()
        self._is_closed = False

    def produce(self) -> bytes | None:
        """The next bytes to send: empty if the iterator has nothing yet, None at its end. Raises what it raises."""
        return self._context.run(self._produce)

    def run(self, call: Any, *arguments: Any) -> Any:
        """Call a function in the context of the handler, for its log lines. From any thread: it gets a copy."""
        return self._context.copy().run(call, *arguments)

    def collect(self, deadline: Deadline) -> bytes:
        """The complete body. Raises `ResponseTooLarge` beyond Lambda's limit, and `GatewayTimeout` at the deadline."""
        chunks: list[bytes] = []
        size = 0
        try:
            while (chunk := self.produce()) is not None:
                size += len(chunk)
                if size > BUFFERED_BYTES:
                    raise ResponseTooLarge(
                        f"The response has more than {BUFFERED_BYTES} bytes, which is the limit where it cannot be "
                        "streamed. Request less of it."
                    )
                if deadline.left_s() < BUFFER_MARGIN_S:
                    raise GatewayTimeout
                chunks.append(chunk)
        finally:
            self.close()
        return b"".join(chunks)

    def collect_document(self, make: Callable[[list[Event]], object], deadline: Deadline) -> bytes:
        """The events as one JSON document. Raises as `collect` does."""
        events: list[Event] = []
        self._items = _tee(self._items, events)
        self.collect(deadline)
        return to_json(self._context.run(make, events)).encode()

    def count(self, chunk: bytes, *, is_item: bool) -> None:
        """Count what was sent."""
        self.sent_bytes += len(chunk)
        if is_item:
            self.events += 1
            if self.first_byte_s is None:
                self.first_byte_s = time.perf_counter()

    def close(self) -> None:
        """Close the iterator: a generator gets `GeneratorExit`. Only from the thread that calls `produce`."""
        if not self._is_closed:
            self._is_closed = True
            self._context.run(_close, self._iterator, self._items)

    def end(self, outcome: str) -> None:
        """Report the end of the stream, once: the request's log line is written now."""
        observer, self._observer = self._observer, None
        if observer is not None:
            self.outcome = outcome
            observer.stream_ended(self)

    def _produce(self) -> bytes | None:
        if self._iterator is None:
            self._iterator = iter(self._items)
        for item in self._iterator:
            if item is None:
                return b""
            if self.is_events and isinstance(item, Event):
                return item.encode()
            if not self.is_events and isinstance(item, (bytes, bytearray, memoryview)):
                return bytes(item)
            wanted = "an Event" if self.is_events else "bytes"
            advice = ". To stream bytes, pass content_type=" if self.is_events and isinstance(item, bytes) else ""
            raise TypeError(f"expected {wanted} from the iterator of a Stream, got {type(item).__name__}{advice}")
        return None


def open_stream(request: IncomingRequest, stream: Stream, status: int, headers: dict[str, str]) -> OwnedResponse:
    """The finished response of a stream: its head; or all of it, where the platform takes complete responses only."""
    if request.method == "HEAD" or status != stream.status:
        _close(None, stream.items)
        return _finished(build_response(status, headers, b"", stream.cookies))
    streamed = StreamedResponse(request, stream, headers)
    if request.to_event is not None and stream.document is not None and streamed.is_events:
        body = streamed.collect_document(stream.document, request.deadline)
        return _finished(build_response(status, {**headers, "content-type": "application/json"}, body, stream.cookies))
    if request.to_event is not None:
        return _finished(build_response(status, headers, streamed.collect(request.deadline), stream.cookies))
    request.observer.stream_opened()
    return streamed


def is_event_stream(content_type: str) -> bool:
    """Whether it is the media type of server-sent events."""
    return content_type.partition(";")[0].strip().lower() == EVENT_STREAM


def _nothing() -> None:
    pass


def _tee(items: Iterable[Event | bytes | None], events: list[Event]) -> Iterator[Event | bytes | None]:
    """The items, with each event added to `events`."""
    iterator = iter(items)
    try:
        for item in iterator:
            if isinstance(item, Event):
                events.append(item)
            yield item
    finally:
        _close(iterator, items)


def _finished(response: OwnedResponse) -> OwnedResponse:
    response.is_finished = True
    return response


def _check_items(items: object) -> None:
    if hasattr(items, "__aiter__") or hasattr(items, "__await__"):
        raise TypeError(
            f"Stream({type(items).__name__}): async iterators are not supported, as handlers run in threads. Write "
            "`def` instead of `async def`: the iterator has a thread of its own"
        )
    if isinstance(items, (str, bytes, bytearray, Mapping)) or not hasattr(items, "__iter__"):
        advice = ". Call the function: Stream(events())" if callable(items) else ""
        raise TypeError(f"Stream: expected an iterable of events or of bytes, got {type(items).__name__}{advice}")


def _close(iterator: object, items: object) -> None:
    """Close the iterator, and what it iterates over. A failure is logged: the response is over."""
    for each in (iterator, items) if iterator is not items else (items,):
        close = getattr(each, "close", None)
        if close is not None:
            try:
                close()
            except Exception:
                import logging

                logging.getLogger("org_common").exception("the iterator of a Stream failed when it was closed")
