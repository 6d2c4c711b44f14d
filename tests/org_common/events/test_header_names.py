"""Header names are case-insensitive (RFC 9110, section 5.1), from every event source and for every reader."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from org_common import (
    ALB,
    FUNCTION_URL,
    HTTP_API,
    PUBLIC,
    TOKEN,
    App,
    Bearer,
    Cookie,
    Cors,
    Database,
    Header,
    Identity,
    Model,
    RestApi,
    Settings,
)
from org_common.asgi import Asgi
from org_common.testing import TokenIssuer
from org_common.values.types import LocalContext
from tests.support.recorded import recorded

ISSUER = TokenIssuer("https://issuer.test")
CONTEXT = LocalContext("r-lambda", 29)


class Note(Model):
    text: str


app = App(
    "notes",
    identity=Bearer(verifier=ISSUER.verifier()),
    events=(HTTP_API, FUNCTION_URL, RestApi(binary=True), ALB),
    cors=Cors(["https://shop.example"]),
)
asgi = Asgi([app], database=Database(Settings()))


@app.put("/note", allow=PUBLIC)
def put_note(body: Note) -> Note:
    return body


@app.get("/note", allow=PUBLIC)
def get_note() -> Note:
    return Note(text="x" * 2000)


@app.get("/me", allow=TOKEN)
def me(identity: Identity) -> str:
    return identity.subject


@app.get("/sent", allow=PUBLIC)
def sent(
    x_tenant: Annotated[str, Header()], other: Annotated[str, Header("X-Other")], session: Annotated[str, Cookie()]
) -> list[str]:
    return [x_tenant, other, session]


Send = Callable[[str, str, Mapping[str, str], str], dict[str, Any]]


def by_format_2(name: str) -> Send:
    def send(method: str, path: str, headers: Mapping[str, str], body: str) -> dict[str, Any]:
        event = recorded(name)
        event |= {"rawPath": path, "rawQueryString": "", "headers": headers, "body": body, "isBase64Encoded": False}
        event.pop("cookies", None)
        event["requestContext"]["http"]["method"] = method
        event["requestContext"]["stage"] = "$default"
        return app(event, CONTEXT)

    return send


def by_format_1(name: str, field: str) -> Send:
    def send(method: str, path: str, headers: Mapping[str, str], body: str) -> dict[str, Any]:
        event = recorded(name)
        for other in ("headers", "multiValueHeaders", "queryStringParameters", "multiValueQueryStringParameters"):
            event.pop(other, None)
        event |= {"httpMethod": method, "path": path, "body": body, "isBase64Encoded": False}
        event[field] = headers if field == "headers" else {name: [value] for name, value in headers.items()}
        if "stage" in event["requestContext"]:
            event["requestContext"] |= {"stage": "$default", "path": path}
        response = app(event, CONTEXT)
        values = response.get("multiValueHeaders", {})
        return {
            "headers": {},
            **response,
            **({"headers": {name: each[0] for name, each in values.items()}} if values else {}),
        }

    return send


def by_asgi(method: str, path: str, headers: Mapping[str, str], body: str) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body.encode()}

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": raw}
    asyncio.run(asgi(scope, receive, send))
    start, content = messages
    return {
        "statusCode": start["status"],
        "headers": {name.decode(): value.decode() for name, value in start["headers"]},
        "body": content["body"],
    }


SOURCES: dict[str, Send] = {
    "HTTP API": by_format_2("http_api"),
    "Function URL": by_format_2("function_url"),
    "HTTP API, format 1.0": by_format_1("http_api_format_1", "headers"),
    "HTTP API, format 1.0, all values": by_format_1("http_api_format_1", "multiValueHeaders"),
    "REST API": by_format_1("rest_api", "headers"),
    "REST API, all values": by_format_1("rest_api", "multiValueHeaders"),
    "load balancer": by_format_1("alb", "headers"),
    "load balancer, all values": by_format_1("alb_multi_value", "multiValueHeaders"),
    "ASGI": by_asgi,
}
# Each reader of a header: method, path, headers, body, and a check of the response.
READERS: dict[str, tuple[str, str, dict[str, str], str, Callable[[dict[str, Any]], bool]]] = {
    "if-match": ("PUT", "/note", {"if-match": '"old"'}, '{"text": "b"}', lambda answer: answer["statusCode"] == 412),
    "if-none-match": ("GET", "/note", {"if-none-match": "*"}, "", lambda answer: answer["statusCode"] == 304),
    "content-type": (
        "PUT",
        "/note",
        {"content-type": "text/plain"},
        '{"text": "b"}',
        lambda answer: answer["statusCode"] == 415,
    ),
    "authorization": ("GET", "/me", {"authorization": "TOKEN"}, "", lambda answer: answer["statusCode"] == 200),
    "origin": (
        "GET",
        "/note",
        {"origin": "https://shop.example"},
        "",
        lambda answer: answer["headers"]["access-control-allow-origin"] == "https://shop.example",
    ),
    "preflight": (
        "OPTIONS",
        "/note",
        {"origin": "https://shop.example", "access-control-request-method": "PUT"},
        "",
        lambda answer: "PUT" in answer["headers"]["access-control-allow-methods"],
    ),
    "accept-encoding": (
        "GET",
        "/note",
        {"accept-encoding": "gzip"},
        "",
        lambda answer: answer["headers"]["content-encoding"] == "gzip",
    ),
    "declared headers and cookies": (
        "GET",
        "/sent",
        {"x-tenant": "a", "x-other": "b", "cookie": "session=c"},
        "",
        lambda answer: json.loads(answer["body"]) == ["a", "b", "c"],
    ),
}


def spelled(name: str, capitals: list[bool]) -> str:
    return "".join(char.upper() if at < len(capitals) and capitals[at] else char for at, char in enumerate(name))


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("source", SOURCES)
@settings(max_examples=8, deadline=None)
@given(capitals=st.lists(st.booleans(), max_size=32))
def test_header_is_found_in_any_case(source: str, reader: str, capitals: list[bool]) -> None:
    method, path, headers, body, holds = READERS[reader]
    for spelling in (str, str.title, str.upper, lambda name: spelled(name, capitals)):
        sent_headers = {
            spelling(name): f"Bearer {ISSUER.token('alice')}" if value == "TOKEN" else value
            for name, value in headers.items()
        }
        assert holds(SOURCES[source](method, path, sent_headers, body)), sent_headers


@pytest.mark.parametrize("cookies", [None, []])
@pytest.mark.parametrize("name", ["Cookie", "cookie"])
def test_cookie_header_counts_where_the_event_lists_no_cookies(name: str, cookies: list[str] | None) -> None:
    event = recorded("http_api")
    event |= {"rawPath": "/sent", "rawQueryString": "", "body": "", "cookies": cookies}
    event["headers"] = {"X-Tenant": "a", "X-Other": "b", name: "session=c; theme=d"}
    event["requestContext"]["http"]["method"] = "GET"
    event["requestContext"]["stage"] = "$default"

    assert json.loads(app(event, CONTEXT)["body"]) == ["a", "b", "c"]


@pytest.mark.parametrize("source", SOURCES)
def test_names_that_differ_in_case_are_one_header(source: str) -> None:
    """As with a repeated header: another program may have added the second one."""
    token = f"Bearer {ISSUER.token('alice')}"
    response = SOURCES[source]("GET", "/me", {"Authorization": token, "authorization": token}, "")
    assert response["statusCode"] == 401

    both = {"X-Tenant": "a", "x-tenant": "b", "X-OTHER": "c", "Cookie": "session=d", "cookie": "theme=e"}
    assert json.loads(SOURCES[source]("GET", "/sent", both, "")["body"]) == ["a,b", "c", "d"]
