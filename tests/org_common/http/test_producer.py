"""The thread of a stream: one item at a time, and closed in the thread that it runs in."""

import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any

import pytest

from org_common import Event, NotFound, Response, Stream, problem
from org_common.http.incoming_request import IncomingRequest
from org_common.http.observer import IGNORE
from org_common.http.producer import Producer, error_event
from org_common.http.stream import StreamedResponse
from org_common.values.types import Deadline

WAIT_S = 20.0


class Running:
    """A producer, what it delivered, and whether it is done."""

    def __init__(self, items: Iterator[Any]) -> None:
        request = IncomingRequest("GET", "/", "/", "", {}, b"", "r-1", None, Deadline.after(29))
        request.observer = IGNORE
        self.delivered: SimpleQueue[Any] = SimpleQueue()
        self.failed: list[Exception] = []
        self.done = threading.Event()
        response = StreamedResponse(request, Stream(items), {})
        self.producer = Producer(response, deliver=self.delivered.put, fail=self.fail, done=self.done.set)
        self.producer.start()

    def fail(self, error: Exception) -> Response:
        self.failed.append(error)
        return problem(NotFound(), "r-1")

    def next(self) -> Any:
        self.producer.ask()
        return self.delivered.get(timeout=WAIT_S)


@pytest.fixture
def run() -> Iterator[Callable[[Iterator[Any]], Running]]:
    running: list[Running] = []

    def start(items: Iterator[Any]) -> Running:
        running.append(Running(items))
        return running[-1]

    yield start
    for each in running:
        each.producer.close()
        each.producer.join(WAIT_S)
        assert not each.producer.is_alive()


def test_item_is_produced_when_it_is_asked_for(run: Callable[..., Running]) -> None:
    produced: list[int] = []

    def items() -> Iterator[Event | None]:
        for number in range(2):
            produced.append(number)
            yield None
            yield Event(str(number))

    running = run(items())

    assert produced == []
    assert running.next() == b"data: 0\n\n"
    assert produced == [0]
    assert running.next() == b"data: 1\n\n"
    assert running.next() is None
    assert running.done.wait(WAIT_S)


def test_error_is_delivered_as_its_problem(run: Callable[..., Running]) -> None:
    def items() -> Iterator[Event]:
        yield Event("a")
        raise ValueError("no")

    running = run(items())

    assert running.next() == b"data: a\n\n"
    ended = running.next()
    assert error_event(ended).startswith(b'event: error\ndata: {"type":"about:blank","title":"Not Found","status":404')
    assert [str(error) for error in running.failed] == ["no"]
    assert running.done.wait(WAIT_S)


def test_generator_is_closed_in_its_thread(run: Callable[..., Running]) -> None:
    where: list[str] = []

    def items() -> Iterator[Event]:
        try:
            while True:
                yield Event("a")
        except GeneratorExit:
            where.append(threading.current_thread().name)
            raise

    running = run(items())
    running.next()

    running.producer.close()

    assert running.done.wait(WAIT_S)
    assert where == ["org-common-stream"]


def test_what_is_produced_after_the_end_is_dropped(run: Callable[..., Running]) -> None:
    go_on, waits = threading.Event(), threading.Event()

    def items() -> Iterator[Event]:
        waits.set()
        assert go_on.wait(WAIT_S)
        yield Event("late")

    running = run(items())
    running.producer.ask()
    assert waits.wait(WAIT_S)

    running.producer.close()
    go_on.set()

    assert running.done.wait(WAIT_S)
    assert running.delivered.empty()


def test_error_after_the_end_is_dropped(run: Callable[..., Running]) -> None:
    go_on, waits = threading.Event(), threading.Event()

    def items() -> Iterator[Event]:
        waits.set()
        assert go_on.wait(WAIT_S)
        raise ConnectionResetError
        yield

    running = run(items())
    running.producer.ask()
    assert waits.wait(WAIT_S)

    running.producer.close()
    go_on.set()

    assert running.done.wait(WAIT_S)
    assert running.failed == []
