"""`OpenAnswer`: a streamed response, as a test receives it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

from org_common.app import App
from org_common.http.producer import error_event
from org_common.http.response import Response
from org_common.http.stream import COMPLETE, FAILED, HUNG_UP, StreamedResponse, is_event_stream
from org_common.testing.sse import EventReader

if TYPE_CHECKING:
    from org_common.http.incoming_request import IncomingRequest


class OpenAnswer:
    """A response whose body is still being produced. Iterate over it for its events, or its bytes."""

    status: int
    """The HTTP status code."""
    headers: dict[str, str]
    """Names in lower case."""

    def __init__(self, app: App, request: IncomingRequest, response: Response) -> None:
        self.status = response.status
        self.headers = response.headers
        self._app = app
        self._request = request
        self._response = response
        self._chunks = self._produce()

    def __iter__(self) -> Iterator[Any]:
        if not is_event_stream(self.headers.get("content-type", "")):
            yield from self._chunks
            return
        reader = EventReader()
        for chunk in self._chunks:
            yield from reader.feed(chunk)

    def close(self) -> None:
        """Hang up: the iterator of the handler is closed."""
        self._chunks.close()
        if isinstance(self._response, StreamedResponse):
            self._response.close()
            self._response.end(HUNG_UP)

    def _produce(self) -> Generator[bytes]:
        """The chunks of the body, each produced when it is asked for, in this thread."""
        response = self._response
        if not isinstance(response, StreamedResponse):
            yield response.body
            return
        while True:
            try:
                chunk = response.produce()
            except Exception as error:
                problem = response.failure = response.run(self._app.pipeline.stream_problem, self._request, error)
                response.end(FAILED)
                if not response.is_events:
                    raise
                yield error_event(problem)
                return
            if chunk is None:
                response.end(COMPLETE)
                return
            if chunk:
                response.count(chunk, is_item=True)
                yield chunk
