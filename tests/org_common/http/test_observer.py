"""The steps of a request, in the order in which an observer learns of them."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from org_common import PUBLIC, TOKEN, App, Conflict, Event, Identity, Request, Response, Stream
from org_common.http.incoming_request import IncomingRequest
from org_common.http.observer import IGNORE, Observer
from org_common.http.stream import StreamedResponse
from org_common.values.errors import OrgError
from org_common.values.types import Deadline

if TYPE_CHECKING:
    from org_common.http.observer import RouteName, Streamed


class Recorder(Observer):
    """Writes down each step."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def request_read(self, request: Request) -> None:
        self.steps.append(f"read {request.method} {request.path}")

    def route_matched(self, route: "RouteName", values: Sequence[str]) -> None:
        self.steps.append(f"matched {route.path} {list(values)}")

    def caller_identified(self, identity: Identity) -> None:
        self.steps.append(f"caller {identity.subject}")

    def problem_rendered(self, code: str) -> None:
        self.steps.append(f"problem {code}")

    def response_finished(self, response: Response) -> None:
        self.steps.append(f"finished {response.status}")

    def stream_opened(self) -> None:
        self.steps.append("stream opened")

    def stream_ended(self, stream: "Streamed") -> None:
        self.steps.append(f"stream {stream.outcome}, {stream.events} items, {stream.sent_bytes} bytes")


class Named:
    """Everyone is alice."""

    needs_authorizer = False

    def identity(self, request: Request) -> Identity:
        return Identity(issuer="https://issuer.test", subject="alice", expires_at=2**40)


def teapot(request: Request, handle: Callable[[Request], Response]) -> Response:
    handle(request)
    return Response(status=418)


def replaced(request: Request, handle: Callable[[Request], Response]) -> Response:
    """Passes another object on, as a middleware that changes a header does."""
    return handle(Request("GET", "/things/b", "/things/b", "", {}, b"", request.id, None, request.deadline))


def incoming(method: str, path: str) -> IncomingRequest:
    request = IncomingRequest(method, path, path, "", {}, b"", "r", None, Deadline.after(29))
    request.to_event = request.event = None
    return request


def observed(method: str, path: str, *middleware: Any) -> list[str]:
    app = App("observed", identity=Named(), middleware=middleware)

    @app.get("/things/{name}", allow=TOKEN)
    def thing(name: str) -> dict[str, str]:
        if name == "taken":
            raise Conflict
        return {}

    @app.get("/open", allow=PUBLIC)
    def open_() -> None: ...

    request, recorder = incoming(method, path), Recorder()
    request.observer = recorder
    app.pipeline.handle(request)
    return recorder.steps


@pytest.mark.parametrize(
    ("method", "path", "steps"),
    [
        ("GET", "/things/a", ["read GET /things/a", "matched /things/{name} ['a']", "caller alice", "finished 200"]),
        ("GET", "/open", ["read GET /open", "matched /open []", "finished 204"]),
        (
            *("GET", "/things/taken"),
            [
                "read GET /things/taken",
                "matched /things/{name} ['taken']",
                "caller alice",
                "problem conflict",
                "finished 409",
            ],
        ),
        ("GET", "/nowhere", ["read GET /nowhere", "problem unknown_route", "finished 404"]),
        ("OPTIONS", "/open", ["read OPTIONS /open", "finished 204"]),
    ],
)
def test_steps_are_observed_in_order(method: str, path: str, steps: list[str]) -> None:
    assert observed(method, path) == steps


def test_response_is_the_one_that_the_middleware_returns() -> None:
    assert observed("GET", "/open", teapot)[-1] == "finished 418"


def test_request_that_a_middleware_exchanges_is_observed_like_the_original() -> None:
    steps = observed("GET", "/things/a", replaced)

    assert steps == ["read GET /things/a", "matched /things/{name} ['b']", "caller alice", "finished 200"]


def test_event_that_is_not_a_request_is_observed_too() -> None:
    recorder = Recorder()

    App("observed", identity=Named()).pipeline.refuse_event(incoming("GET", "/"), OrgError(), recorder)

    assert recorder.steps == ["problem internal_error", "finished 500"]


def test_stream_is_observed_to_its_end() -> None:
    app = App("observed", identity=Named())

    @app.get("/stream", allow=PUBLIC)
    def stream() -> Stream:
        return Stream([Event("a")])

    request, recorder = incoming("GET", "/stream"), Recorder()
    request.observer = recorder
    response = app.pipeline.handle(request)
    assert isinstance(response, StreamedResponse)
    before = recorder.steps[2:]
    chunk = response.produce()
    assert chunk is not None
    response.count(chunk, is_item=True)
    response.end("complete")
    response.end("hang_up")

    assert before == ["stream opened", "finished 200"]
    assert recorder.steps[4:] == ["stream complete, 1 items, 9 bytes"]
    assert response.outcome == "complete"


def test_an_app_without_logs_and_traces_has_the_observer_that_ignores() -> None:
    assert App("unobserved", identity=Named()).pipeline.observe("r") is IGNORE


def test_ignoring_observer_lets_exceptions_pass() -> None:
    with pytest.raises(KeyError), IGNORE:
        raise KeyError
