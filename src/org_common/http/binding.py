"""From a request to the arguments of a handler, by the annotations of its parameters.

The signature is read once, when the route is declared, and every fault in it is a `TypeError` there. Validators are
compiled when the route is first hit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeGuard, get_args, get_origin, get_type_hints

import orjson

from org_common.errors import BadRequest, Fault, PayloadTooLarge, Unprocessable, UnsupportedMediaType
from org_common.http.request import Request
from org_common.paging import DEFAULT_LIMIT, MAX_LIMIT, PageRequest

TYPE_CHECKING = False

if TYPE_CHECKING:
    from pydantic import BaseModel

Handler = Callable[..., Any]
# Reads one argument; appends to the faults instead of raising, so that all of them are told at once.
Read = Callable[[Request, list[str], dict[str, list[str]], list[Fault]], Any]

BODY_LIMIT_BYTES = 1024 * 1024
MAX_FAULTS = 50
MAX_PARAMETERS = 100

_COROUTINE, _ASYNC_GENERATOR, _VARARGS, _VARKEYWORDS = 0x80, 0x200, 0x04, 0x08
# Bound from the request itself; "reader" and "transaction" are the app's to give.
_FROM_REQUEST = frozenset({"request", "deadline", "identity", "page"})
_FROM_APP = frozenset({"reader", "transaction"})


class Query:
    """Marks a parameter of the query string, with constraints: `Annotated[int, Query(ge=1)]`.

    `alias` is its name in the URL, by default the camelCase of the parameter's. Constraints are pydantic's:
    `ge`, `gt`, `le`, `lt`, `multiple_of`, `min_length`, `max_length`, `pattern`.
    """

    where = "query"

    def __init__(self, alias: str | None = None, **constraints: Any) -> None:
        self.alias = alias
        self.constraints = constraints


class Header(Query):
    """Marks a header, by default the parameter's name with dashes: `x_request_id` is `x-request-id`."""

    where = "header"


class Parameter:
    """One parameter of a handler: where its value comes from, and as what type."""

    __slots__ = ("annotation", "constraints", "default", "kind", "name", "outside", "required")

    def __init__(
        self,
        name: str,
        kind: str,
        *,
        annotation: Any = None,
        outside: str = "",
        constraints: Mapping[str, Any] | None = None,
        required: bool = True,
        default: Any = None,
    ) -> None:
        self.name = name
        # "path", "query", "header", "body", or what is injected: "reader", "request" …
        self.kind = kind
        self.annotation = annotation
        self.outside = outside
        self.constraints: Mapping[str, Any] = constraints or {}
        self.required = required
        self.default = default


class Signature:
    """What a handler asks for and what it answers."""

    __slots__ = ("_bind", "parameters", "path", "result")

    def __init__(self, handler: Handler, path: list[str]) -> None:
        """`TypeError` says what is wrong with the handler and how to mend it.

        `path`: the template's parameters, in order.
        """
        code = _code(handler)
        hints = _hints(handler)
        self.path = path
        self.result = hints.get("return")
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        defaults = _defaults(handler, code)
        self.parameters = [_parameter(handler, name, hints, path, defaults) for name in names]
        missing = [name for name in path if name not in names]
        if missing:
            raise TypeError(
                f"{_named(handler)} does not take the path's parameter {missing[0]!r}: add `{missing[0]}: UUID`"
            )
        if sum(parameter.kind == "body" for parameter in self.parameters) > 1:
            raise TypeError(f"{_named(handler)} takes two bodies: put them into one model")
        self._bind: Callable[[Request, list[str]], dict[str, Any]] | None = None

    def injects(self, kind: str) -> str | None:
        """The name of the parameter that takes this kind, None when no parameter does."""
        return next((parameter.name for parameter in self.parameters if parameter.kind == kind), None)

    def bind(self, request: Request, values: list[str]) -> dict[str, Any]:
        """The arguments that come from the request. `values` are the path's, in order.

        `Unprocessable` with every fault at once; `BadRequest`, `UnsupportedMediaType` or `PayloadTooLarge` for a body
        that cannot be read at all.
        """
        bind = self._bind
        if bind is None:
            bind = self._bind = self._compiled()
        return bind(request, values)

    def _compiled(self) -> Callable[[Request, list[str]], dict[str, Any]]:
        reads = [
            (parameter.name, _reader(parameter, self.path))
            for parameter in self.parameters
            if parameter.kind not in _FROM_APP and parameter.kind != "identity"
        ]
        known = {parameter.outside for parameter in self.parameters if parameter.kind == "query"}
        if self.injects("page"):
            known |= {"limit", "cursor"}

        def bind(request: Request, values: list[str]) -> dict[str, Any]:
            faults: list[Fault] = []
            text = request.query
            query = _query(text, known, faults) if text else {}
            arguments: dict[str, Any] = {}
            for name, read in reads:
                arguments[name] = read(request, values, query, faults)
            if faults:
                raise Unprocessable(errors=faults[:MAX_FAULTS])
            return arguments

        return bind


