"""`Producer`: runs the iterator of a stream in a thread, one item at a time."""

from __future__ import annotations

import threading
from queue import SimpleQueue

from org_common.http.sse import Event
from org_common.http.stream import StreamedResponse
from org_common.values.errors import OrgError

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ClassVar

    from org_common.http.response import Response

# How long the head waits for the first item, so that an error before it is a problem response with its status.
HEAD_S = 1.0


class Producer(threading.Thread):
    """The thread of one stream.

    It produces an item when it is asked for one, so that no more than one is in memory, and none is produced for a
    client that does not read. The iterator runs in this thread only, which also closes it.
    """

    running: ClassVar[set[Producer]] = set()
    """The threads that have not ended. Adding and removing are atomic."""

    def __init__(
        self,
        response: StreamedResponse,
        *,
        deliver: Callable[[bytes | Response | None], object],
        fail: Callable[[Exception], Response],
        done: Callable[[], object] = lambda: None,
    ) -> None:
        """Run the iterator of `response`.

        - `deliver`: called from the thread with the next bytes, with None at the end, or with the problem to end with.
        - `fail`: logs an error of the iterator, and returns its problem.
        - `done`: called from the thread when it ends.
        """
        super().__init__(name="org-common-stream", daemon=True)
        self._response = response
        self._deliver = deliver
        self._fail = fail
        self._done = done
        # True for the next item, False for the end.
        self._asked: SimpleQueue[bool] = SimpleQueue()
        self._is_closing = False

    def ask(self) -> None:
        """Produce the next item."""
        self._asked.put(True)  # noqa: FBT003 - a message

    def close(self) -> None:
        """Close the iterator, as soon as it has produced the item that it is at, or yields None."""
        self._is_closing = True
        self._asked.put(False)  # noqa: FBT003 - a message

    def run(self) -> None:
        """The body of the thread."""
        self.running.add(self)
        try:
            while self._asked.get() and not self._is_closing and self._produce():
                pass
            self._response.close()
        finally:
            self.running.discard(self)
            self._done()

    def _produce(self) -> bool:
        """Deliver the next item; False if it was the last."""
        try:
            produced = self._response.produce()
            while produced == b"" and not self._is_closing:
                produced = self._response.produce()
        except BaseException as error:  # noqa: BLE001 - the problem that the stream ends with
            if not self._is_closing:
                self._deliver(self._problem(error))
            return False
        if not self._is_closing:
            self._deliver(produced)
        return produced is not None

    def _problem(self, error: BaseException) -> Response:
        failure = error
        if not isinstance(failure, Exception):
            # SystemExit and its kind end a process, but not from a thread.
            failure = OrgError()
            failure.__cause__ = error
        problem: Response = self._response.run(self._fail, failure)
        return problem


def error_event(problem: Response) -> bytes:
    """The event that a stream ends with: `error`, with the problem as its data."""
    return Event(problem.body.decode(errors="replace"), event="error").encode()
