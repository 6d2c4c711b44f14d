"""What goes back: a result as JSON bytes, an error as a problem."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import orjson

from org_common.values.errors import OrgError

JSON = "application/json"
PROBLEM = "application/problem+json"
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\0-\x08\x0a-\x1f\x7f]")
# An answer about one tenant's rows is nobody else's to keep.
NO_STORE = "no-store"
_PROBLEM_HEADERS = {"content-type": PROBLEM, "cache-control": NO_STORE}


class Response:
    """A whole answer, for a handler that needs a status, headers or a body of its own. Header names are lower case.

    `ValueError` for a header that cannot be sent: with a line break, or with letters beyond Latin-1. `cookies` are
    whole `Set-Cookie` values; `set_cookie` makes one that is safe.
    """

    __slots__ = ("body", "cookies", "headers", "is_ours", "status")

    def __init__(
        self,
        body: bytes = b"",
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        cookies: Iterable[str] = (),
    ) -> None:
        self.body = body
        self.status = status
        self.headers = {name.lower(): value for name, value in (headers or {}).items()}
        self.cookies = tuple(cookies)
        # Here too, and not only in `checked`: the traceback leads to whoever wrote it.
        check_headers(self.headers, self.cookies)
        # No handler and no middleware holds it, so the last step may change it.
        self.is_ours = False

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
        """Add a cookie: out of scripts' reach and over TLS only, unless said otherwise. `max_age_s=0` removes it.

        `ValueError` for what would break out of the header, or what browsers refuse.
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


def problem(error: OrgError, request_id: str, types: str | None = None) -> Response:
    """The error as RFC 9457 problem details. `instance` is the request's id, by which the log is found.

    `types` is what the codes are appended to for `type`. Without it that is "about:blank", which says that the
    status tells what kind of problem it is (section 4.2.1); `code` says which.
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
    return made(error.status, headers, orjson.dumps(body))


def checked(response: object) -> Response:
    """A response that can be sent; `TypeError` for another one, and for what is no response."""
    if not isinstance(response, Response):
        raise TypeError(f"a Response was due, and there came a {type(response).__name__}")
    if type(response.body) is not bytes:
        raise TypeError(f"the body of a Response is bytes, not {type(response.body).__name__}")
    check_headers(response.headers, response.cookies)
    return response


def check_headers(headers: Mapping[str, str], cookies: Iterable[str] = ()) -> None:
    """`ValueError` for what no header can carry, `TypeError` for what is no text."""
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name for a header: letters, digits and !#$%&'*+.^_`|~- make one")
        _check_value(name, value)
    for cookie in cookies:
        _check_value("set-cookie", cookie)


def sendable(error: Exception) -> Exception:
    """The error, or what is wrong with its headers."""
    if isinstance(error, OrgError):
        try:
            check_headers(error.headers)
        except (TypeError, ValueError) as fault:
            return fault
    return error


def _check_value(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"the header {name!r} is a text, not {type(value).__name__}")
    if _CONTROL.search(value):
        # Where it ends the header, what follows would be the caller's own headers.
        raise ValueError(f"the header {name!r} has a line break or another control character in it")
    if not value.isascii() and max(value) > "\xff":
        raise ValueError(
            f"the header {name!r} has letters beyond Latin-1, and cannot be sent: encode them with urllib.parse.quote. "
            "The name of a file as RFC 8187 has it: attachment; filename*=UTF-8''%C5%81.pdf"
        )


def made(status: int, headers: dict[str, str], body: bytes, cookies: tuple[str, ...] = ()) -> Response:
    # Past `__init__`, which copies the headers: these are ours already.
    response = Response.__new__(Response)
    response.status = status
    response.headers = headers
    response.body = body
    response.cookies = cookies
    response.is_ours = True
    return response


def copied(response: Response) -> Response:
    """Apart from the one that a handler or a middleware holds, and may answer again.

    Without its Content-Length: of the body that goes out, whoever sends it tells the length.
    """
    headers = {name.lower(): value for name, value in response.headers.items()}
    headers.pop("content-length", None)
    return made(response.status, headers, response.body, response.cookies)


def shared(response: Response) -> Response:
    """For a middleware: it may change it, which is not to reach what a handler keeps; or keep it."""
    if not response.is_ours:
        response = copied(response)
    response.is_ours = False
    return response
