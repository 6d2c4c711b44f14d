"""What goes around the routes of an app: middleware, and answers to exceptions of one's own."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from org_common import PUBLIC, App, Conflict, Cors, NotFound, OrgError, Request, Response, TooManyRequests, Unavailable
from org_common.events import http_api as gateway
from org_common.testing.client import Client
from org_common.values.types import LocalContext

Next = Callable[[Request], Response]


class StockEmpty(Exception):
    def __init__(self, item: str) -> None:
        super().__init__(f"{item}, password=hunter2")
        self.item = item


class NoneLeft(StockEmpty): ...


def raising(error: Exception, **options: Any) -> App:
    app = App("around", **options)

    def fail() -> None:
        raise error

    app.get("/", allow=PUBLIC)(fail)
    return app


def test_middleware_goes_around_every_request_the_first_outermost() -> None:
    steps: list[str] = []

    def named(name: str) -> Callable[[Request, Next], Response]:
        def middleware(request: Request, next: Next) -> Response:
            steps.append(f"{name} in")
            response = next(request)
            steps.append(f"{name} out {response.status}")
            return response

        return middleware

    answer = Client(App("around", middleware=[named("a"), named("b")])).get("/nothing")

    assert answer.status == 404
    assert steps == ["a in", "b in", "b out 404", "a out 404"]


def test_middleware_may_answer_by_itself_and_change_what_it_was_given() -> None:
    def closed(request: Request, next: Next) -> Response:
        response = Response(b"closed", status=503) if "x-closed" in request.headers else next(request)
        response.headers["x-seen"] = request.path
        return response

    client = Client(App("around", middleware=[closed]))

    assert (client.get("/a", headers={"x-closed": "1"}).body, client.get("/a").headers["x-seen"]) == (b"closed", "/a")


PAGE = {"origin": "https://a.example"}


# what is added on the way out was added to what the middleware keeps: the next caller got the first one's.
@pytest.mark.parametrize(
    ("method", "sent"),
    [("HEAD", {}), ("GET", {"accept-encoding": "gzip"}), ("GET", PAGE), ("GET", {"if-none-match": "*"})],
    ids=["no body", "gzip", "another origin", "304"],
)
@pytest.mark.parametrize("outer", [0, 1])
def test_middleware_may_keep_what_it_answers(method: str, sent: dict[str, str], outer: int) -> None:
    kept: dict[str, Response] = {}

    def cache(request: Request, next: Next) -> Response:
        return kept.get(request.path) or kept.setdefault(request.path, next(request))

    def passing(request: Request, next: Next) -> Response:
        return next(request)

    def served(*middleware: Any) -> Client:
        app = App("around", middleware=middleware, cors=Cors(["https://a.example"]))
        app.get("/a", allow=PUBLIC)(lambda: {"a": "long " * 1000})
        return Client(app)

    expected = served().get("/a")
    client = served(*[passing] * outer, cache)
    client.send(method, "/a", headers=sent)

    for _ in range(2):
        answer = client.get("/a")
        assert (answer.status, answer.headers, answer.body) == (expected.status, expected.headers, expected.body)


def test_middleware_changes_nothing_that_a_handler_keeps() -> None:
    kept = Response(b"ok", headers={"x-a": "1"})

    def session(request: Request, next: Next) -> Response:
        response = next(request)
        if "x-user" in request.headers:
            response.set_cookie("session", request.headers["x-user"])
            response.headers["x-a"] = "2"
        return response

    app = App("around", middleware=[session])
    app.get("/", allow=PUBLIC)(lambda: kept)
    app.error(NotFound)(lambda error, request: kept)

    for path in ("/", "/nothing"):
        first, second = (
            app(gateway.event("GET", path, headers=sent), LocalContext("r-1", 29)) for sent in ({"x-user": "alice"}, {})
        )
        assert (len(first["cookies"]), first["headers"]["x-a"]) == (1, "2")
        assert ("cookies" in second, second["headers"]["x-a"]) == (False, "1")


@pytest.mark.parametrize(("error", "status"), [(NotFound(), 404), (KeyError("hunter2"), 500)])
def test_middleware_that_raises_is_answered_with_a_problem(error: Exception, status: int) -> None:
    def broken(request: Request, next: Next) -> Response:
        raise error

    answer = Client(App("around", middleware=[broken])).get("/")

    assert (answer.status, answer.headers["x-content-type-options"]) == (status, "nosniff")
    assert b"hunter2" not in answer.body


@pytest.mark.parametrize("answered", [None, {"a": 1}, Response("text")])  # type: ignore[arg-type]
def test_middleware_that_answers_no_response_is_a_problem(answered: Any) -> None:
    assert Client(App("around", middleware=[lambda request, _: answered])).get("/").status == 500


def test_exception_of_one_s_own_becomes_the_error_that_its_handler_names() -> None:
    app = raising(StockEmpty("tea"))

    @app.error(StockEmpty)
    def stock_empty(error: StockEmpty, request: Request) -> OrgError:
        return Conflict(f"No {error.item} is left.", code="stock_empty")

    answer = Client(app).get("/")

    assert (answer.status, answer.json()["code"], answer.json()["detail"]) == (409, "stock_empty", "No tea is left.")


def test_handler_may_answer_with_a_response() -> None:
    app = raising(StockEmpty("tea"))
    app.error(StockEmpty)(lambda error, request: Response(b"none", status=410))

    assert (Client(app).get("/").status, Client(app).get("/").body) == (410, b"none")


def test_nearest_class_answers() -> None:
    app = raising(NoneLeft("tea"))
    app.error(Exception)(lambda error, request: Conflict())
    assert Client(app).get("/").status == 409

    app.error(StockEmpty)(lambda error, request: NotFound())
    assert Client(app).get("/").status == 404


def test_errors_of_ours_may_be_answered_otherwise_too() -> None:
    app = App("around")
    app.error(NotFound)(lambda error, request: Response(b"<h1>Not here</h1>", status=404))

    assert Client(app).get("/nothing").body == b"<h1>Not here</h1>"


@pytest.mark.parametrize("answered", [None, "text", {}])
def test_handler_that_answers_neither_is_a_problem(answered: Any, caplog: pytest.LogCaptureFixture) -> None:
    app = raising(StockEmpty("tea"))
    app.error(StockEmpty)(lambda error, request: answered)

    assert Client(app).get("/").status == 500
    assert "failed in an error handler" in caplog.text


def test_handler_that_raises_tells_nothing_of_it() -> None:
    app = raising(StockEmpty("tea"))

    @app.error(StockEmpty)
    def broken(error: StockEmpty, request: Request) -> OrgError:
        raise RuntimeError("hunter2")

    answer = Client(app).get("/")

    assert (answer.status, b"hunter2" in answer.body) == (500, False)


def test_handled_exception_is_logged_only_as_a_fault_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    app = raising(StockEmpty("tea"))
    app.error(StockEmpty)(lambda error, request: Conflict())
    Client(app).get("/")
    quiet = list(caplog.records)

    app = raising(StockEmpty("tea"))
    app.error(StockEmpty)(lambda error, request: Unavailable())
    Client(app).get("/")

    assert (quiet, [record.levelno for record in caplog.records]) == ([], [logging.ERROR])


def test_second_handler_of_a_class_does_not_start() -> None:
    app = App("around")
    app.error(StockEmpty)(lambda error, request: Conflict())

    with pytest.raises(TypeError, match=r"error\(StockEmpty\) is declared twice"):
        app.error(StockEmpty)(lambda error, request: Conflict())


@pytest.mark.parametrize("error", [TooManyRequests(), Unavailable()])
def test_caller_is_told_when_to_come_again(error: Exception) -> None:
    assert Client(raising(error)).get("/").headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("types", "type_"), [(None, "about:blank"), ("https://errors.example/", "https://errors.example/unknown_route")]
)
def test_type_of_a_problem_is_its_code_where_the_app_says_so(types: str | None, type_: str) -> None:
    assert json.loads(Client(App("around", problem_types=types)).get("/nothing").body)["type"] == type_
