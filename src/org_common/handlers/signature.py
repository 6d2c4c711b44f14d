"""The signature of a handler, read when its route is declared. Every mistake in it is a `TypeError` then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum

# `inspect` is free: orjson loads it before, through dataclasses (alone it would take 4 ms of a cold start).
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, CO_VARARGS, CO_VARKEYWORDS
from types import UnionType
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from org_common.values.casing import camel

TYPE_CHECKING = False

if TYPE_CHECKING:
    from pydantic import BaseModel

Handler = Callable[..., Any]
NO_PROVIDERS: Mapping[type, Any] = {}

# Kinds of parameters that are bound from the request, and those that the app injects.
FROM_REQUEST = frozenset({"request", "deadline", "page", "precondition"})
FROM_APP = frozenset({"reader", "transaction", "identity"})

# Py_TPFLAGS_HEAPTYPE of CPython's object.h: set for a class that a class statement created, not for a built-in one.
_HEAP_TYPE = 1 << 9
_SCALARS = (str, int, float, Decimal, date, time, timedelta, Enum, UUID)


class Query:
    """Marks a parameter of the query string, with constraints: `Annotated[int, Query(ge=1)]`."""

    where = "query"
    alias: str | None
    """The name in the URL; by default the parameter's name in camelCase."""
    constraints: dict[str, Any]
    """pydantic's: `ge`, `gt`, `le`, `lt`, `multiple_of`, `min_length`, `max_length`, `pattern`."""

    def __init__(self, alias: str | None = None, **constraints: Any) -> None:
        self.alias = alias
        self.constraints = constraints


class Header(Query):
    """Marks a request header. Without `alias` it is the parameter's name with dashes: `x-request-id`."""

    where = "header"


class Cookie(Query):
    """Marks a cookie. Without `alias` it is the parameter's name, unchanged."""

    where = "cookie"


class Form:
    """Marks a model that is sent as a form (`application/x-www-form-urlencoded`): `Annotated[Login, Form()]`."""


class Parameter:
    """One parameter of a handler: where its value comes from, and as what type."""

    __slots__ = ("annotation", "constraints", "default", "is_list", "kind", "name", "required", "wire_name")

    name: str
    """In the handler's signature."""
    kind: str
    """"path", "query", "header", "cookie", "body", "form", "provided", or what is injected: "reader", "request", ..."""
    annotation: Any
    """The type, without our marker and, for a body, without None; of the complete list where `is_list`."""
    wire_name: str
    """In the request. Example: `orgId` for `org_id`."""
    constraints: Mapping[str, Any]
    """pydantic's, from the marker."""
    required: bool
    """Whether a request without it is an error."""
    default: Any
    """The value if the request does not have it."""
    is_list: bool
    """Whether the caller may send it more than once."""

    def __init__(
        self,
        name: str,
        kind: str,
        *,
        annotation: Any = None,
        wire_name: str = "",
        constraints: Mapping[str, Any] | None = None,
        required: bool = True,
        default: Any = None,
        is_list: bool = False,
    ) -> None:
        self.name = name
        self.kind = kind
        self.annotation = annotation
        self.wire_name = wire_name
        self.constraints = constraints or {}
        self.required = required
        self.default = default
        self.is_list = is_list