def camel(name: str) -> str:
    """`org_id` as it is called outside: `orgId`."""
    first, *rest = name.split("_")
    return first + "".join([part.capitalize() for part in rest])


def _code(handler: Handler) -> Any:
    inner: Any = handler
    while hasattr(inner, "__wrapped__"):
        inner = inner.__wrapped__
    code = getattr(inner, "__code__", None)
    if code is None:
        raise TypeError(f"{handler!r} is not a function")
    flags = code.co_flags
    if flags & (_COROUTINE | _ASYNC_GENERATOR):
        raise TypeError(
            f"{_named(handler)} is async: a Lambda environment serves one request at a time, so there is nothing "
            "to wait for meanwhile. Write `def` instead of `async def`"
        )
    if flags & (_VARARGS | _VARKEYWORDS):
        raise TypeError(f"{_named(handler)} takes *args or **kwargs: name each parameter, so that it can be bound")
    return code


def _hints(handler: Handler) -> dict[str, Any]:
    try:
        return get_type_hints(handler, include_extras=True)
    except NameError as error:
        raise TypeError(
            f"{_named(handler)}: the annotation {error.name!r} is not known at run time. Import it at module level, "
            "outside of `if TYPE_CHECKING:`"
        ) from error


def _defaults(handler: Handler, code: Any) -> dict[str, Any]:
    positional = code.co_varnames[: code.co_argcount]
    values = getattr(handler, "__defaults__", None) or ()
    named = dict(zip(positional[len(positional) - len(values) :], values, strict=True))
    return {**named, **(getattr(handler, "__kwdefaults__", None) or {})}


def _parameter(
    handler: Handler, name: str, hints: dict[str, Any], path: list[str], defaults: dict[str, Any]
) -> Parameter:
    if name not in hints:
        raise TypeError(f"{_named(handler)}: the parameter {name!r} has no annotation. Example: `{name}: str`")
    annotation, marker = _unmarked(hints[name])
    required, default = name not in defaults, defaults.get(name)
    kind = getattr(annotation, "injected", None)
    if kind in _FROM_REQUEST or kind in _FROM_APP:
        return Parameter(name, kind)
    if name in path:
        return Parameter(name, "path", annotation=annotation, outside=camel(name))
    if is_model(annotation):
        return Parameter(name, "body", annotation=annotation, outside=name, required=required, default=default)
    if isinstance(marker, Header):
        outside = marker.alias or name.replace("_", "-")
        return Parameter(
            name,
            "header",
            annotation=annotation,
            outside=outside.lower(),
            constraints=marker.constraints,
            required=required,
            default=default,
        )
    alias, constraints = (marker.alias, marker.constraints) if marker else (None, None)
    return Parameter(
        name,
        "query",
        annotation=annotation,
        outside=alias or camel(name),
        constraints=constraints,
        required=required,
        default=default,
    )


def _unmarked(annotation: Any) -> tuple[Any, Query | None]:
    """The annotation without our marker, and the marker."""
    if get_origin(annotation) is not Annotated:
        return annotation, None
    inner, *metadata = get_args(annotation)
    marker = next((each for each in metadata if isinstance(each, Query)), None)
    rest = tuple(each for each in metadata if each is not marker)
    return (Annotated[(inner, *rest)] if rest else inner), marker


def is_model(annotation: object) -> TypeGuard[type[BaseModel]]:
    """A pydantic model, told without importing pydantic."""
    return isinstance(annotation, type) and hasattr(annotation, "__pydantic_fields__")


def _reader(parameter: Parameter, path: list[str]) -> Read:
    kind = parameter.kind
    if kind == "request":
        return lambda request, values, query, faults: request
    if kind == "deadline":
        return lambda request, values, query, faults: request.deadline
    if kind == "page":
        return _page
    if kind == "body":
        return _body_reader(parameter)
    from org_common.http.schema import scalar

    parse = scalar(parameter.annotation, parameter.constraints)
    if kind == "path":
        at, name = path.index(parameter.name), parameter.outside
        return lambda request, values, query, faults: parse(values[at], "path", name, faults)
    if kind == "header":
        return _header_reader(parameter, parse)
    return _query_reader(parameter, parse)


