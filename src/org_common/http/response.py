"""What goes back: a result as JSON bytes, an error as a problem."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, get_args, get_origin

import orjson

from org_common.errors import OrgError
from org_common.http.signature import is_model
from org_common.paging import Page

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.http.request import Request

JSON = "application/json"
PROBLEM = "application/problem+json"
_UNRESERVED = re.compile(r"[A-Za-z0-9/._~-]*")
# An answer about one tenant's rows is nobody else's to keep.
_JSON_HEADERS = {"content-type": JSON, "cache-control": "no-store"}
_PROBLEM_HEADERS = {"content-type": PROBLEM, "cache-control": "no-store"}


class Response:
    """A whole answer, for a handler that needs a status, headers or a body of its own. Header names are lower case."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, body: bytes = b"", *, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.body = body
        self.status = status
        self.headers = {name.lower(): value for name, value in (headers or {}).items()}


class Result:
    """How the results of one handler become responses, decided from its return annotation at first use.

    A model, a list of models or a `Page` of them is written by its own compiled serializer, under its camelCase
    names. Without an annotation that says so, the value is written as it is.
    """

    __slots__ = ("_annotation", "_write", "status")

    def __init__(self, annotation: object, status: int) -> None:
        self.status = status
        self._annotation = annotation
        self._write: Callable[[Any], bytes] | None = None

    def render(self, value: object, request: Request) -> Response:
        """`None` is 204. A 201 of something with an `id` points to it: `Location` is the request's path and the id."""
        if value is None:
            return Response(status=204 if self.status == 200 else self.status)
        if isinstance(value, Response):
            if type(value.body) is not bytes:
                raise TypeError(f"the body of a Response is bytes, not {type(value.body).__name__}")
            return value
        headers = _JSON_HEADERS.copy()
        if self.status == 201:
            created = value.get("id") if isinstance(value, dict) else getattr(value, "id", None)
            if created is not None:
                headers["location"] = _location(request.sent_path, created)
        write = self._write
        if write is None:
            write = self._write = _writer(self._annotation)
        return _made(self.status, headers, write(value))


def problem(error: OrgError, request_id: str) -> Response:
    """The error as RFC 9457 problem details. `instance` is the request's id, by which the log is found."""
    body: dict[str, Any] = {
        "type": "about:blank",
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
    return _made(error.status, headers, orjson.dumps(body))


def _made(status: int, headers: dict[str, str], body: bytes) -> Response:
    # Past `__init__`, which copies the headers: these are ours already.
    response = Response.__new__(Response)
    response.status = status
    response.headers = headers
    response.body = body
    return response


def _location(path: str, created: object) -> str:
    plain = f"{path.rstrip('/')}/{created}"
    # Ids and slugs, nearly all there is, need no escapes; quoting them would cost more than the JSON.
    if _UNRESERVED.fullmatch(plain) and "/" not in str(created):
        return plain
    from urllib.parse import quote

    return quote(path.rstrip("/"), safe="/:@!$&'()*+,;=~") + "/" + quote(str(created), safe="")


def _writer(annotation: object) -> Callable[[Any], bytes]:
    if is_model(annotation):
        from org_common.http.schema import model_writer

        return model_writer(annotation)
    origin, args = get_origin(annotation), get_args(annotation)
    if type(None) in args and len(args) == 2:
        # `Org | None`: None never comes here, it is 204.
        return _writer(args[0] if args[1] is type(None) else args[1])
    if len(args) == 1 and is_model(args[0]):
        from org_common.http.schema import list_writer

        if origin is list:
            return list_writer(args[0])
        if origin is Page:
            write_items = list_writer(args[0])
            return lambda page: (
                b'{"items":' + write_items(page.items) + b',"nextCursor":' + orjson.dumps(page.next_cursor) + b"}"
            )
    return _write_any


def _write_any(value: object) -> bytes:
    if isinstance(value, Page):
        value = {"items": value.items, "nextCursor": value.next_cursor}
    return orjson.dumps(value, default=_plain, option=orjson.OPT_UTC_Z)


def _plain(value: object) -> object:
    """What orjson asks for when it meets a value that it does not know."""
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(mode="json", by_alias=True)
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"a handler answered a {type(value).__name__}, which is no JSON")
