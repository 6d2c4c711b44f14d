"""What every answer gets on its way out."""

import json
import logging
from typing import Any

import pytest

from org_common import (
    ALB,
    FUNCTION_URL,
    HTTP_API,
    PUBLIC,
    REST_API,
    App,
    Conflict,
    Cors,
    Identity,
    Request,
    Response,
    RestApi,
)
from org_common.http.finish import SECURITY
from org_common.testing.client import Client
from org_common.values.types import LocalContext
from tests.support.recorded import recorded

CONTEXT = LocalContext("r-lambda", 29)
PAGE = "https://a.example"
MEGABYTE = 1024 * 1024
KEPT = Response(b"{}", headers={"content-type": "application/json"})


class Nobody:
    needs_authorizer = False

    def identity(self, request: Request) -> Identity | None:
        return None


def note(response: Response) -> Any:
    def handler(name: str) -> Response:
        return response

    return handler


def event(name: str) -> Any:
    """A recorded event as GET /notes/… without a query."""
    made = recorded(name)
    if "rawPath" in made:
        made |= {"rawPath": "/notes/a", "rawQueryString": "", "body": None}
        made["requestContext"]["http"]["method"] = "GET"
    for field in ("queryStringParameters", "multiValueQueryStringParameters"):
        made[field] = None
    return made


def served(response: Response, event: Any, *shapes: Any, **options: Any) -> Any:
    app = App("finish", identity=Nobody(), events=shapes or (HTTP_API, REST_API, FUNCTION_URL, ALB), **options)
    app.get("/notes/{name}", allow=PUBLIC)(note(response))
    return app(event, CONTEXT)


@pytest.mark.parametrize("path", ["/notes/a", "/nothing"])
def test_every_answer_is_what_it_says_it_is(path: str) -> None:
    app = App("finish")
    app.get("/notes/{name}", allow=PUBLIC)(note(KEPT))

    headers = Client(app).get(path).headers

    assert headers.items() >= SECURITY.items()
    assert not {"server", "x-powered-by"} & headers.keys()


@pytest.mark.parametrize("name", ["http_api", "rest_api", "function_url", "alb", "alb_multi_value"])
def test_answer_to_what_cannot_be_read_has_them_too(name: str) -> None:
    app = App("finish", identity=Nobody(), events=(HTTP_API, REST_API, FUNCTION_URL, ALB), cors=Cors([PAGE]))
    broken = event(name) | {"body": "!", "isBase64Encoded": True}
    field, origin = ("headers", PAGE) if broken.get("multiValueHeaders") is None else ("multiValueHeaders", [PAGE])
    broken[field] = {**broken[field], "Origin": origin}

    answer = app(broken, CONTEXT)

    headers = answer.get("headers") or {name: values[0] for name, values in answer["multiValueHeaders"].items()}
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (400, "invalid_base64")
    assert headers.items() >= {**SECURITY, "access-control-allow-origin": PAGE}.items()


@pytest.mark.parametrize("event", [{}, [], {"headers": 5, "requestContext": {}}], ids=repr)
def test_answer_to_what_is_no_request_has_them_too(event: Any) -> None:
    answer = App("finish")(event, CONTEXT)

    assert (answer["statusCode"], answer["headers"].items() >= SECURITY.items()) == (500, True)


def test_headers_of_the_app_and_of_the_handler_win() -> None:
    app = App("finish", headers={"X-Frame-Options": "DENY", "Referrer-Policy": "origin"})
    app.get("/notes/{name}", allow=PUBLIC)(note(Response(b"x", headers={"referrer-policy": "same-origin"})))

    headers = Client(app).get("/notes/a").headers

    assert (headers["x-frame-options"], headers["referrer-policy"]) == ("DENY", "same-origin")
    assert "strict-transport-security" not in headers


def test_response_that_a_handler_keeps_stays_as_it_is() -> None:
    app = App("finish", cors=Cors([PAGE]))
    app.get("/notes/{name}", allow=PUBLIC)(note(KEPT))
    before = dict(KEPT.headers)

    Client(app).get("/notes/a", headers={"origin": PAGE})

    assert KEPT.headers == before


# a body of 35 bytes went out as one of 2000, and behind ASGI with two lengths.
@pytest.mark.parametrize("name", ["content-length", "Content-Length"])
def test_length_of_a_body_is_told_by_whoever_sends_it(name: str) -> None:
    response = Response(b"a" * 2000, headers={"content-type": "text/plain"})
    response.headers[name] = "2000"
    app = App("finish")
    app.get("/notes/{name}", allow=PUBLIC)(note(response))

    for sent in ({}, {"accept-encoding": "gzip"}):
        assert not {"content-length", "Content-Length"} & Client(app).get("/notes/a", headers=sent).headers.keys()


def test_names_of_headers_that_are_set_afterwards_are_sent_in_lower_case() -> None:
    response = Response(b"x")
    response.headers["X-Content-Type-Options"] = "other"
    app = App("finish")
    app.get("/notes/{name}", allow=PUBLIC)(note(response))

    headers = Client(app).get("/notes/a").headers

    assert ("X-Content-Type-Options" in headers, headers["x-content-type-options"]) == (False, "other")


