"""A runtime for Lambda functions that stream: `python -m org_common.runtime shop.orders.app`.

AWS's runtime client for Python sends complete responses only (awslambdaric 4.2.2). This one sends all responses to a
Function URL or a REST API as response streams, and the others as AWS's client does. Lambda starts it in the place of
AWS's client with the environment variable AWS_LAMBDA_EXEC_WRAPPER=/opt/python/org_common/runtime.sh.
"""

from __future__ import annotations

import json
import os
import sys
import time
from functools import partial
from http.client import HTTPException
from importlib import import_module
from queue import Empty, SimpleQueue

from org_common.app import App
from org_common.events.function_url import FunctionUrl
from org_common.events.rest_api import RestApi
from org_common.http.producer import HEAD_S, Producer, error_event
from org_common.http.response import Response, build_response
from org_common.http.sse import HEARTBEAT
from org_common.http.stream import COMPLETE, FAILED, HUNG_UP, OUT_OF_TIME, StreamedResponse
from org_common.lifecycle.runtime_api import Context, ResponseStream, RuntimeApi
from org_common.lifecycle.startup import SNAP_START, initialization_type, snapshot_hooks
from org_common.values.errors import GatewayTimeout, OrgError

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from org_common.events.event_source import EventSource
    from org_common.http.incoming_request import IncomingRequest

    Handler = Callable[[Any, Any], Any]
    # Bytes to send, None at the end, the problem to end with; or one of the names below.
    Item = bytes | Response | str | None

IDLE = "idle"
# How often a stream without items looks whether Lambda has closed the connection.
POLL_S = 0.25
# Kept free of the time limit, to end the stream with an event.
MARGIN_S = 1.0
HEAD_KEYS = ("statusCode", "headers", "multiValueHeaders", "cookies")
# Exit statuses of AWS's client.
INIT_FAILED, SNAPSHOT_FAILED, RESTORE_FAILED = 1, 64, 65


def main(handler: str) -> None:
    """Serve invocations of the handler, "shop.orders.app", until the process is killed."""
    # As AWS's client does: what is printed must not wait for the next invocation.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # pyright: ignore[reportAttributeAccessIssue]
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    function = _load(api, handler)
    if initialization_type() == SNAP_START:
        _snapshot(api)
    while True:
        context, event = api.next()
        respond(api, function, context, event)


def respond(api: RuntimeApi, handler: Handler, context: Context, event_json: bytes) -> None:
    """Run the handler, and send its response; or report its error."""
    try:
        event = json.loads(event_json)
        if isinstance(handler, App):
            for source in handler.events:
                if _reads_streams(source, event) and _respond_as_stream(api, handler, source, context, event):
                    return
        # AWS's client escapes no characters either, from Python 3.12 on.
        body = json.dumps(handler(event, context), ensure_ascii=False).encode()
    except Exception as error:  # noqa: BLE001 - reported
        api.fail(f"/invocation/{context.aws_request_id}/error", error)
    else:
        api.respond(context.aws_request_id, body)


class StreamSender:
    """Sends one stream to Lambda: heartbeats, the end of the connection, errors before and after the first byte."""

    def __init__(
        self,
        api: RuntimeApi,
        app: App,
        source: EventSource,
        context: Context,
        event: Any,
        request: IncomingRequest,
        response: StreamedResponse,
    ) -> None:
        self._api = api
        self._pipeline = app.pipeline
        self._source = source
        self._context = context
        self._event = event
        self._request = request
        self._response = response
        self._items: SimpleQueue[Item] = SimpleQueue()
        self._body: ResponseStream | None = None
        fail = partial(app.pipeline.stream_problem, request)
        self._producer = Producer(response, deliver=self._items.put, fail=fail)

    def send(self) -> None:
        """Send all of it, and write the request's log line."""
        outcome = HUNG_UP
        self._producer.start()
        try:
            outcome = self._run()
        except BaseException as error:
            if self._body is not None:
                self._body.abort()
            # These say that Lambda has closed the connection: no one reads any more.
            if not isinstance(error, (OSError, HTTPException)):
                raise
        finally:
            self._producer.close()
            # Its `finally` blocks run before Lambda freezes the process.
            self._producer.join(max(self._left_s() + MARGIN_S / 2, 0))
            self._response.end(outcome)

    def _run(self) -> str:
        """Send all of it. Returns how it ended."""
        self._producer.ask()
        item = self._next(HEAD_S)
        if isinstance(item, Response):
            finished = self._pipeline.replace_stream(self._request, item)
            head = _head(self._source, finished, self._event)
            _send_complete(self._api, self._context, head, finished.body)
            return FAILED
        head = _head(self._source, self._response, self._event)
        self._body = body = self._api.stream(self._context.aws_request_id, head)
        while (outcome := self._send_item(body, item)) is None:
            item = self._next(self._response.heartbeat_s)
        return outcome

    def _send_item(self, body: ResponseStream, item: Item) -> str | None:
        """How the stream ended with this item; None if it goes on."""
        if isinstance(item, bytes):
            body.send(item)
            self._response.count(item, is_item=True)
            self._producer.ask()
            return None
        if item == IDLE:
            if self._response.is_events:
                body.send(HEARTBEAT)
                self._response.count(HEARTBEAT, is_item=False)
            return None
        if item is None:
            body.end()
            return COMPLETE
        if item == HUNG_UP:
            body.abort()
            return HUNG_UP
        if isinstance(item, Response):
            self._end_with(body, item)
            return FAILED
        self._end_with(body, self._response.run(self._pipeline.stream_problem, self._request, GatewayTimeout()))
        return OUT_OF_TIME

    def _end_with(self, body: ResponseStream, problem: Response) -> None:
        self._response.failure = problem
        if not self._response.is_events:
            body.end("StreamFailed", problem.body.decode(errors="replace"))
            return
        event = error_event(problem)
        body.send(event)
        self._response.count(event, is_item=False)
        body.end()

    def _next(self, timeout_s: float | None) -> Item:
        """The next item; IDLE after `timeout_s`, HUNG_UP when Lambda has closed the connection, or OUT_OF_TIME."""
        idle_s = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            wait_s = POLL_S if idle_s is None else min(POLL_S, idle_s - time.monotonic())
            try:
                return self._items.get(timeout=max(min(wait_s, self._left_s()), 0))
            except Empty:
                pass
            if self._body is not None and self._body.is_closed():
                return HUNG_UP
            if self._left_s() <= 0:
                return OUT_OF_TIME
            if idle_s is not None and time.monotonic() >= idle_s:
                return IDLE

    def _left_s(self) -> float:
        return self._context.get_remaining_time_in_millis() / 1000 - MARGIN_S


