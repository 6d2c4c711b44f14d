"""From the result of a handler to a response: a model, a list, a page, plain JSON."""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import timedelta
from decimal import Decimal
from types import GenericAlias, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import orjson

from org_common.handlers.signature import is_injectable, is_model, is_plain_model
from org_common.http.response import JSON, NO_STORE, Response, build_response, check_headers, check_response
from org_common.values.paging import Page

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.http.request import Request

_PLAIN_ID = re.compile(rb'\{"id":"([A-Za-z0-9_~-]+)"')
_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/"
# "a" for each byte that a path holds unescaped. `translate` with bytes to delete would take twice the time.
_LETTER_IF_UNRESERVED = bytes(97 if byte in _UNRESERVED else 33 for byte in range(256))
# orjson writes none of these.
_NOT_JSON = (
    bytes,
    bytearray,
    memoryview,
    set,
    frozenset,
    AbstractSet,
    deque,
    range,
    complex,
    timedelta,
    Iterator,
    AsyncIterator,
    type,
)


class ResultWriter:
    """Turns the results of one handler into responses. The return annotation decides how, at the first use.

    A model, a list of models, a `Page` of them or anything else that contains models is written by a compiled
    serializer, under its camelCase names. Without such an annotation the value is written as plain JSON.
    """

    status: int
    """The status of a success, unless the handler returns a `Response`; None makes a 200 a 204."""

    __slots__ = ("_annotation", "_collection", "_headers", "_may_be_none", "_write", "status")

    def __init__(self, annotation: object, status: int, cache: str = NO_STORE, location: str | None = None) -> None:
        """`cache` is the value of Cache-Control: `ValueError` if a header cannot carry it.

        `location` is that of a 201, if it is not below the path of the request. Raises `TypeError` for an annotation
        whose values cannot be written as JSON, and for a location that is not valid.
        """
        if annotation not in (None, type(None)) and (not is_model(annotation) or is_plain_model(annotation)):
            _check_annotation(annotation)
        self.status = status
        self._collection = None if location is None else _collection(location, status)
        self._headers = {"content-type": JSON, "cache-control": cache}
        check_headers(self._headers)
        self._annotation = annotation
        self._may_be_none = may_be_none(annotation)
        self._write: Callable[[Any], bytes] | None = None

    def prepare(self) -> None:
        """Compile the serializer now instead of at the first response."""
        self._write = compile_writer(self._annotation)

    def render(self, value: object, request: Request) -> Response:
        """Return the response: 204 for None, and a `Response` unchanged.

        A 201 whose body has an `id` gets a `Location`: the path of the request, or the declared one, and the id.
        """
        if value is None:
            if not self._may_be_none:
                raise _mismatch(self._annotation, None)
            return Response(status=204 if self.status == 200 else self.status)
        # `isinstance` would ask a model for its class, through pydantic's attributes.
        if issubclass(type(value), Response):
            return check_response(value)
        headers = self._headers.copy()
        write = self._write
        if write is None:
            write = self._write = compile_writer(self._annotation)
        body = write(value)
        status = self.status
        if status == 201:
            path = request.sent_path
            if self._collection is not None:
                # What a gateway put in front of the path, such as a stage, stays in front.
                path = path.removesuffix(request.path) + self._collection
            location = _location(path, body)
            if location is not None:
                headers["location"] = location
        return build_response(status, headers, body)


def _collection(location: str, status: int) -> str:
    """The path that the id is appended to."""
    collection = location.removesuffix("/{id}")
    if status != 201 or collection == location or not location.startswith("/") or "{" in collection:
        raise TypeError(
            f"location={location!r} is the path of what a 201 creates, and ends with /{{id}}. "
            'Example: location="/workspaces/{id}"'
        )
    return collection


def _location(path: str, body: bytes) -> str | None:
    """The path of the created resource: that of its collection and the `id` of the body."""
    plain_id = _PLAIN_ID.match(body)
    if plain_id is not None:
        # Most paths and ids need no escaping: a tenth of the time that parsing the body takes (measured).
        location = path.removesuffix("/").encode() + b"/" + plain_id[1]
        if location.translate(_LETTER_IF_UNRESERVED).isalpha():
            return location.decode()
    if not body.startswith(b"{") or b'"id":' not in body:
        return None
    created_id = orjson.loads(body).get("id")
    # Browsers resolve "." and ".." as directories, escaped or not.
    if not isinstance(created_id, (str, int)) or created_id in ("", ".", ".."):
        return None
    from urllib.parse import quote

    return quote(path.removesuffix("/"), safe="/:@!$&'()*+,;=~") + "/" + quote(str(created_id), safe="")


def may_be_none(annotation: object) -> bool:
    """Whether a handler with this return annotation may return None. One without an annotation may."""
    return annotation in (None, Any, object) or type(None) in _union_members(annotation)


def returns_stream(annotation: object) -> bool:
    """Whether this return annotation names `Stream`."""
    return any(isinstance(kind, type) and getattr(kind, "is_stream", False) for kind in _union_members(annotation))


def idempotent_stream_error(where: str) -> TypeError:
    """The error for a stream whose route has idempotency keys."""
    from org_common.handlers.misuse import idempotent_stream_error

    return idempotent_stream_error(where)