class Signature:
    """What a handler takes and returns."""

    __slots__ = ("call", "parameters", "path", "result")

    call: Handler
    """Calls the handler with the values of `parameters`, by position and in their order."""
    parameters: list[Parameter]
    """In the order of the declaration, keyword-only ones last."""
    path: list[str]
    """The names of the path's parameters, in the order of the template."""
    result: Any
    """The return annotation; None without one."""

    def __init__(self, handler: Handler, path: list[str], provided: Mapping[type, Any] = NO_PROVIDERS) -> None:
        """`TypeError` says what is wrong with the handler and how to fix it.

        Args:
            handler: A function, decorated or not.
            path: The names of the path's parameters, in the order of the template.
            provided: The types that the app injects (`App.provide`).
        """
        function = _unwrap(handler)
        code = function.__code__
        hints = _type_hints(handler)
        self.path = path
        self.result = hints.get("return")
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        defaults = _defaults(function)
        self.parameters = [_parameter(handler, name, hints, path, defaults, provided) for name in names]
        # By position saves a tenth of a warm request; a decorator may rely on keywords.
        self.call = handler if function is handler and not code.co_kwonlyargcount else _call_by_keyword(handler, names)
        missing = [name for name in path if name not in names]
        if missing:
            raise TypeError(
                f"{_describe(handler)} does not take the path parameter {missing[0]!r}: add `{missing[0]}: UUID`"
            )
        if self._count("body") + self._count("form") > 1:
            raise TypeError(f"{_describe(handler)} takes two bodies: combine them into one model")
        for kind in (*FROM_APP, *FROM_REQUEST):
            if self._count(kind) > 1:
                raise TypeError(f"{_describe(handler)} takes two parameters of the kind {kind!r}: keep one")

    def injects(self, kind: str) -> int | None:
        """The position of the parameter of this kind; None without such a parameter."""
        return next((at for at, parameter in enumerate(self.parameters) if parameter.kind == kind), None)

    @property
    def headers(self) -> list[str]:
        """The names of the request headers that the handler takes, in lower case."""
        return [parameter.wire_name for parameter in self.parameters if parameter.kind == "header"]

    def _count(self, kind: str) -> int:
        return sum(parameter.kind == kind for parameter in self.parameters)


def _call_by_keyword(handler: Handler, names: tuple[str, ...]) -> Handler:
    return lambda *values: handler(**dict(zip(names, values, strict=True)))


def _unwrap(handler: Handler) -> Any:
    """The function below its decorators, which has the signature. Checks the decorators as well."""
    function: Any = handler
    while True:
        code = getattr(function, "__code__", None)
        if code is None:
            raise TypeError(f"{handler!r} is not a function")
        if code.co_flags & (CO_COROUTINE | CO_ASYNC_GENERATOR):
            raise TypeError(
                f"{_describe(handler)} is async, but a Lambda environment serves one request at a time, so nothing "
                "else could run meanwhile. Write `def` instead of `async def`"
            )
        if code.co_flags & CO_GENERATOR:
            raise TypeError(f"{_describe(handler)} yields, but a handler returns its result: return a list or a Page")
        if not hasattr(function, "__wrapped__"):
            break
        function = function.__wrapped__
    if code.co_flags & (CO_VARARGS | CO_VARKEYWORDS):
        raise TypeError(f"{_describe(handler)} takes *args or **kwargs: name each parameter")
    if code.co_posonlyargcount:
        raise TypeError(f"{_describe(handler)} has positional-only parameters: remove the `/`")
    return function


def _type_hints(handler: Handler) -> dict[str, Any]:
    try:
        return get_type_hints(handler, include_extras=True)
    except NameError as error:
        raise TypeError(
            f"{_describe(handler)}: the annotation {error.name!r} is not defined at run time. Import it at module "
            "level, outside of `if TYPE_CHECKING:`"
        ) from error
    except (AttributeError, SyntaxError) as error:
        raise TypeError(f"{_describe(handler)}: an annotation cannot be read: {error}") from error


def _defaults(function: Any) -> dict[str, Any]:
    code = function.__code__
    positional = code.co_varnames[: code.co_argcount]
    values = function.__defaults__ or ()
    defaults = dict(zip(positional[len(positional) - len(values) :], values, strict=True))
    return {**defaults, **(function.__kwdefaults__ or {})}


