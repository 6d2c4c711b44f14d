"""Responses: a handler's own, and an error as RFC 9457 problem details."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

import orjson

from org_common.values.errors import OrgError

JSON = "application/json"
PROBLEM = "application/problem+json"
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\0-\x08\x0a-\x1f\x7f]")
# A response about one tenant's rows must not be stored by shared caches.
NO_STORE = "no-store"
_PROBLEM_HEADERS = {"content-type": PROBLEM, "cache-control": NO_STORE}


class Response:
    """A complete response, for a handler that sets a status, headers or a body itself."""

    __slots__ = ("body", "cookies", "headers", "status")
    is_stream: ClassVar[bool] = False

    body: bytes
    """The body as it is sent, unless it is compressed."""
    status: int
    """The HTTP status code."""
    headers: dict[str, str]
    """Names in lower case."""
    cookies: tuple[str, ...]
    """Complete values of `Set-Cookie`; `set_cookie` adds one that is safe."""

    def __init__(
        self,
        body: bytes = b"",
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        cookies: Iterable[str] = (),
    ) -> None:
        """Raises `ValueError` for a header with a line break or with characters beyond Latin-1."""
        self.body = body
        self.status = status
        self.headers = {name.lower(): value for name, value in (headers or {}).items()}
        self.cookies = tuple(cookies)
        # Checked here as well as in `check_response`, so that the traceback shows the code that wrote the header.
        check_headers(self.headers, self.cookies)

    def set_cookie(
        self,
        name: str,
        value: str,
        *,
        max_age_s: int | None = None,
        path: str = "/",
        domain: str | None = None,
        secure: bool = True,
        http_only: bool = True,
        same_site: Literal["strict", "lax", "none"] = "lax",
    ) -> None:
        """Add a cookie, by default `HttpOnly`, `Secure` and `SameSite=Lax`. `max_age_s=0` removes it.

        Raises `ValueError` for a value that would break out of the header, or that browsers refuse.
        """
        from org_common.http.cookies import format_cookie

        self.cookies = (
            *self.cookies,
            format_cookie(
                name,
                value,
                max_age_s=max_age_s,
                path=path,
                domain=domain,
                secure=secure,
                http_only=http_only,
                same_site=same_site,
            ),
        )


class OwnedResponse(Response):
    """A response that only the pipeline holds, so that its last step may change it in place."""

    __slots__ = ("is_finished",)

    is_finished: bool
    """Tags, codings and headers are applied already."""


def problem(error: OrgError, request_id: str, types: str | None = None) -> OwnedResponse:
    """The error as RFC 9457 problem details. `instance` holds the request id, which finds the log lines.

    `types` is the URL that the error's code is appended to for `type`. Without it `type` is "about:blank": the status
    alone says which kind of problem it is (section 4.2.1), and `code` says which one.
    """
    body: dict[str, Any] = {
        "type": "about:blank" if types is None else types + error.code,
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "instance": f"urn:request:{request_id}",
        "code": error.code,
    }
    if error.errors:
        body["errors"] = [fault.as_dict() for fault in error.errors]
    headers = _PROBLEM_HEADERS.copy()
    for name, value in error.headers.items():
        headers[name.lower()] = value
    return build_response(error.status, headers, orjson.dumps(body))


def check_response(response: object) -> Response:
    """The response, if it can be sent. Raises `TypeError` for another type or body, `ValueError` for a header."""
    if not isinstance(response, Response):
        raise TypeError(f"expected a Response, got {type(response).__name__}")
    if type(response.body) is not bytes:
        raise TypeError(f"expected bytes as the body of a Response, got {type(response.body).__name__}")
    check_headers(response.headers, response.cookies)
    return response


def check_headers(headers: Mapping[str, str], cookies: Iterable[str] = ()) -> None:
    """Raises `ValueError` for a name or value that is invalid in a header, `TypeError` for a value of another type."""
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a valid header name: use letters, digits and !#$%&'*+.^_`|~-")
        _check_value(name, value)
    for cookie in cookies:
        _check_value("set-cookie", cookie)


def error_or_header_error(error: Exception) -> Exception:
    """The error itself; when its headers cannot be sent, the error that says so."""
    if isinstance(error, OrgError):
        try:
            check_headers(error.headers)
        except (TypeError, ValueError) as header_error:
            return header_error
    return error


def _check_value(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"expected a string as the value of header {name!r}, got {type(value).__name__}")
    if _CONTROL.search(value):
        # A line break would end the header, and let a caller's input add headers.
        raise ValueError(f"the value of header {name!r} contains a line break or another control character")
    if not value.isascii() and max(value) > "\xff":
        raise ValueError(
            f"the value of header {name!r} contains characters beyond Latin-1: encode them with urllib.parse.quote. "
            "A file name is encoded as in RFC 8187: attachment; filename*=UTF-8''%C5%81.pdf"
        )


def build_response(status: int, headers: dict[str, str], body: bytes, cookies: tuple[str, ...] = ()) -> OwnedResponse:
    """A response of the pipeline, which keeps these headers without a copy."""
    # Without `__init__`, which copies and checks the headers.
    response = OwnedResponse.__new__(OwnedResponse)
    response.status = status
    response.headers = headers
    response.body = body
    response.cookies = cookies
    response.is_finished = False
    return response


def private_copy(response: Response) -> OwnedResponse:
    """A copy for the pipeline of a response that a handler or a middleware holds, and may return again.

    Without Content-Length: the sender computes it from the body that goes out.
    """
    headers = {name.lower(): value for name, value in response.headers.items()}
    headers.pop("content-length", None)
    return build_response(response.status, headers, response.body, response.cookies)


def release_to_middleware(response: Response) -> Response:
    """The response for a middleware, which may change or keep it: a copy, so that no other request sees the change.

    A stream is of one request anyway, and is handed over as it is.
    """
    if response.is_stream:
        return response
    headers = {name.lower(): value for name, value in response.headers.items()}
    headers.pop("content-length", None)
    return Response(response.body, status=response.status, headers=headers, cookies=response.cookies)
