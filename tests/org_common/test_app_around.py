"""What goes around the routes of an app: middleware, and answers to exceptions of one's own."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from org_common import PUBLIC, App, Conflict, NotFound, OrgError, Request, Response, TooManyRequests, Unavailable
from org_common.testing.client import Client

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
