"""From an event to an answer: who may, what goes wrong, and what of it is told."""

import json
import logging
import subprocess
import sys
from textwrap import dedent
from typing import Any

import pytest

from org_common import PUBLIC, SIGNED_IN, TOKEN, App, Conflict, Identity, NotFound, Response, Unavailable
from org_common.events import http_api as gateway
from org_common.http.incoming_request import IncomingRequest
from org_common.testing.client import Client, Person
from org_common.values.types import LocalContext

SECRET = "hunter2-secret"

app = App("under-test")
client = Client(app)
alice = Person("alice")


@app.get("/public", allow=PUBLIC)
def public() -> dict[str, str]:
    """Answers anybody.

    And says no more of it.
    """
    return {"to": "anybody"}


@app.get("/token", allow=TOKEN, summary="Who calls.")
def token(identity: Identity) -> dict[str, str]:
    return {"to": identity.subject}


@app.get("/member", allow=SIGNED_IN)
def member() -> None:
    raise AssertionError("nobody gets here without a database")


@app.get("/fails/{how}", allow=PUBLIC)
def fails(how: str) -> None:
    raise {
        "not_found": NotFound("No such thing."),
        "conflict": Conflict("Taken.", code="slug_taken", headers={"X-Slug": "acme"}),
        "unavailable": Unavailable(retry_after_s=7),
        "bug": RuntimeError(f"password={SECRET}"),
        "recursion": RecursionError(SECRET),
        "memory": MemoryError(SECRET),
        "chained": KeyError(SECRET),
    }[how]


@app.post("/made", allow=PUBLIC, status=201)
def made() -> dict[str, str]:
    return {"id": "a-1"}


def request(path: str, method: str = "GET") -> IncomingRequest:
    read = gateway.HTTP_API.read(gateway.event(method, path, request_id="r-1"), LocalContext("r-1", 29))
    assert read is not None
    return read


def test_public_route_answers_anybody() -> None:
    answer = client.get("/public")

    assert (answer.status, answer.json()) == (200, {"to": "anybody"})


@pytest.mark.parametrize("claims", ["", "{", "null", "expired", '{"exp": 0}'])
def test_public_route_does_not_look_at_the_token(claims: str) -> None:
    event = gateway.event("GET", "/public", claims=claims)

    assert app(event, LocalContext("r-1", 29))["statusCode"] == 200


def test_token_route_knows_who_calls() -> None:
    assert client.as_(alice).get("/token").json() == {"to": "alice"}


@pytest.mark.parametrize("path", ["/token", "/member"])
def test_without_a_token_other_routes_are_closed(path: str) -> None:
    answer = client.get(path)

    assert (answer.status, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/token", "/member"])
@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ("", "invalid_claims"),
        ("{}", "invalid_claims"),
        ('{"iss": "a", "sub": "b", "exp": "4000000000"}', "invalid_claims"),
        ('{"iss": "a", "sub": "b", "exp": 1}', "token_expired"),
    ],
)
def test_bad_claims_close_them_too(path: str, claims: str, code: str) -> None:
    answer = app(gateway.event("GET", path, claims=claims), LocalContext("r-1", 29))

    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (401, code)


def test_unknown_path_is_not_found() -> None:
    answer = client.get("/nothing")

    assert (answer.status, answer.json()["code"]) == (404, "unknown_route")
    assert answer.headers["content-type"] == "application/problem+json"


def test_other_method_is_told_the_allowed() -> None:
    answer = client.delete("/public")

    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_success_has_the_status_of_its_route() -> None:
    answer = client.post("/made")

    assert (answer.status, answer.headers["location"]) == (201, "/made/a-1")


def test_raised_error_is_the_answer() -> None:
    answer = client.get("/fails/conflict")

    assert (answer.status, answer.headers["x-slug"]) == (409, "acme")
    assert answer.json() == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "Taken.",
        "instance": "urn:request:local",
        "code": "slug_taken",
    }


@pytest.mark.parametrize("how", ["bug", "recursion", "memory", "chained"])
def test_unknown_exception_tells_nothing_of_itself(how: str) -> None:
    answer = client.get(f"/fails/{how}")

    assert answer.status == 500
    assert answer.json() == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "Something went wrong on our side. The request id names the log entry.",
        "instance": "urn:request:local",
        "code": "internal_error",
    }


