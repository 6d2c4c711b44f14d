"""API Gateway REST APIs, and HTTP APIs with payload format 1.0.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

from org_common.events.event_source import (
    LIMIT_BYTES,
    SURELY_FITS_BYTES,
    authorizer_of,
    body_of,
    broken_event,
    check_unicode,
    checked_base_path,
    decoded,
    fitting,
    text_of,
    without,
)
from org_common.http.request import Request

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from org_common.http.response import Response
    from org_common.values.types import Event, LambdaContext


class RestApi:
    """API Gateway REST APIs.

    `base_path` ("/orders") is what a custom domain's base path mapping puts in front of the path. `binary` says that
    the API has `binaryMediaTypes` "*/*": only then does it turn base64 into bytes, and only then are answers
    compressed.
    """

    __slots__ = ("_base_path", "_binary")
    has_authorizer = True

    def __init__(self, *, base_path: str = "", binary: bool = False) -> None:
        self._base_path = checked_base_path(base_path)
        self._binary = binary

    def read(self, event: Event, context: LambdaContext) -> Request | None:
        try:
            gateway = event["requestContext"]
            # A WebSocket API's has `connectionId`, a load balancer's `elb`, format 2.0's `http`.
            if gateway.keys() & {"elb", "http", "connectionId"} or event.get("version", "1.0") != "1.0":
                return None
            method: str = event["httpMethod"]
            path: str = event["path"]
            request_id: str = gateway["requestId"]
            stage: str = gateway["stage"]
        except (KeyError, TypeError, AttributeError):
            return None
        sent_path = gateway.get("path", path)
        for text in (method, path, sent_path, request_id, stage):
            if type(text) is not str:
                raise broken_event()
        of_http_api = event.get("version") == "1.0"
        if not of_http_api:
            # An HTTP API has decoded them already; once more, and a percent sign of the caller's would be lost.
            path, sent_path = decoded(path), decoded(sent_path)
        query = joined_query(event, decoded=True)
        check_unicode(path, sent_path, query)
        if of_http_api and stage != "$default":
            # Of an HTTP API's path a named stage is a part.
            path = without(f"/{stage}", path)
        if self._base_path:
            path = without(self._base_path, path)
        headers = joined_headers(event)
        if not self._binary:
            headers.pop("accept-encoding", None)
        return Request(
            method,
            path,
            sent_path,
            query,
            headers,
            body_of(event),
            request_id,
            authorizer_of(gateway),
            context,
            getattr(context, "tenant_id", None),
        )

    def answer(self, response: Response, event: Event) -> Event:
        text, encoded = text_of(response.body)
        made: Event = {
            "statusCode": response.status,
            "headers": response.headers,
            "body": text,
            "isBase64Encoded": encoded,
        }
        if response.cookies:
            made["multiValueHeaders"] = {"set-cookie": [*response.cookies]}
        return made if len(response.body) < SURELY_FITS_BYTES else fitting(made, LIMIT_BYTES)

    def __repr__(self) -> str:
        return f"RestApi(base_path={self._base_path!r})" if self._base_path else "REST_API"


def joined_headers(event: Event) -> dict[str, str]:
    """Names in lower case, values joined with commas: cookies with semicolons."""
    headers: dict[str, str] = {}
    for name, values in _pairs(event, "multiValueHeaders", "headers"):
        lower = name.lower()
        separator = "; " if lower == "cookie" else ","
        text = separator.join(values)
        headers[lower] = f"{headers[lower]}{separator}{text}" if lower in headers else text
    return headers


def joined_query(event: Event, *, decoded: bool) -> str:
    """The query string. REST APIs hand over decoded names and values, load balancers what was sent."""
    pairs = _pairs(event, "multiValueQueryStringParameters", "queryStringParameters")
    if not pairs:
        return ""
    flat = [(name, value) for name, values in pairs for value in values]
    if not decoded:
        return "&".join([f"{name}={value}" for name, value in flat])
    from urllib.parse import quote

    return "&".join([f"{quote(name, errors='replace')}={quote(value, errors='replace')}" for name, value in flat])


def _pairs(event: Event, several: str, single: str) -> list[tuple[str, list[str]]]:
    """Of the field that has all values of each name, else of the one that has the last."""
    given: Any = event.get(several)
    if given is None:
        one: Any = event.get(single) or {}
        if not isinstance(one, dict):
            raise broken_event()
        given = {name: [value] for name, value in one.items()}
    if not isinstance(given, dict):
        raise broken_event()
    return [(name, _texts(values)) for name, values in given.items()]


def _texts(values: object) -> list[str]:
    if not isinstance(values, list) or not all(type(each) is str for each in values):
        raise broken_event()
    return values


REST_API = RestApi()
"""API Gateway REST APIs."""
