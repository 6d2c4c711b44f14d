"""The interface of an event source, and what the event sources share: paths, bodies, size limits."""

from __future__ import annotations

import sys
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64

from org_common.values.errors import BadRequest, OrgError, ResponseTooLarge

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Protocol

    from org_common.http.incoming_request import IncomingRequest
    from org_common.http.response import Response
    from org_common.values.types import Event, LambdaContext

    class EventSource(Protocol):
        """An AWS service that invokes the function with HTTP requests, and its format of events and responses."""

        @property
        def has_authorizer(self) -> bool:
            """Whether the service verifies tokens in front of the function and passes the claims on."""
            ...

        def read(self, event: Event, context: LambdaContext) -> IncomingRequest | None:
            """Return the request; None when the event comes from another source.

            Raises `OrgError` (500) for a malformed event, `BadRequest` for malformed input of the caller.
            """
            ...

        def to_event(self, response: Response, event: Event) -> Event:
            """Return the response in the format that the service expects.

            `event` is the one that `read` got. Raises `ResponseTooLarge` when the service would reject the response.
            """
            ...


# Lambda's limit for a response: 6 MB and a hundred bytes, as its own error says.
LIMIT_BYTES = 6_291_556
# Measuring a response costs another `json.dumps`, so a body that fits in any case is not measured. One byte of a body
# takes at most 6 bytes in the JSON of the response: a control character is written as `\u0000`; characters of two to
# four bytes take 3 for each byte, and base64 adds a third. 6,000,000 bytes, and 291,556 are left for the headers.
SURELY_FITS_BYTES = 1_000_000
# The same for every event source: a load balancer's limit is 1,048,576. 900,000 bytes, and 148,576 for the headers.
SURELY_FITS_ANYWHERE_BYTES = 150_000


def check_size(response_event: Event, limit_bytes: int) -> Event:
    """Return the event unchanged; `ResponseTooLarge` when it is too long as the runtime will write it.

    Base64 adds a third to a body, and each quote within JSON a byte.
    """
    size = size_bytes(response_event)
    if size > limit_bytes:
        raise ResponseTooLarge(
            f"The response would take {size} bytes, and the limit is {limit_bytes}. Request less of it, for example a "
            "page with a lower limit."
        )
    return response_event


def size_bytes(response_event: Event) -> int:
    """The length of the JSON that Lambda's runtime client writes."""
    import json

    # awslambdaric 4.2: from Python 3.12 on it does not escape non-ASCII characters.
    return len(json.dumps(response_event, ensure_ascii=sys.version_info < (3, 12)).encode())


def read_body(event: Event) -> bytes:
    """The request's body, decoded from base64 where the event says so; `BadRequest` when it cannot be decoded."""
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
            raise BadRequest("The body is not valid Unicode.", code="invalid_text") from None
    try:
        return a2b_base64(body, strict_mode=True)
    except (Base64Error, ValueError):
        raise BadRequest("The body is not valid base64.", code="invalid_base64") from None


def encode_body(body: bytes) -> tuple[str, bool]:
    """The body as a JSON string, and whether it is in base64: it is when it is not UTF-8."""
    try:
        return body.decode(), False
    except UnicodeDecodeError:
        return b2a_base64(body, newline=False).decode(), True


def read_authorizer(request_context: Event) -> Mapping[str, Any] | None:
    """The context of the API's authorizer; None without an authorizer."""
    authorizer = request_context.get("authorizer")
    # An HTTP API with format 1.0 sends nulls for a route without an authorizer.
    is_authorizer = isinstance(authorizer, dict) and any(value is not None for value in authorizer.values())
    return authorizer if is_authorizer else None


def check_unicode(*strings: str) -> None:
    """`BadRequest` for a lone surrogate: JSON can carry one, but a response in UTF-8 cannot."""
    for string in strings:
        if not string.isascii():
            try:
                string.encode()
            except UnicodeEncodeError:
                raise BadRequest("The path or the query string is not valid Unicode.", code="invalid_text") from None


def decode_path(path: str) -> str:
    """Decode the percent-encoding of a path, an escaped slash too. Bytes that are not UTF-8 become U+FFFD."""
    from urllib.parse import unquote

    return unquote(path, errors="replace")


def strip_prefix(prefix: str, path: str) -> str:
    """The path without a prefix of complete segments; unchanged when it does not start with the prefix."""
    return path[len(prefix) :] or "/" if (path + "/").startswith(prefix + "/") else path


def check_base_path(path: str) -> str:
    """Return the base path unchanged; `TypeError` for a malformed one."""
    if path and (not path.startswith("/") or path.endswith("/")):
        raise TypeError(f'base_path={path!r} must begin with a slash and end without one. Example: "/orders"')
    return path


# Header names that were seen in lower case: to compare a request's names with them takes a tenth of looking at their
# letters, which was 4 % of a warm request. Callers choose some of the names, so the set is bounded.
LOWER_NAMES: set[str] = set()
MAX_LOWER_NAMES = 200


def lower_names(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers with names in lower case; names that differ only in case are one header, joined as API Gateway does.

    RFC 9110, section 5.1: field names are case-insensitive. Names that are in lower case already join `LOWER_NAMES`.
    """
    if "".join(headers).islower():
        if len(LOWER_NAMES) + len(headers) <= MAX_LOWER_NAMES:
            LOWER_NAMES.update(headers)
        return headers
    lowered: dict[str, str] = {}
    for name, value in headers.items():
        lower = name.lower()
        separator = "; " if lower == "cookie" else ","
        lowered[lower] = f"{lowered[lower]}{separator}{value}" if lower in lowered else value
    return lowered


def is_function_url(domain: str) -> bool:
    """Whether it is the domain of a Function URL: ID.lambda-url.REGION, in AWS or in an emulator such as LocalStack."""
    labels = domain.split(".", 3)
    return len(labels) == 4 and labels[1] == "lambda-url" and labels[2].count("-") >= 2 and labels[2][-1:].isdigit()


def is_string_list(value: object) -> bool:
    """Whether the value is a list of strings."""
    return isinstance(value, list) and all(type(item) is str for item in value)


def broken_event() -> OrgError:
    """The error for an event that lacks a field, or has a field of the wrong type."""
    return OrgError("The function was invoked with a malformed event.", code="unknown_event")
