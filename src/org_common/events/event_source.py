"""What an event source must offer, and what the event sources share: paths, bodies, size limits."""

from __future__ import annotations

import sys
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64

from org_common.values.errors import BadRequest, OrgError, ResponseTooLarge

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Protocol

    from org_common.http.request import Request
    from org_common.http.response import Response
    from org_common.values.types import Event, LambdaContext

    class EventSource(Protocol):
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


# Lambda's most for an answer (6 MB and a hundred bytes, as its own error says).
LIMIT_BYTES = 6_291_556
# Measuring a response costs another `json.dumps`, so a body that fits in any case is not measured. One byte of a body
# takes at most 6 bytes in the JSON of the response: a control character is written as `\u0000`; characters of two to
# four bytes take 3 for each byte, and base64 adds a third. 6,000,000 bytes, and 291,556 are left for the headers.
SURELY_FITS_BYTES = 1_000_000
# The same for every event source: a load balancer's limit is 1,048,576. 900,000 bytes, and 148,576 for the headers.
SURELY_FITS_ANYWHERE_BYTES = 150_000


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