def _reads_streams(source: EventSource, event: Any) -> bool:
    """Whether the service reads response streams. An HTTP API does not, whose events in a REST API's format say so."""
    is_rest = isinstance(source, RestApi) and isinstance(event, dict) and "version" not in event
    return is_rest or isinstance(source, FunctionUrl)


def _respond_as_stream(api: RuntimeApi, app: App, source: EventSource, context: Context, event: Any) -> bool:
    """Send a response, if the event is of this source; False if it is not."""
    try:
        request = source.read(event, context)
    except OrgError:
        # It is malformed: the app responds with the problem.
        problem = app(event, context)
        head = {name: problem[name] for name in HEAD_KEYS if name in problem}
        _send_complete(api, context, head, problem["body"].encode())
        return True
    if request is None:
        return False
    with app.pipeline.observe(context.aws_request_id) as observer:
        request.observer = observer
        # A response stream may be larger than a complete response.
        request.to_event = request.event = None
        response = app.pipeline.handle(request)
    if isinstance(response, StreamedResponse):
        StreamSender(api, app, source, context, event, request, response).send()
    else:
        _send_complete(api, context, _head(source, response, event), response.body)
    return True


def _send_complete(api: RuntimeApi, context: Context, head: Mapping[str, Any], content: bytes) -> None:
    """Send a complete response as a stream: no other format is read where one is expected."""
    body = api.stream(context.aws_request_id, head)
    try:
        body.send(content)
        body.end()
    except (OSError, HTTPException):
        # Lambda has closed the connection: no one reads any more.
        body.abort()


def _head(source: EventSource, response: Response, event: Any) -> dict[str, Any]:
    """Status, headers and cookies, in the format of the event source."""
    head = source.to_event(build_response(response.status, response.headers, b"", response.cookies), event)
    return {name: head[name] for name in HEAD_KEYS if name in head}


def _load(api: RuntimeApi, name: str) -> Handler:
    """The handler; when it cannot be imported, the process ends with a report."""
    try:
        if "AWS_LAMBDA_MAX_CONCURRENCY" in os.environ:
            raise RuntimeError(
                "org_common.runtime handles one invocation at a time: remove AWS_LAMBDA_EXEC_WRAPPER from a function "
                "with AWS_LAMBDA_MAX_CONCURRENCY"
            )
        module, _, attribute = name.rpartition(".")
        handler: Handler = getattr(import_module(module.replace("/", ".")), attribute)
    except Exception as error:  # noqa: BLE001 - reported
        api.fail("/init/error", error)
        sys.exit(INIT_FAILED)
    return handler


def _snapshot(api: RuntimeApi) -> None:
    """Run the hooks of SnapStart before the snapshot, in reverse order, and after the restore."""
    hooks = snapshot_hooks()
    try:
        before = [] if hooks is None else hooks.get_before_snapshot()
        while before:
            call, arguments, keywords = before.pop()
            call(*arguments, **keywords)
        api.wait_for_restore()
    except Exception as error:  # noqa: BLE001 - reported
        api.fail("/init/error", error)
        sys.exit(SNAPSHOT_FAILED)
    try:
        for call, arguments, keywords in [] if hooks is None else hooks.get_after_restore():
            call(*arguments, **keywords)
    except Exception as error:  # noqa: BLE001 - reported
        api.fail("/restore/error", error)
        sys.exit(RESTORE_FAILED)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else os.environ["_HANDLER"])
