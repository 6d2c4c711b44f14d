"""`Recorder`: the last requests of this process, in memory."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import takewhile
from threading import Lock

from org_common.http.observer import Observer
from org_common.pipeline import Pipeline
from org_common.tools.database.tap import listening
from org_common.tools.serve.console.capture import MARK, Capture
from org_common.tools.serve.console.observer import RecordingObserver, record_round_trip
from org_common.tools.serve.console.record import RequestRecord

SIZE = 10_000
# As many can be explained and sent again: bodies and values of parameters take memory.
DETAILED = 500


class Recorder:
    """Keeps the last requests. Threads add them, and the event loop reads them."""

    def __init__(self, people: Mapping[str, str] | None = None, *, size: int = SIZE, detailed: int = DETAILED) -> None:
        """`people` are the names of the demo users, by subject claim. The oldest of `size` requests makes room.

        The last `detailed` of them have their values.
        """
        self._people = people or {}
        self._captures: deque[Capture] = deque(maxlen=size)
        self._detailed: deque[Capture] = deque(maxlen=detailed)
        self._lock = Lock()
        self._listeners: tuple[Callable[[], None], ...] = ()
        # A page keeps the last id that it has seen while a reload replaces this process: ids continue from the clock.
        self._last_id = int(time.time() * 1000)

    def add(self, capture: Capture) -> None:
        """Keep a request, and give it the next id."""
        with self._lock:
            self._last_id += 1
            capture.id = self._last_id
            if len(self._detailed) == self._detailed.maxlen:
                self._detailed[0].trim()
            self._detailed.append(capture)
            self._captures.append(capture)
        for listener in self._listeners:
            listener()

    def since(self, id: int, most: int | None = None) -> list[RequestRecord]:
        """The records with a greater id, oldest first; the oldest `most` of them."""
        with self._lock:
            found = list(takewhile(lambda capture: capture.id > id, reversed(self._captures)))
        found.reverse()
        return [capture.record(self._people) for capture in found[:most]]

    def find(self, id: int) -> Capture | None:
        """The request with this id; None if it was never here, or made room."""
        with self._lock:
            return next((capture for capture in reversed(self._captures) if capture.id == id), None)

    def sent_with(self, mark: str) -> RequestRecord | None:
        """The record of the request that the console has sent with this value of the header `MARK`."""
        with self._lock:
            captures = list(self._detailed)
        found = next((each for each in reversed(captures) if each.headers.get(MARK) == mark), None)
        return None if found is None else found.record(self._people)

    @contextmanager
    def listening(self, listener: Callable[[], None]) -> Iterator[None]:
        """Call `listener` after each new record, in the thread of its request."""
        with self._lock:
            self._listeners = (*self._listeners, listener)
        try:
            yield
        finally:
            with self._lock:
                rest = list(self._listeners)
                rest.remove(listener)
                self._listeners = tuple(rest)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record the requests that this process begins in the block.

        Never used in Lambda: it replaces the method that returns the observer of a request.
        """
        usual = Pipeline.observe

        def observe(pipeline: Pipeline, invocation_id: str | None) -> Observer:
            return RecordingObserver(usual(pipeline, invocation_id), pipeline, self.add)

        setattr(Pipeline, "observe", observe)  # noqa: B010 -- for both type checkers
        try:
            with listening(record_round_trip):
                yield
        finally:
            setattr(Pipeline, "observe", usual)  # noqa: B010 -- as above