def _parameter(
    handler: Handler,
    name: str,
    hints: dict[str, Any],
    path: list[str],
    defaults: dict[str, Any],
    provided: Mapping[type, Any],
) -> Parameter:
    if name not in hints:
        raise TypeError(f"{_describe(handler)}: the parameter {name!r} has no annotation. Example: `{name}: str`")
    annotation, marker = _split_marker(hints[name])
    required, default = name not in defaults, defaults.get(name)
    kind = getattr(annotation, "injected", None)
    if kind in FROM_REQUEST or kind in FROM_APP:
        return Parameter(name, kind)
    if isinstance(annotation, type) and annotation in provided:
        return Parameter(name, "provided", annotation=annotation)
    body = _without_none(annotation)
    if is_model(body) and name not in path:
        kind = "form" if isinstance(marker, Form) else "body"
        return Parameter(name, kind, annotation=body, wire_name=name, required=required, default=default)
    if isinstance(marker, Form):
        raise TypeError(
            f"{_describe(handler)}: {name!r} is marked Form() but is not a model. Example: `Annotated[Login, Form()]`"
        )
    where = "path" if name in path else marker.where if marker else "query"
    is_list = where == "query" and _is_list(annotation)
    if not is_list and not _is_scalar(annotation):
        raise TypeError(
            f"{_describe(handler)}: {name!r} cannot be bound as {annotation}. Supported are one model (the body), and "
            "a string, number, boolean, date, UUID, enum or Literal of strings, in the query string a list of these "
            "too. Register a type that the app injects before the route: app.provide(Type, factory)"
        )
    constraints = marker.constraints if marker else {}
    if where == "path":
        return Parameter(name, "path", annotation=annotation, wire_name=camel(name), constraints=constraints)
    return Parameter(
        name,
        where,
        annotation=annotation,
        wire_name=_wire_name(name, where, marker.alias if marker else None),
        constraints=constraints,
        required=required,
        default=default,
        is_list=is_list,
    )


def _wire_name(name: str, where: str, alias: str | None) -> str:
    """The name of the parameter in the request."""
    if where == "header":
        return (alias or name.replace("_", "-")).lower()
    return alias or (name if where == "cookie" else camel(name))


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, UnionType):
        members = [member for member in get_args(annotation) if member is not type(None)]
        return members[0] if len(members) == 1 else annotation
    return annotation


def _is_list(annotation: Any) -> bool:
    """Whether it is a list of scalars, or such a list or None."""
    inner = _without_none(annotation)
    if get_origin(inner) is Annotated:
        inner = get_args(inner)[0]
    return get_origin(inner) is list and _is_scalar(get_args(inner)[0])


def _is_scalar(annotation: Any) -> bool:
    """Whether a value can be converted from one string."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _is_scalar(arguments[0])
    if origin in (Union, UnionType):
        return all(member is type(None) or _is_scalar(member) for member in arguments)
    if origin is Literal:
        return all(type(value) is str for value in arguments)
    return isinstance(annotation, type) and issubclass(annotation, _SCALARS)


def _split_marker(annotation: Any) -> tuple[Any, Any]:
    """The annotation without our marker, and the marker; None without one."""
    if get_origin(annotation) is not Annotated:
        return annotation, None
    inner, *metadata = get_args(annotation)
    if any(isinstance(item, type) and issubclass(item, (Query, Form)) for item in metadata):
        raise TypeError(f"{annotation} has a marker without parentheses: write Query(), Header(), Cookie() or Form()")
    marker = next((item for item in metadata if isinstance(item, (Query, Form))), None)
    rest = tuple(item for item in metadata if item is not marker)
    return (Annotated[(inner, *rest)] if rest else inner), marker


def is_injectable(kind: object) -> bool:
    """Whether `App.provide` accepts the class: it has no other meaning in a signature."""
    return (
        isinstance(kind, type)
        and bool(kind.__flags__ & _HEAP_TYPE)
        and not issubclass(kind, _SCALARS)
        and not is_model(kind)
        and not hasattr(kind, "injected")
    )


def is_model(annotation: object) -> TypeGuard[type[BaseModel]]:
    """Whether it is a pydantic model. Does not import pydantic."""
    return isinstance(annotation, type) and hasattr(annotation, "__pydantic_fields__")


def _describe(handler: Handler) -> str:
    return f"the handler {getattr(handler, '__name__', handler)!r}"
