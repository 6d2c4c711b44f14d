"""API Gateway HTTP APIs, payload format 2.0: from the event to a request, and from a response to Lambda's result.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import time
from binascii import a2b_base64

from org_common.events.event_source import (
    LIMIT_BYTES,
    LOWER_NAMES,
    SURELY_FITS_BYTES,
    broken_event,
    check_base_path,
    check_size,
    check_unicode,
    decode_path,
    encode_body,
    is_function_url,
    is_string_list,
    lower_names,
    read_body,
    strip_prefix,
)
from org_common.http.incoming_request import IncomingRequest

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from org_common.http.response import Response
    from org_common.values.types import Event, LambdaContext

# The one key of the authorizer's context: a JSON string, since API Gateway turns anything else into strings.
CLAIMS_KEY = "claims"


def to_event(response: Response, event: Event | None = None) -> Event:
    """Return the response in payload format 2.0. `ResponseTooLarge` above Lambda's limit."""
    is_base64 = False
    try:
        body = response.body.decode()
    except UnicodeDecodeError:
        body, is_base64 = encode_body(response.body)
    response_event: Event = {
        "statusCode": response.status,
        "headers": response.headers,
        "body": body,
        "isBase64Encoded": is_base64,
    }
    if response.cookies:
        response_event["cookies"] = [*response.cookies]
    return response_event if len(response.body) < SURELY_FITS_BYTES else check_size(response_event, LIMIT_BYTES)


class PayloadFormat2:
    """The event format of HTTP APIs and Function URLs. Only the domain name tells the two apart."""

    __slots__ = ("_base_path",)
    has_authorizer = True
    _is_url = False

    def __init__(self, *, base_path: str = "") -> None:
        self._base_path = check_base_path(base_path)

    # One long function: each call that it were split into would cost a hundredth of a warm request.
    def read(self, event: Event, context: LambdaContext) -> IncomingRequest | None:
        """Return the request; None for another source's event. See `EventSource.read` for the errors."""
        try:
            request_context = event["requestContext"]
            http = request_context["http"]
            domain: str = request_context.get("domainName", "")
            if (domain.find(".lambda-url.") > 0 and is_function_url(domain)) is not self._is_url:
                return None
        except (KeyError, TypeError, AttributeError):
            return None
        try:
            path: str = event["rawPath"]
            stage: str = request_context["stage"]
            method: str = http["method"]
            request_id: str = request_context["requestId"]
            query: str = event.get("rawQueryString") or ""
            headers: Mapping[str, str] = event.get("headers") or {}
            cookies = event.get("cookies")
            authorizer = request_context.get("authorizer")
            # `join` raises TypeError for anything but strings, so it checks the types as well.
            is_ascii = "".join((path, stage, method, request_id, query)).isascii()  # noqa: FLY002
        except (KeyError, TypeError, AttributeError):
            raise broken_event() from None
        if not isinstance(headers, dict) or not (cookies is None or is_string_list(cookies)):
            raise broken_event()
        # AWS sends names in lower case; `sam local` and events that people write by hand do not.
        if not headers.keys() <= LOWER_NAMES:
            headers = lower_names(headers)
        if self._is_url:
            path = decode_path(path)  # API Gateway decodes it, a Function URL does not
        if self._is_url or not is_ascii:
            check_unicode(path, query)
        sent_path = path
        if stage != "$default" or self._base_path:
            path = self._strip(stage, path)
        body = read_body(event) if event.get("body") else b""
        authorizer = authorizer if isinstance(authorizer, dict) else None
        tenant_id = getattr(context, "tenant_id", None)
        # By position: keywords cost a third more.
        return IncomingRequest(
            method, path, sent_path, query, headers, body, request_id, authorizer, context, tenant_id, cookies
        )

    def _strip(self, stage: str, path: str) -> str:
        """The path without the stage and the base path: rawPath contains them, the app's routes do not."""
        if stage != "$default":
            path = strip_prefix(f"/{stage}", path)
        return strip_prefix(self._base_path, path) if self._base_path else path

    # The function itself: a method that calls it would cost a three hundredth of a warm request.
    to_event: Callable[..., Event] = staticmethod(to_event)


class HttpApi(PayloadFormat2):
    """The event source for API Gateway HTTP APIs, payload format 2.0.

    A named stage in front of the path is removed automatically.

    Args:
        base_path: The path mapping of a custom domain, which is in front of the path. Example: "/orders".
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"HttpApi(base_path={self._base_path!r})" if self._base_path else "HTTP_API"


def decode_body(response_event: Event) -> bytes:
    """The bytes of a response's body, as API Gateway would send them."""
    body: str = response_event["body"]
    return a2b_base64(body) if response_event["isBase64Encoded"] else body.encode()


def event(
    method: str,
    path: str,
    *,
    query: str = "",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    claims: str | None = None,
    request_id: str = "local",
) -> Event:
    """An event as API Gateway would send it, for tests and the local server.

    `path` is as in a URL: like API Gateway, this decodes it for `rawPath`, an escaped slash too. `claims` is the JSON
    string that an authorizer passes on.
    """
    encoded_body, is_base64 = encode_body(body)
    path = decode_path(path) if "%" in path else path
    lower = {name.lower(): value for name, value in (headers or {}).items()}
    request_event: Event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": lower,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": lower.get("host", "localhost"),
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": lower.get("user-agent", ""),
            },
            "requestId": request_id,
            "routeKey": "$default",
            "stage": "$default",
            "timeEpoch": int(time.time() * 1000),
        },
        "isBase64Encoded": is_base64,
    }
    if encoded_body:
        request_event["body"] = encoded_body
    if claims is not None:
        request_event["requestContext"]["authorizer"] = {"lambda": {CLAIMS_KEY: claims}}
    return request_event


HTTP_API = HttpApi()
"""The event source for API Gateway HTTP APIs, payload format 2.0: the default."""