def test_unknown_exception_is_logged_once_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    client.get("/fails/bug")

    [record] = caplog.records
    assert (record.name, record.levelno) == ("org_common", logging.ERROR)
    assert record.getMessage() == "GET /fails/{how} failed"
    assert record.exc_info is not None
    assert record.exc_info[0] is RuntimeError


def test_error_of_ours_is_logged_once_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    client.get("/fails/unavailable")

    [record] = caplog.records
    assert record.getMessage() == "GET /fails/{how} responded with 503"
    assert record.exc_info is not None


@pytest.mark.parametrize("path", ["/fails/not_found", "/fails/conflict", "/nothing", "/token", "/public/x"])
def test_error_of_the_caller_s_is_not_logged(path: str, caplog: pytest.LogCaptureFixture) -> None:
    client.get(path)

    assert caplog.records == []


def test_unknown_event_is_logged_without_its_contents(caplog: pytest.LogCaptureFixture) -> None:
    answer = app({"authorization": SECRET}, LocalContext("r-lambda", 29))

    [record] = caplog.records
    assert SECRET not in caplog.text
    assert SECRET not in json.dumps(answer)
    assert record.levelno == logging.ERROR


def test_request_is_handled_without_an_event() -> None:
    response = app.pipeline.respond(request("/public"))

    assert isinstance(response, Response)
    assert (response.status, response.body) == (200, b'{"to":"anybody"}')


def test_problem_names_the_request() -> None:
    response = app.pipeline.respond(request("/nothing"))

    assert json.loads(response.body)["instance"] == "urn:request:r-1"


# AttributeError out of `app()`: the body is read after all that is caught.
@pytest.mark.parametrize("body", ["text", None, {"a": 1}], ids=repr)
def test_response_that_cannot_be_sent_is_a_problem(body: Any) -> None:
    broken = App("broken")
    broken.get("/", allow=PUBLIC)(lambda: Response(body))

    assert Client(broken).get("/").status == 500


def test_app_knows_its_paths() -> None:
    assert app.pipeline.table.knows("/public")
    assert app.pipeline.table.knows("/fails/any")
    assert not app.pipeline.table.knows("/fails")


def test_routes_are_listed_with_the_first_line_of_their_docstrings() -> None:
    listed = [(route.method, route.path, route.summary) for route in app.routes[:3]]

    assert listed == [("GET", "/public", "Answers anybody."), ("GET", "/token", "Who calls."), ("GET", "/member", "")]


def test_handler_is_still_a_function() -> None:
    assert public() == {"to": "anybody"}


def test_apps_have_routes_of_their_own() -> None:
    other = App("other")

    assert Client(other).get("/public").status == 404
    assert other.routes == []


def test_one_handler_serves_two_routes() -> None:
    both = App("both")
    both.get("/a", allow=PUBLIC)(public)
    both.get("/b", allow=TOKEN)(public)

    assert (Client(both).get("/a").status, Client(both).get("/b").status) == (200, 401)


def test_repr_names_the_app_and_counts_its_routes() -> None:
    assert repr(app) == "App('under-test', 5 routes)"


def test_routes_without_a_database_never_load_psycopg() -> None:
    program = """
        import sys
        from org_common import PUBLIC, TOKEN, App, Identity, Model
        from org_common.testing.client import Client, Person

        class Thing(Model):
            name: str

        app = App("small")

        @app.post("/things", allow=PUBLIC)
        def create(body: Thing, limit: int = 1) -> Thing:
            return body

        @app.get("/me", allow=TOKEN)
        def me(identity: Identity) -> str:
            return identity.subject

        client = Client(app, person=Person("alice"))
        assert (client.post("/things", {"name": "a"}).status, client.get("/me").status) == (200, 200)
        assert client.post("/things", {"name": 5}).status == 422
        print([name for name in sys.modules if name.startswith(("psycopg", "org_common.db."))])
    """

    done = subprocess.run([sys.executable, "-c", dedent(program)], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
