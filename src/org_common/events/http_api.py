"""API Gateway HTTP APIs, payload format 2.0: the event in, the answer out. And what all shapes of events share.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import time
from binascii import a2b_base64

from org_common.events.event_source import (
    LIMIT_BYTES,
    SURELY_FITS_BYTES,
    body_of,
    broken_event,
    check_unicode,
    checked_base_path,
    decoded,
    fitting,
    is_texts,
    text_of,
    without,
)
from org_common.http.request import Request

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping

    from org_common.http.response import Response
    from org_common.values.types import Event, LambdaContext

# The one key of the authorizer's context: a JSON text, since API Gateway turns anything else into strings.
CLAIMS_KEY = "claims"


class PayloadFormat2:
    """What HTTP APIs and Function URLs have in common. Only the domain tells them apart."""

    __slots__ = ("_base_path",)
    has_authorizer = True
    _is_url = False

    def __init__(self, *, base_path: str = "") -> None:
        self._base_path = checked_base_path(base_path)

    # One long way down: each call that it were split into would cost a hundredth of the whole request.
    def read(self, event: Event, context: LambdaContext) -> Request | None:
        try:
            gateway = event["requestContext"]
            http = gateway["http"]
            domain: str = gateway.get("domainName", "")
            if (domain.endswith(".on.aws") and ".lambda-url." in domain) is not self._is_url:
                return None
        except (KeyError, TypeError, AttributeError):
            return None
        try:
            sent_path: str = event["rawPath"]
            stage: str = gateway["stage"]
            method: str = http["method"]
            request_id: str = gateway["requestId"]
            query: str = event.get("rawQueryString") or ""
            headers: Mapping[str, str] = event.get("headers") or {}
            cookies = event.get("cookies")
            authorizer = gateway.get("authorizer")
            # Joins texts only, so it tells as well whether all of them are.
            is_ascii = "".join((sent_path, stage, method, request_id, query)).isascii()  # noqa: FLY002
        except (KeyError, TypeError, AttributeError):
            raise broken_event() from None
        if not isinstance(headers, dict) or not (cookies is None or is_texts(cookies)):
            raise broken_event()
        if self._is_url:
            # API Gateway has decoded the path, a Function URL has not.
            sent_path = decoded(sent_path)
            is_ascii = False
        if not is_ascii:
            check_unicode(sent_path, query)
        path = sent_path
        if stage != "$default":
            # A named stage is part of rawPath, and no part of the app's routes.
            path = without(f"/{stage}", path)
        if self._base_path:
            path = without(self._base_path, path)
        # By position: keywords cost a third more.
        return Request(
            method,
            path,
            sent_path,
            query,
            headers,
            body_of(event) if event.get("body") else b"",
            request_id,
            authorizer if isinstance(authorizer, dict) else None,
            context,
            getattr(context, "tenant_id", None),
            cookies,
        )

    def answer(self, response: Response, event: Event) -> Event:
        return answer(response)


class HttpApi(PayloadFormat2):
    """API Gateway HTTP APIs, payload format 2.0.

    `base_path` ("/orders") is what a custom domain's API mapping puts in front of the path. A named stage in front
    of it is taken off by itself.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"HttpApi(base_path={self._base_path!r})" if self._base_path else "HTTP_API"


def answer(response: Response) -> Event:
    """The response in the form that API Gateway sends on. `ResponseTooLarge` when Lambda would not take it."""
    encoded = False
    try:
        text = response.body.decode()
    except UnicodeDecodeError:
        text, encoded = text_of(response.body)
    made: Event = {"statusCode": response.status, "headers": response.headers, "body": text, "isBase64Encoded": encoded}
    if response.cookies:
        made["cookies"] = [*response.cookies]
    return made if len(response.body) < SURELY_FITS_BYTES else fitting(made, LIMIT_BYTES)


def content(answer: Event) -> bytes:
    """The bytes of an answer's body, as API Gateway would send them."""
    text: str = answer["body"]
    return a2b_base64(text) if answer["isBase64Encoded"] else text.encode()


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

    `path` is as in a URL: API Gateway decodes it before it is `rawPath`, an escaped slash too, and so does this.
    `claims` is what an authorizer passes on.
    """
    text, encoded = text_of(body)
    path = decoded(path) if "%" in path else path
    lower = {name.lower(): value for name, value in (headers or {}).items()}
    made: Event = {
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
        "isBase64Encoded": encoded,
    }
    if text:
        made["body"] = text
    if claims is not None:
        made["requestContext"]["authorizer"] = {"lambda": {CLAIMS_KEY: claims}}
    return made


HTTP_API = HttpApi()
"""API Gateway HTTP APIs, payload format 2.0: the default."""
