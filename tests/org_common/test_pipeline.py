"""The steps around a route: middleware, size check, error handlers, finishing."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from org_common import PUBLIC, TOKEN, App, Conflict, Database, Request, Response
from org_common.http.finish import Finish
from org_common.http.incoming_request import IncomingRequest
from org_common.http.response import OwnedResponse
from org_common.values.errors import ResponseTooLarge
from org_common.values.types import Deadline

Handle = Callable[[Request], Response]


def request(method: str = "GET", path: str = "/public", **headers: str) -> IncomingRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return IncomingRequest(method, path, path, "", named, b"", "r-1", None, Deadline.after(29))


def app_with(*middleware: Any) -> App:
    app = App("pipeline", middleware=middleware)

    @app.get("/public", allow=PUBLIC)
    def public() -> dict[str, str]:
        return {"to": "anyone"}

    @app.get("/token", allow=TOKEN)
    def token() -> None: ...

    return app


def test_response_is_finished_once() -> None:
    app = app_with()
    handled = app.pipeline.respond(request())

    again = Finish(cors=None, compress=True, headers={"x-late": "1"}).apply(request(), handled)

    assert again is handled
    assert handled.is_finished
    assert "x-late" not in again.headers


def test_response_that_a_handler_keeps_is_not_changed() -> None:
    kept = Response(b"x" * 2000, headers={"content-type": "text/plain"})
    app = App("keeps")

    @app.get("/kept", allow=PUBLIC)
    def handler() -> Response:
        return kept

    sent = app.pipeline.respond(request(path="/kept", accept_encoding="gzip"))

    assert sent.headers["content-encoding"] == "gzip"
    assert kept.headers == {"content-type": "text/plain"}
    assert kept.body == b"x" * 2000


def test_middleware_runs_outermost_first_around_the_handler() -> None:
    steps: list[str] = []

    def named(name: str) -> Callable[[Request, Handle], Response]:
        def middleware(request: Request, handle: Handle) -> Response:
            steps.append(f"{name} in")
            response = handle(request)
            steps.append(f"{name} out")
            return response

        return middleware

    app_with(named("outer"), named("inner")).pipeline.respond(request())

    assert steps == ["outer in", "inner in", "inner out", "outer out"]


def test_middleware_sees_problems_and_unfinished_responses() -> None:
    seen: list[tuple[int, bool]] = []

    def middleware(request: Request, handle: Handle) -> Response:
        response = handle(request)
        seen.append((response.status, isinstance(response, OwnedResponse)))
        return response

    pipeline = app_with(middleware).pipeline
    pipeline.respond(request())
    pipeline.respond(request(path="/nowhere"))
    pipeline.respond(request(path="/token"))

    assert seen == [(200, False), (404, False), (401, False)]


def test_exception_of_a_middleware_is_a_problem() -> None:
    def middleware(request: Request, handle: Handle) -> Response:
        raise Conflict("Not now.")

    response = app_with(middleware).pipeline.respond(request())

    assert (response.status, json.loads(response.body)["detail"]) == (409, "Not now.")


def test_request_can_be_refused_before_it_is_handled() -> None:
    response = app_with().pipeline.respond(request(), Conflict("Too early."))

    assert (response.status, json.loads(response.body)["detail"]) == (409, "Too early.")


def large() -> Response:
    return Response(b"x" * 200_000, headers={"content-type": "text/plain"})


def too_large(response: Response, event: dict[str, Any]) -> dict[str, Any]:
    raise ResponseTooLarge(f"{len(response.body)} bytes")


def passing(request: Request, handle: Handle) -> Response:
    return handle(request)


@pytest.mark.parametrize(("middleware", "is_finished"), [((), True), ((passing,), False)])
def test_large_response_is_finished_before_commit(middleware: tuple[Any, ...], is_finished: bool) -> None:
    sizes: list[int] = []
    sent = request(accept_encoding="gzip")

    def check(response: Response, event: dict[str, Any]) -> dict[str, Any]:
        sizes.append(len(response.body))
        return event

    sent.to_event, sent.event = check, {}

    response = app_with(*middleware).pipeline.finish_before_commit(sent, large())

    assert sizes[0] < 1000, "the compressed body is checked"
    assert (len(response.body) < 1000) is is_finished, "a middleware sees the response of the handler"


def test_large_response_without_a_limit_is_not_checked() -> None:
    sent = request()
    sent.to_event = sent.event = None

    assert len(app_with().pipeline.finish_before_commit(sent, large()).body) == 200_000


def test_response_that_cannot_be_sent_is_refused_before_commit() -> None:
    sent = request()
    sent.to_event, sent.event = too_large, {}

    with pytest.raises(ResponseTooLarge, match="200000 bytes"):
        app_with().pipeline.finish_before_commit(sent, large())


@pytest.mark.parametrize(
    ("method", "path", "found", "needs_identity"),
    [
        ("GET", "/public", True, False),
        ("HEAD", "/token", True, True),
        ("GET", "/token", True, True),
        ("POST", "/token", False, False),
        ("OPTIONS", "/token", False, False),
        ("GET", "/nowhere", False, False),
    ],
)
def test_route_is_found_before_a_request_is_handled(method: str, path: str, found: bool, needs_identity: bool) -> None:
    pipeline = app_with().pipeline

    assert (pipeline.find_route(method, path) is not None) is found
    assert pipeline.needs_identity(method, path) is needs_identity


def test_database_of_a_test_is_used_until_it_is_given_back() -> None:
    app = app_with()
    database = Database.__new__(Database)

    app.use(database)
    assert app.pipeline.database() is database
    app.use(None)

    assert app.pipeline.database() is not database


def test_second_route_of_a_path_is_refused() -> None:
    app = app_with()

    with pytest.raises(TypeError, match="/public"):
        app.get("/public", allow=PUBLIC)(lambda: None)


def test_error_handler_that_fails_is_logged_and_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    app = app_with()

    @app.get("/fails", allow=PUBLIC)
    def fails() -> None:
        raise KeyError

    @app.error(KeyError)
    def handler(error: KeyError, request: Request) -> Response:
        raise RuntimeError

    with caplog.at_level(logging.ERROR, "org_common"):
        response = app.pipeline.respond(request(path="/fails"))

    assert response.status == 500
    assert caplog.messages[0] == "GET /fails failed in an error handler"