# --- what cannot be sent --------------------------------------------------------------------------


def setting(value: str) -> Any:
    def handler(name: str) -> Response:
        response = Response(b"x")
        response.headers["x-name"] = value
        return response

    return handler


def set_by_middleware(value: str) -> Any:
    def middleware(request: Request, next: Any) -> Response:
        response: Response = next(request)
        response.cookies = (f"a={value}",)
        return response

    return middleware


def raised(value: str) -> Any:
    def handler(name: str) -> None:
        raise Conflict("Taken.", headers={"x-name": value})

    return handler


@pytest.mark.parametrize("value", ["a\r\nset-cookie: x=1", 'filename="Łódź.pdf"'])
@pytest.mark.parametrize("name", ["http_api", "rest_api", "function_url", "alb", "alb_multi_value"])
@pytest.mark.parametrize(
    ("handler", "middleware"),
    [(setting, None), (raised, None), (lambda value: note(KEPT), set_by_middleware)],
    ids=["handler", "error", "middleware"],
)
def test_header_that_cannot_be_sent_is_a_fault_of_ours_in_every_shape(
    value: str, name: str, handler: Any, middleware: Any, caplog: pytest.LogCaptureFixture
) -> None:
    around = [] if middleware is None else [middleware(value)]
    app = App("finish", identity=Nobody(), events=(HTTP_API, REST_API, FUNCTION_URL, ALB), middleware=around)
    app.get("/notes/{name}", allow=PUBLIC)(handler(value))

    answer = app(event(name), CONTEXT)

    assert (answer["statusCode"], value in json.dumps(answer, ensure_ascii=False)) == (500, False)
    assert [str(record.exc_info[1])[:19] for record in caplog.records if record.exc_info] == ["the value of header"]


def test_header_of_an_app_that_cannot_be_sent_does_not_start() -> None:
    with pytest.raises(ValueError, match="the value of header 'x-name' contains a line break"):
        App("finish", headers={"X-Name": "a\nb"})


# --- in each shape's own form ---------------------------------------------------------------------

COOKIES = ["a=1; Path=/", "b=2; Path=/"]


def test_cookies_go_out_as_each_shape_wants_them() -> None:
    response = Response(b"x", cookies=COOKIES)

    rest, several, single, url = (
        served(response, event(name)) for name in ("rest_api", "alb_multi_value", "alb", "function_url")
    )

    assert rest["multiValueHeaders"] == {"set-cookie": COOKIES}
    assert several["multiValueHeaders"]["set-cookie"] == COOKIES
    assert [value for name, value in single["headers"].items() if name.lower() == "set-cookie"] == COOKIES
    assert url["cookies"] == COOKIES


def test_rest_api_is_sent_no_coded_bytes_unless_it_takes_them() -> None:
    long = Response(b"a" * 2000, headers={"content-type": "text/plain"})

    assert served(long, event("rest_api"))["isBase64Encoded"] is False
    assert served(long, event("rest_api"), RestApi(binary=True))["isBase64Encoded"] is True


# --- what Lambda lets through ---------------------------------------------------------------------


def quoted(size_bytes: int) -> bytes:
    """JSON of about this size, half of it quotes."""
    return b"[" + b",".join([b'""'] * (size_bytes // 3)) + b"]"


@pytest.mark.parametrize(
    ("body", "fits"),
    [
        pytest.param(b"a" * int(5.9 * MEGABYTE), True, id="text of 5.9 MB"),
        pytest.param(b"a" * int(6.1 * MEGABYTE), False, id="text of 6.1 MB"),
        pytest.param(b"\xff" * int(5.9 / 4 * 3 * MEGABYTE), True, id="bytes that are 5.9 MB in base64"),
        pytest.param(b"\xff" * int(6.1 / 4 * 3 * MEGABYTE), False, id="bytes that are 6.1 MB in base64"),
        pytest.param(quoted(int(3.5 * MEGABYTE)), True, id="quotes that are 5.8 MB within JSON"),
        pytest.param(quoted(int(3.9 * MEGABYTE)), False, id="quotes that are 6.5 MB within JSON"),
    ],
)
@pytest.mark.parametrize("name", ["http_api", "rest_api"])
def test_answer_that_lambda_would_not_take_is_a_problem(
    name: str, body: bytes, fits: bool, caplog: pytest.LogCaptureFixture
) -> None:
    answer = served(Response(body), event(name), compress=False)

    assert (answer["statusCode"], "response_too_large" in answer["body"][:400]) == (
        (200, False) if fits else (413, True)
    )
    assert [record.levelno for record in caplog.records] == ([] if fits else [logging.ERROR])


def test_load_balancer_takes_less() -> None:
    assert served(Response(b"a" * 1_000_000), event("alb"))["statusCode"] == 200
    assert served(Response(b"a" * 1_100_000), event("alb"))["statusCode"] == 413


def test_large_answer_that_is_packed_goes_through() -> None:
    asked = event("alb")
    asked["headers"]["accept-encoding"] = "gzip"

    response = Response(b"a" * 7 * MEGABYTE, headers={"content-type": "text/plain"})

    assert served(response, asked)["statusCode"] == 200
