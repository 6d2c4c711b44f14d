"""What goes back: a result as JSON bytes, an error as a problem."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import orjson

from org_common.handlers.signature import is_model
from org_common.values.errors import OrgError
from org_common.values.paging import Page

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.http.request import Request

JSON = "application/json"
PROBLEM = "application/problem+json"
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\0-\x08\x0a-\x1f\x7f]")
_PLAIN_ID = re.compile(rb'\{"id":"([A-Za-z0-9_~-]+)"')
_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/"
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
        from org_common.http.cookies import cookie

        self.cookies = (
            *self.cookies,
            cookie(
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


class Result:
    """How the results of one handler become responses, decided from its return annotation at first use.

    A model, a list of models or a `Page` of them is written by its own compiled serializer, under its camelCase
    names, and so is what else holds models. Without an annotation that says so, the value is written as it is.
    """

    __slots__ = ("_annotation", "_headers", "_write", "status")

    def __init__(self, annotation: object, status: int, cache: str = NO_STORE) -> None:
        self.status = status
        self._headers = {"content-type": JSON, "cache-control": cache}
        check_headers(self._headers)
        self._annotation = annotation
        self._write: Callable[[Any], bytes] | None = None

    def prepare(self) -> None:
        """Compile the serializer now, and not at the first answer."""
        self._write = _writer(self._annotation)

    def render(self, value: object, request: Request) -> Response:
        """`None` is 204. A 201 of something with an `id` points to it: `Location` is the request's path and the id."""
        if value is None:
            return Response(status=204 if self.status == 200 else self.status)
        if isinstance(value, Response):
            return checked(value)
        headers = self._headers.copy()
        write = self._write
        if write is None:
            write = self._write = _writer(self._annotation)
        body = write(value)
        status = self.status
        if status == 201:
            location = _location(request.sent_path, body)
            if location is not None:
                headers["location"] = location
        return made(status, headers, body)


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


def _location(path: str, body: bytes) -> str | None:
    """The path of what was created: below the request's, by the `id` that the body tells."""
    plain = _PLAIN_ID.match(body)
    if plain is not None:
        # The usual one needs no quoting: a fifth of the time that reading the body takes (measured).
        location = path.removesuffix("/").encode() + b"/" + plain[1]
        if not location.translate(None, _UNRESERVED):
            return location.decode()
    if not body.startswith(b"{") or b'"id":' not in body:
        return None
    told = orjson.loads(body).get("id")
    # A browser takes "." and ".." for directories, quoted or not.
    if not isinstance(told, (str, int)) or told in ("", ".", ".."):
        return None
    from urllib.parse import quote

    return quote(path.removesuffix("/"), safe="/:@!$&'()*+,;=~") + "/" + quote(str(told), safe="")


def _writer(annotation: object) -> Callable[[Any], bytes]:
    # None never comes here, it is 204, and neither does a Response.
    kinds = [kind for kind in _kinds(annotation) if kind is not type(None) and not _is_response(kind)]
    kind = kinds[0] if len(kinds) == 1 else None
    if is_model(kind):
        from org_common.handlers.schema import model_writer

        return model_writer(kind)
    args = get_args(kind)
    if get_origin(kind) is Page:
        write_items = _writer(list.__class_getitem__(args[0]))
        return lambda page: (
            b'{"items":' + write_items(page.items) + b',"nextCursor":' + orjson.dumps(page.next_cursor) + b"}"
        )
    if _is_array(kind):
        items = _kinds(args[0])
        if len(items) == 1 and is_model(items[0]):
            from org_common.handlers.schema import list_writer

            return list_writer(items[0])
    if any(_holds_model(each) for each in kinds):
        from org_common.handlers.schema import writer

        return writer(kinds)
    return _write_any


def _kinds(annotation: Any) -> list[Any]:
    """What a value may be: X of `X | Y`, of `Annotated[X, ...]` and of an alias."""
    if get_origin(annotation) is Annotated:
        return _kinds(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [kind for each in get_args(annotation) for kind in _kinds(each)]
    # `type X = ...`, from Python 3.12 on.
    return _kinds(annotation.__value__) if hasattr(annotation, "__value__") else [annotation]


def _is_response(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Response)


def _is_array(kind: object) -> bool:
    """`list[X]`, `Sequence[X]`, `tuple[X, ...]`: all items are of one kind."""
    origin, args = get_origin(kind), get_args(kind)
    return isinstance(origin, type) and issubclass(origin, Iterable) and (len(args) == 1 or args[1:] == (Ellipsis,))


def _holds_model(annotation: object) -> bool:
    return any(is_model(kind) or any(map(_holds_model, get_args(kind))) for kind in _kinds(annotation))


def _write_any(value: object) -> bytes:
    if isinstance(value, Page):
        value = {"items": value.items, "nextCursor": value.next_cursor}
    return orjson.dumps(value, default=_plain, option=orjson.OPT_UTC_Z)


def _plain(value: object) -> object:
    """What orjson asks for when it meets a value that it does not know."""
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(mode="json", by_alias=True, warnings="error")
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"a handler answered a {type(value).__name__}, which is no JSON")
