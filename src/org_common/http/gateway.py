"""API Gateway HTTP APIs, payload format 2.0: the event in, the answer out.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import time
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64

from org_common.errors import BadRequest, OrgError
from org_common.http.request import Request
from org_common.types import Deadline

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping

    from org_common.http.response import Response
    from org_common.types import Event, LambdaContext

# The one key of the authorizer's context: a JSON text, since API Gateway turns anything else into strings.
CLAIMS_KEY = "claims"


def parse(event: Event, context: LambdaContext) -> Request:
    """Read an event; `OrgError` (500) when it is not one of API Gateway's HTTP APIs, `BadRequest` on a broken body."""
    try:
        gateway = event["requestContext"]
        http = gateway["http"]
        sent_path: str = event["rawPath"]
        stage: str = gateway["stage"]
        method: str = http["method"]
        request_id: str = gateway["requestId"]
        query: str = event.get("rawQueryString") or ""
        headers: Mapping[str, str] = event.get("headers") or {}
    except (KeyError, TypeError, AttributeError):
        raise _unknown_event() from None
    for text in (sent_path, stage, method, request_id, query):
        if type(text) is not str:
            raise _unknown_event()
    if not isinstance(headers, dict):
        raise _unknown_event()
    _check_unicode(sent_path, query)
    path = sent_path
    if stage != "$default" and (sent_path + "/").startswith(f"/{stage}/"):
        # A named stage is part of rawPath, and no part of the app's routes.
        path = sent_path[len(stage) + 1 :] or "/"
    # By position: nine keywords cost a third more.
    return Request(
        method,
        path,
        sent_path,
        query,
        headers,
        _body(event),
        request_id,
        _claims(gateway),
        Deadline(time.monotonic() + context.get_remaining_time_in_millis() / 1000),
    )


def answer(response: Response) -> Event:
    """The response in the form that API Gateway sends on."""
    text, encoded = _text(response.body)
    return {"statusCode": response.status, "headers": response.headers, "body": text, "isBase64Encoded": encoded}


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
    if "%" in path:
        from urllib.parse import unquote

        path = unquote(path, errors="replace")
    text, encoded = _text(body)
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


def _text(body: bytes) -> tuple[str, bool]:
    """A body within JSON: as text where it is one, else in base64."""
    try:
        return body.decode(), False
    except UnicodeDecodeError:
        return b2a_base64(body, newline=False).decode(), True


def _body(event: Event) -> bytes:
    body = event.get("body")
    if not body and (body is None or isinstance(body, str)):
        return b""
    if not isinstance(body, str):
        raise _unknown_event()
    if not event.get("isBase64Encoded"):
        try:
            return body.encode()
        except UnicodeEncodeError:
            # JSON can carry a lone surrogate, UTF-8 cannot.
            raise BadRequest("The body is no valid Unicode text.", code="invalid_text") from None
    try:
        return a2b_base64(body, strict_mode=True)
    except (Base64Error, ValueError):
        raise BadRequest("The body is not valid base64.", code="invalid_base64") from None


def _check_unicode(*texts: str) -> None:
    """JSON can carry half a character, a lone surrogate; nothing that is answered can."""
    for text in texts:
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                raise BadRequest("The path or the query is no valid Unicode text.", code="invalid_text") from None


def _unknown_event() -> OrgError:
    return OrgError(
        "The function was invoked with an event that is not of an HTTP API (payload format 2.0).", code="unknown_event"
    )


def _claims(gateway: Event) -> str | None:
    authorizer = gateway.get("authorizer")
    passed_on = authorizer.get("lambda") if isinstance(authorizer, dict) else None
    claims = passed_on.get(CLAIMS_KEY) if isinstance(passed_on, dict) else None
    return claims if isinstance(claims, str) else None
