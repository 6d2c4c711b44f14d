"""From an ASGI scope to a request, and to an answer, without a server."""

import asyncio
from typing import Any, cast

import pytest

from org_common import PUBLIC, App, Conflict, Cors, Database, Response
from org_common.asgi import Asgi, read

NO_DATABASE = cast("Database", None)


def scope(**changed: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "GET",
        "path": "/orgs/é",
        "raw_path": b"/orgs/%C3%A9",
        "query_string": b"a=1&b=%26",
        "headers": [(b"accept", b"*/*")],
        "root_path": "",
        **changed,
    }


def answered(*apps: App, method: str = "GET", path: str = "/", **headers: str) -> tuple[int, list[tuple[str, str]]]:
    """The status of an answer and its headers as they are sent."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    asked = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    asgi = Asgi(apps, database=NO_DATABASE, authorize=lambda header: "{}")
    asked_for = scope(method=method, path=path, raw_path=path.encode(), query_string=b"", headers=asked)
    asyncio.run(asgi(asked_for, receive, send))
    return sent[0]["status"], [(name.decode("latin-1"), value.decode("latin-1")) for name, value in sent[0]["headers"]]


def test_scope_is_read() -> None:
    got = read(scope())

    assert (got.method, got.path, got.sent_path, got.query) == ("GET", "/orgs/é", "/orgs/é", "a=1&b=%26")
    assert (got.headers, got.body, got.authorizer, got.tenant_id) == ({"accept": "*/*"}, b"", None, None)


def test_path_is_decoded_once_and_without_the_query() -> None:
    assert read(scope(raw_path=b"/a%2525?x=1")).path == "/a%25"


def test_without_a_raw_path_the_decoded_one_counts() -> None:
    assert read(scope(raw_path=None, path="/orgs/50%25")).path == "/orgs/50%25"


def test_root_path_is_no_part_of_the_routes() -> None:
    got = read(scope(root_path="/api", raw_path=b"/api/orgs"))

    assert (got.path, got.sent_path) == ("/orgs", "/api/orgs")


def test_repeated_headers_are_joined_and_cookies_with_semicolons() -> None:
    headers = [(b"x-a", b"1"), (b"cookie", b"a=1"), (b"x-a", b"2"), (b"cookie", b"b=2")]

    got = read(scope(headers=headers))

    assert got.headers == {"x-a": "1,2", "cookie": "a=1; b=2"}
    assert got.cookies == {"a": "1", "b": "2"}


def test_each_request_has_an_id_and_a_deadline() -> None:
    first, second = read(scope()), read(scope())

    assert first.id != second.id
    assert 0 < first.deadline.left_s() <= 29


def test_app_that_needs_an_authorizer_is_not_served_without() -> None:
    with pytest.raises(TypeError, match=r"App\('open', 0 routes\): identity=FROM_AUTHORIZER.*Pass authorize="):
        Asgi([App("open")], database=NO_DATABASE)


# it escaped as a UnicodeEncodeError, and the server said 500 without a word to the log.
def test_header_that_cannot_be_sent_is_a_problem() -> None:
    def download() -> Response:
        response = Response(b"x")
        response.headers["content-disposition"] = 'attachment; filename="Łódź.pdf"'
        return response

    app = App("download")
    app.get("/", allow=PUBLIC)(download)

    status, headers = answered(app)

    assert (status, dict(headers)["content-type"]) == (500, "application/problem+json")


@pytest.mark.parametrize("sent", [{}, {"accept_encoding": "gzip"}])
def test_length_is_told_once_and_of_what_is_sent(sent: dict[str, str]) -> None:
    def taken() -> None:
        raise Conflict("Taken.", headers={"Content-Length": "2"})

    app = App("length")
    headers = {"content-type": "text/plain", "content-length": "2000"}
    app.get("/", allow=PUBLIC)(lambda: Response(b"a" * 2000, headers=headers))
    app.get("/taken", allow=PUBLIC)(taken)

    lengths = [
        [int(value) for name, value in answered(app, path=path, **sent)[1] if name == "content-length"]
        for path in ("/", "/taken")
    ]

    assert [len(each) for each in lengths] == [1, 1]
    assert (lengths[0][0] < 100) is bool(sent)
    assert lengths[1][0] > 100


# --- which app answers ----------------------------------------------------------------------------


def serving(name: str, *routes: str) -> App:
    """An app whose answers tell that they are its own."""
    app = App(name, cors=Cors([f"https://{name}.example"]))
    for route in routes:
        method, path = route.split()
        answer = Response(headers={"x-app": name})
        getattr(app, method.lower())(path, allow=PUBLIC)(_answering(answer, path))
    return app


def _answering(answer: Response, path: str) -> Any:
    def plain() -> Response:
        return answer

    def of(a: str) -> Response:
        return answer

    return of if "{a}" in path else plain


@pytest.mark.parametrize(
    ("first", "second", "asked", "name"),
    [
        (["GET /orders"], ["POST /orders"], "POST /orders", "b"),
        (["GET /orders"], ["POST /orders"], "HEAD /orders", "a"),
        (["GET /p/{a}"], ["GET /p/special"], "GET /p/special", "b"),
        (["GET /p/{a}"], ["GET /p/special"], "GET /p/other", "a"),
        (["GET /p/{a}"], ["POST /p/special"], "GET /p/special", "a"),
        (["GET /{a}/x"], ["GET /p/{a}"], "GET /p/x", "b"),
        (["GET /p/{a}"], ["GET /p/{a}"], "GET /p/x", "a"),
    ],
)
def test_app_is_picked_by_method_and_path_and_literals_win(
    first: list[str], second: list[str], asked: str, name: str
) -> None:
    method, path = asked.split()

    status, headers = answered(serving("a", *first), serving("b", *second), method=method, path=path)

    assert (status, dict(headers).get("x-app")) == (200, name)


def test_app_of_the_request_to_come_answers_whether_it_may() -> None:
    apps = serving("a", "GET /orders"), serving("b", "POST /orders")
    asking = {"origin": "https://b.example", "access_control_request_method": "POST"}

    status, headers = answered(*apps, method="OPTIONS", path="/orders", **asking)

    assert (status, dict(headers)["access-control-allow-origin"]) == (204, "https://b.example")


def test_what_no_app_has_is_a_problem() -> None:
    apps = serving("a", "GET /orders"), serving("b", "POST /other")

    assert [answered(*apps, method="GET", path=path)[0] for path in ("/other", "/nothing")] == [405, 404]
    assert dict(answered(*apps, method="GET", path="/other")[1])["allow"] == "OPTIONS, POST"
