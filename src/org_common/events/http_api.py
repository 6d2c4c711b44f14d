"""API Gateway HTTP APIs, payload format 2.0: the event in, the answer out. And what all shapes of events share.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import sys
import time
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64

from org_common.http.request import Request
from org_common.values.errors import BadRequest, OrgError, ResponseTooLarge

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Protocol

    from org_common.http.response import Response
    from org_common.values.types import Event, LambdaContext

    class Shape(Protocol):
        """One shape of events: what invokes the function, and how it wants its answer."""

        @property
        def has_authorizer(self) -> bool:
            """Somebody verifies tokens in front of the function and passes on what they say."""
            ...

        def read(self, event: Event, context: LambdaContext) -> Request | None:
            """The request; None when the event is of another shape.

            `OrgError` (500) when the event is broken, `BadRequest` when what the caller sent is.
            """
            ...

        def answer(self, response: Response, event: Event) -> Event:
            """The response in the form that is sent on."""
            ...


# The one key of the authorizer's context: a JSON text, since API Gateway turns anything else into strings.
CLAIMS_KEY = "claims"

# Lambda's most for an answer (6 MB and a hundred bytes, as its own error says).
LIMIT_BYTES = 6_291_556
# No character of a text takes more than six within JSON.
SURELY_FITS = 1_000_000


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
    return made if len(text) < SURELY_FITS else fitting(made, LIMIT_BYTES)


def fitting(made: Event, limit_bytes: int) -> Event:
    """The answer, measured as the runtime will write it: base64 adds a third, each quote within JSON a byte."""
    size = size_bytes(made)
    if size > limit_bytes:
        raise ResponseTooLarge(
            f"The answer takes {size} bytes as the function would have to send it, and {limit_bytes} are possible. "
            "Ask for less of it, for example for a page with a lower limit."
        )
    return made


def size_bytes(made: Event) -> int:
    import json

    # awslambdaric 4.2: from Python 3.12 on it leaves letters beyond ASCII as they are.
    return len(json.dumps(made, ensure_ascii=sys.version_info < (3, 12)).encode())


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


# --- shared by the shapes -----------------------------------------------------------------------


def body_of(event: Event) -> bytes:
    body = event.get("body")
    if not body and (body is None or isinstance(body, str)):
        return b""
    if not isinstance(body, str):
        raise broken_event()
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


def text_of(body: bytes) -> tuple[str, bool]:
    """A body within JSON: as text where it is one, else in base64."""
    try:
        return body.decode(), False
    except UnicodeDecodeError:
        return b2a_base64(body, newline=False).decode(), True


def authorizer_of(gateway: Event) -> Mapping[str, Any] | None:
    authorizer = gateway.get("authorizer")
    return authorizer if isinstance(authorizer, dict) else None


def check_unicode(*texts: str) -> None:
    """JSON can carry half a character, a lone surrogate; nothing that is answered can."""
    for text in texts:
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                raise BadRequest("The path or the query is no valid Unicode text.", code="invalid_text") from None


def decoded(path: str) -> str:
    from urllib.parse import unquote

    return unquote(path, errors="replace")


def without(prefix: str, path: str) -> str:
    """The path without a prefix of whole segments; as it is when it has another one."""
    return path[len(prefix) :] or "/" if (path + "/").startswith(prefix + "/") else path


def checked_base_path(path: str) -> str:
    if path and (not path.startswith("/") or path.endswith("/")):
        raise TypeError(f'base_path={path!r} must begin with a slash and end without one. Example: "/orders"')
    return path


def is_texts(value: object) -> bool:
    return isinstance(value, list) and all(type(each) is str for each in value)


def broken_event() -> OrgError:
    return OrgError("The function was invoked with an event that is broken.", code="unknown_event")


HTTP_API = HttpApi()
"""API Gateway HTTP APIs, payload format 2.0: the default."""
