"""API Gateway REST APIs, and HTTP APIs with payload format 1.0.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

from org_common.events.event_source import (
    LIMIT_BYTES,
    SURELY_FITS_BYTES,
    broken_event,
    check_base_path,
    check_size,
    check_unicode,
    decode_path,
    encode_body,
    is_string_list,
    read_authorizer,
    read_body,
    strip_prefix,
)
from org_common.http.incoming_request import IncomingRequest

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from org_common.http.response import Response
    from org_common.values.types import Event, LambdaContext


class RestApi:
    """The event source for API Gateway REST APIs, and for HTTP APIs with payload format 1.0.

    Args:
        base_path: The base path mapping of a custom domain, which is in front of the path. Example: "/orders".
        binary: The API has `binaryMediaTypes` "*/*". Only then does it decode base64, and only then are responses
            compressed.
    """

    __slots__ = ("_base_path", "_binary")
    has_authorizer = True

    def __init__(self, *, base_path: str = "", binary: bool = False) -> None:
        self._base_path = check_base_path(base_path)
        self._binary = binary

    def read(self, event: Event, context: LambdaContext) -> IncomingRequest | None:
        """Return the request; None for another source's event. See `EventSource.read` for the errors."""
        try:
            request_context = event["requestContext"]
            # A WebSocket API's has `connectionId`, a load balancer's `elb`, format 2.0's `http`.
            if request_context.keys() & {"elb", "http", "connectionId"} or event.get("version", "1.0") != "1.0":
                return None
            method: str = event["httpMethod"]
            path: str = event["path"]
            request_id: str = request_context["requestId"]
            stage: str = request_context["stage"]
        except (KeyError, TypeError, AttributeError):
            return None
        sent_path = request_context.get("path", path)
        if not is_string_list([method, path, sent_path, request_id, stage]):
            raise broken_event()
        is_http_api = event.get("version") == "1.0"
        if not is_http_api:
            # An HTTP API has decoded both already; decoding twice would lose a percent sign that the caller sent.
            path, sent_path = decode_path(path), decode_path(sent_path)
        query = join_query(event, is_decoded=True)
        check_unicode(path, sent_path, query)
        if is_http_api and stage != "$default":
            # Only an HTTP API's path contains a named stage.
            path = strip_prefix(f"/{stage}", path)
        if self._base_path:
            path = strip_prefix(self._base_path, path)
        headers = join_headers(event)
        if not self._binary:
            headers.pop("accept-encoding", None)
        body, authorizer = read_body(event), read_authorizer(request_context)
        tenant_id = getattr(context, "tenant_id", None)
        return IncomingRequest(
            method, path, sent_path, query, headers, body, request_id, authorizer, context, tenant_id
        )

    def to_event(self, response: Response, event: Event) -> Event:
        """Return the response in payload format 1.0. `ResponseTooLarge` above Lambda's limit."""
        body, is_base64 = encode_body(response.body)
        response_event: Event = {
            "statusCode": response.status,
            "headers": response.headers,
            "body": body,
            "isBase64Encoded": is_base64,
        }
        if response.cookies:
            response_event["multiValueHeaders"] = {"set-cookie": [*response.cookies]}
        return response_event if len(response.body) < SURELY_FITS_BYTES else check_size(response_event, LIMIT_BYTES)

    def __repr__(self) -> str:
        return f"RestApi(base_path={self._base_path!r})" if self._base_path else "REST_API"


def join_headers(event: Event) -> dict[str, str]:
    """Lower-case names to values; repeated headers are joined with commas, cookies with semicolons."""
    headers: dict[str, str] = {}
    for name, values in _pairs(event, "multiValueHeaders", "headers"):
        lower = name.lower()
        separator = "; " if lower == "cookie" else ","
        value = separator.join(values)
        headers[lower] = f"{headers[lower]}{separator}{value}" if lower in headers else value
    return headers


def join_query(event: Event, *, is_decoded: bool) -> str:
    """The query string, encoded. REST APIs pass decoded names and values, load balancers what the caller sent."""
    parameters = _pairs(event, "multiValueQueryStringParameters", "queryStringParameters")
    if not parameters:
        return ""
    pairs = [(name, value) for name, values in parameters for value in values]
    if not is_decoded:
        return "&".join([f"{name}={value}" for name, value in pairs])
    from urllib.parse import quote

    return "&".join([f"{quote(name, errors='replace')}={quote(value, errors='replace')}" for name, value in pairs])


def _pairs(event: Event, multi_value_field: str, single_value_field: str) -> list[tuple[str, list[str]]]:
    """Names and values: of the field with all values of a name if the event has it, else of the one with the last."""
    values_by_name: Any = event.get(multi_value_field)
    if values_by_name is None:
        value_by_name: Any = event.get(single_value_field) or {}
        if not isinstance(value_by_name, dict):
            raise broken_event()
        values_by_name = {name: [value] for name, value in value_by_name.items()}
    if not isinstance(values_by_name, dict) or not all(map(is_string_list, values_by_name.values())):
        raise broken_event()
    return list(values_by_name.items())


REST_API = RestApi()
"""The event source for API Gateway REST APIs, and for HTTP APIs with payload format 1.0."""