def compile_writer(annotation: object) -> Callable[[Any], bytes]:
    """A function that writes the results of a handler with this return annotation as JSON."""
    # `render` handles None and Response itself.
    members = _union_members(annotation)
    types = [kind for kind in members if kind is not type(None) and not _is_response(kind)]
    kind = types[0] if len(types) == 1 else None
    if is_model(kind):
        from org_common.handlers.schema import model_writer

        return model_writer(kind)
    args = get_args(kind)
    if get_origin(kind) is Page:
        return _page_writer(compile_writer(GenericAlias(list, args[:1])), annotation)
    if _is_array(kind):
        item_types = _union_members(args[0])
        if len(item_types) == 1 and is_model(item_types[0]):
            from org_common.handlers.schema import list_writer

            return list_writer(item_types[0])
    if any(map(_contains_model, types)):
        from org_common.handlers.schema import union_writer

        return union_writer(types)
    return _refuse_value if annotation is type(None) else _write_any


def _page_writer(write_items: Callable[[Any], bytes], annotation: object) -> Callable[[Any], bytes]:
    def write(page: Any) -> bytes:
        if not isinstance(page, Page):
            raise _mismatch(annotation, page)
        return b'{"items":' + write_items(page.items) + b',"nextCursor":' + orjson.dumps(page.next_cursor) + b"}"

    return write


def _refuse_value(value: object) -> bytes:
    raise _mismatch(type(None), value)


def _refuse_status(value: object) -> None:
    from org_common.handlers.misuse import is_with_status

    if is_with_status(value):
        raise _mismatch(None, value)


def _mismatch(annotation: object, value: object) -> TypeError:
    from org_common.handlers.misuse import mismatch

    return mismatch(annotation, value)


def _check_annotation(annotation: object) -> None:
    """`TypeError` for a return annotation that no value can be written as."""
    found = _find_unwritable(annotation, contains_model=_contains_model(annotation))
    if found is not None:
        from org_common.handlers.misuse import result_error

        raise result_error(annotation, found)


def _find_unwritable(annotation: Any, *, contains_model: bool) -> Any:
    """The part of an annotation that is not JSON; None without one.

    pydantic writes what contains models: there, sets and keys that are not strings have a form.
    """
    for member in _union_members(annotation):
        kind: Any = get_origin(member) or member
        args = get_args(member)
        is_bytes = get_origin(member) is Literal and any(isinstance(value, bytes) for value in args)
        if kind is Callable or is_bytes:
            return member
        if not isinstance(kind, type) or issubclass(kind, Response):
            continue
        if is_model(kind):
            if is_plain_model(kind):
                return kind
            continue
        is_set = contains_model and issubclass(kind, (set, frozenset))
        if (issubclass(kind, _NOT_JSON) and not is_set) or _is_opaque(kind):
            return member
        if kind is tuple and len(args) == 2 and args[1] is int and _is_body(args[0]):
            # A body and its status, as Flask's handlers return them.
            return member
        if issubclass(kind, Mapping) and len(args) == 2 and not contains_model and not _has_keys(args[0]):
            return member
        for arg in args:
            found = _find_unwritable(arg, contains_model=contains_model)
            if found is not None:
                return found
    return None


def _is_body(annotation: Any) -> bool:
    return (get_origin(annotation) or annotation) in (dict, list, Mapping, Any) or is_model(annotation)


def _is_opaque(kind: type) -> bool:
    """Whether it is a class of the project that has no JSON form, and no subclass that may have one."""
    return (
        is_injectable(kind)
        and kind.__module__.partition(".")[0] not in ("org_common", "typing", "collections")
        and not hasattr(kind, "__dataclass_fields__")
        and not hasattr(kind, "model_dump")
        and (issubclass(kind, tuple) or not issubclass(kind, (dict, list, Iterable)))
        and not getattr(kind, "__abstractmethods__", None)
        and not getattr(kind, "_is_protocol", False)
        and (not kind.__subclasses__() or kind.__module__.partition(".")[0] in sys.stdlib_module_names)
    )


def _union_members(annotation: Any) -> list[Any]:
    """The types that a value may have: X and Y of `X | Y`, of `Annotated[X | Y, ...]` and of a type alias."""
    if get_origin(annotation) is Annotated:
        return _union_members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [kind for member in get_args(annotation) for kind in _union_members(member)]
    # `type X = ...`, from Python 3.12 on.
    return _union_members(annotation.__value__) if hasattr(annotation, "__value__") else [annotation]


def _is_response(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Response)


def _is_array(kind: object) -> bool:
    """Whether all items have one type: `list[X]`, `Sequence[X]`, `tuple[X, ...]`."""
    origin, args = get_origin(kind), get_args(kind)
    return isinstance(origin, type) and issubclass(origin, Iterable) and (len(args) == 1 or args[1:] == (Ellipsis,))


def _contains_model(annotation: object) -> bool:
    return any(is_model(kind) or any(map(_contains_model, get_args(kind))) for kind in _union_members(annotation))


def _has_keys(annotation: Any) -> bool:
    """Whether plain JSON has keys of this type: strings."""
    return any(
        kind in (str, Any, object)
        or isinstance(kind, TypeVar)
        or (get_origin(kind) is Literal and all(type(value) is str for value in get_args(kind)))
        for kind in _union_members(annotation)
    )


def _write_any(value: object) -> bytes:
    if type(value) is tuple and len(value) == 2 and type(value[1]) is int:
        # As an array, a body and its status would be sent with status 200.
        _refuse_status(value)
    if isinstance(value, Page):
        value = {"items": value.items, "nextCursor": value.next_cursor}
    return orjson.dumps(value, default=_to_json_type, option=orjson.OPT_UTC_Z)


def _to_json_type(value: object) -> object:
    """A value that orjson does not support, as one that it does."""
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(mode="json", by_alias=True, warnings="error")
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(
        f"the handler returned a {type(value).__name__}, which cannot be written as JSON: return a model, a dict, a "
        "list or a Response"
    )