def _header_reader(parameter: Parameter, parse: Callable[..., Any]) -> Read:
    name, required, default = parameter.outside, parameter.required, parameter.default

    def read(request: Request, values: list[str], query: dict[str, list[str]], faults: list[Fault]) -> Any:
        text = request.headers.get(name)
        if text is not None:
            return parse(text, "header", name, faults)
        if required:
            faults.append(Fault("header", f"#/{name}", "This header is required.", "missing"))
        return default

    return read


def _query_reader(parameter: Parameter, parse: Callable[..., Any]) -> Read:
    name, required, default = parameter.outside, parameter.required, parameter.default

    def read(request: Request, values: list[str], query: dict[str, list[str]], faults: list[Fault]) -> Any:
        given = query.get(name)
        if given is not None:
            return parse(_once(given, name, faults), "query", name, faults)
        if required:
            faults.append(Fault("query", f"#/{name}", "This parameter is required.", "missing"))
        return default

    return read


def _body_reader(parameter: Parameter) -> Read:
    from org_common.http.schema import body

    parse = body(parameter.annotation)
    required, default = parameter.required, parameter.default

    def read(request: Request, values: list[str], query: dict[str, list[str]], faults: list[Fault]) -> Any:
        sent = request.body
        if not sent:
            if required:
                raise BadRequest("A JSON body is required.", code="missing_body")
            return default
        content_type = request.headers.get("content-type", "application/json")
        if content_type != "application/json" and not _is_json(content_type):
            raise UnsupportedMediaType
        if len(sent) > BODY_LIMIT_BYTES:
            raise PayloadTooLarge(f"The body has {len(sent)} bytes, and {BODY_LIMIT_BYTES} are allowed.")
        return parse(sent, faults)

    return read


def _is_json(content_type: str) -> bool:
    """`application/json` or `application/…+json`, whatever its parameters and case."""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))


def _query(text: str, known: set[str], faults: list[Fault]) -> dict[str, list[str]]:
    """The values of each parameter, decoded."""
    if text.count("&") >= MAX_PARAMETERS:
        raise BadRequest("The query string has too many parameters.", code="invalid_query")
    query: dict[str, list[str]] = {}
    # Most hold no escapes, and are read without urllib: 1 instead of 5 us.
    decode = _decode if "%" in text or "+" in text else None
    for pair in text.split("&"):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        if decode is not None:
            name, value = decode(name), decode(value)
        given = query.get(name)
        if given is not None:
            given.append(value)
            continue
        query[name] = [value]
        if name not in known:
            # A filter with a misspelt name that were dropped in silence would answer every row.
            faults.append(Fault("query", f"#/{_escaped(name)}", "There is no such parameter.", "unknown_parameter"))
    return query


def _decode(text: str) -> str:
    from urllib.parse import unquote_plus

    return unquote_plus(text, errors="replace")


def _page(request: Request, values: list[str], query: dict[str, list[str]], faults: list[Fault]) -> PageRequest:
    limit, cursor = DEFAULT_LIMIT, None
    if "limit" in query:
        text = _once(query["limit"], "limit", faults)
        limit = int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else 0
        if not 1 <= limit <= MAX_LIMIT:
            faults.append(Fault("query", "#/limit", f"This must be a number from 1 to {MAX_LIMIT}.", "out_of_range"))
    if "cursor" in query:
        cursor = _once(query["cursor"], "cursor", faults)
    filters = sorted((name, value) for name, value in query.items() if name not in ("limit", "cursor"))
    scope = orjson.dumps([request.method, request.path, filters]).decode()
    return PageRequest(limit=limit, cursor=cursor, scope=scope)


def _once(given: list[str], name: str, faults: list[Fault]) -> str:
    if len(given) > 1:
        faults.append(Fault("query", f"#/{name}", "This parameter is given more than once.", "repeated"))
    return given[0]


def _escaped(name: str) -> str:
    """A member name in a JSON pointer (RFC 6901), as a URI fragment."""
    from urllib.parse import quote

    return quote(name.replace("~", "~0").replace("/", "~1"), errors="replace")


def _named(handler: Handler) -> str:
    return f"the handler {getattr(handler, '__name__', handler)!r}"
