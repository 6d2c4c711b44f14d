"""`Recorder`: the last requests of this process, in memory."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock

from org_common.http.observer import Observer
from org_common.pipeline import Pipeline
from org_common.tools.database.tap import listening
from org_common.tools.serve.console.observer import RecordingObserver, record_round_trip
from org_common.tools.serve.console.record import RequestRecord

SIZE = 500


class Recorder:
    """Keeps the last requests. Threads add them, and the event loop reads them."""

    def __init__(self, people: Mapping[str, str] | None = None, *, size: int = SIZE) -> None:
        """`people` are the names of the demo users, by subject claim. The oldest of `size` requests makes room."""
        self._people = people or {}
        self._records: deque[RequestRecord] = deque(maxlen=size)
        self._lock = Lock()
        self._listeners: list[Callable[[], None]] = []
        # A page keeps the last id that it has seen while a reload replaces this process: ids continue from the clock.
        self._last_id = int(time.time() * 1000)

    def add(self, record: RequestRecord) -> None:
        """Keep a record, and give it the next id."""
        with self._lock:
            self._last_id += 1
            record.id = self._last_id
            self._records.append(record)
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener()

    def since(self, id: int) -> list[RequestRecord]:
        """The records with a greater id, oldest first."""
        with self._lock:
            return [record for record in self._records if record.id > id]

    @contextmanager
    def listening(self, listener: Callable[[], None]) -> Iterator[None]:
        """Call `listener` after each new record, in the thread of its request."""
        with self._lock:
            self._listeners.append(listener)
        try:
            yield
        finally:
            with self._lock:
                self._listeners.remove(listener)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record the requests that this process begins in the block.

        Never used in Lambda: it replaces the method that returns the observer of a request.
        """
        usual = Pipeline.observe

        def observe(pipeline: Pipeline, invocation_id: str | None) -> Observer:
            return RecordingObserver(usual(pipeline, invocation_id), pipeline, self._people, self.add)

        setattr(Pipeline, "observe", observe)  # noqa: B010 -- for both type checkers
        try:
            with listening(record_round_trip):
                yield
        finally:
            setattr(Pipeline, "observe", usual)  # noqa: B010 -- as above
