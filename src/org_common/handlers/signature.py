"""The signature of a handler, read when its route is declared. Every mistake in it is a `TypeError` then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum

# `inspect` is free: orjson loads it before, through dataclasses (alone it would take 4 ms of a cold start).
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, CO_VARARGS, CO_VARKEYWORDS
from types import UnionType
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from org_common.handlers.markers import Form, Query
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
_PLAIN_DEFAULTS = frozenset({str, int, float, bool, type(None)})
_SCALARS = (str, int, float, Decimal, date, time, timedelta, Enum, UUID)
# Of a subclass pydantic has no schema: its route would respond with 500 to every request.
_SCALAR_TYPES = frozenset({str, int, float, bool, Decimal, date, datetime, time, timedelta, UUID})


class Later(dict[type, Any]):
    """The factories of a router. The app that includes it may provide the types that it lacks."""


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
        by_keyword = lambda *values: handler(**dict(zip(names, values, strict=True)))  # noqa: E731 - of one line
        # By position saves a tenth of a warm request; a decorator may rely on keywords.
        self.call = handler if function is handler and not code.co_kwonlyargcount else by_keyword
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
        self._check_names(handler)

    def injects(self, kind: str) -> int | None:
        """The position of the parameter of this kind; None without such a parameter."""
        return next((at for at, parameter in enumerate(self.parameters) if parameter.kind == kind), None)

    def _check_names(self, handler: Handler) -> None:
        """Refuse two parameters of one name in the request: `org_id` and `orgId`, or `limit` next to a page's."""
        named = [each for each in self.parameters if each.kind in ("path", "query", "header", "cookie")]
        names = [(each.kind, each.wire_name) for each in named]
        names += [("query", name) for name in ("limit", "cursor") if self._count("page")]
        if len(set(names)) < len(names):
            from org_common.handlers.misuse import collision_error

            raise collision_error(_describe(handler), [each.name for each in named], names)

    @property
    def headers(self) -> list[str]:
        """The names of the request headers that the handler takes, in lower case."""
        return [parameter.wire_name for parameter in self.parameters if parameter.kind == "header"]

    def _count(self, kind: str) -> int:
        return sum(parameter.kind == kind for parameter in self.parameters)


def _unwrap(handler: Handler) -> Any:
    """The function below its decorators, which has the signature. Checks the decorators as well."""
    function: Any = handler
    while True:
        code = getattr(function, "__code__", None)
        if code is None:
            raise TypeError(f"{handler!r} is not a function")
        if code.co_flags & (CO_COROUTINE | CO_ASYNC_GENERATOR | CO_GENERATOR):
            from org_common.handlers.misuse import not_plain_error

            raise not_plain_error(_describe(handler), is_async=not code.co_flags & CO_GENERATOR)
        if not hasattr(function, "__wrapped__"):
            break
        function = function.__wrapped__
    if code.co_flags & (CO_VARARGS | CO_VARKEYWORDS):
        raise TypeError(f"{_describe(handler)} takes *args or **kwargs: name each parameter")
    if getattr(function, "__self__", None) is not None:
        raise TypeError(f"{_describe(handler)} is a method, and a route takes a function: move it out of its class")
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
    try:
        annotation, marker = _split_marker(hints[name])
        body = _without_none(annotation)
        required, default = name not in defaults, defaults.get(name)
        if not required and type(default) not in _PLAIN_DEFAULTS:
            from org_common.handlers.misuse import check_default

            check_default(name, body, default, is_marker=_is_marker(default), is_model=is_model(body))
        kind = getattr(annotation, "injected", None)
        is_injected = kind in FROM_REQUEST or kind in FROM_APP
        if marker is not None and (is_injected or annotation in provided):
            raise TypeError(
                f"{name!r} is marked {marker!r}, but a {annotation.__name__} is injected: remove the marker"
            )
        if is_injected:
            return Parameter(name, str(kind))
        if annotation in provided or (isinstance(provided, Later) and is_injectable(annotation)):
            return Parameter(name, "provided", annotation=annotation)
        if is_model(body) and name not in path:
            kind = "form" if isinstance(marker, Form) else "body"
            if is_plain_model(body) or (kind == "body" and marker is not None):
                from org_common.handlers.misuse import model_error

                raise model_error(name, body, None if kind == "form" else marker)
            return Parameter(name, kind, annotation=body, wire_name=name, required=required, default=default)
        return _scalar_parameter(name, annotation, marker, path, required=required, default=default)
    except TypeError as error:
        raise TypeError(f"{_describe(handler)}: {error}") from None


def _scalar_parameter(
    name: str, annotation: Any, marker: Any, path: list[str], *, required: bool, default: Any
) -> Parameter:
    if isinstance(marker, Form):
        raise TypeError(f"{name!r} is marked Form() but is not a model. Example: `Annotated[Login, Form()]`")
    where = "path" if name in path else marker.where if marker else "query"
    is_list = where == "query" and _is_list(annotation)
    if not is_list and not _is_scalar(annotation):
        from org_common.handlers.misuse import unbound_error

        raise unbound_error(name, annotation, can_be_provided=is_injectable(annotation))
    constraints = marker.constraints if marker else {}
    if where == "path":
        if marker and marker.where != "query":
            raise TypeError(f"{name!r} is in the path: remove {marker!r}, or rename the parameter")
        return Parameter(name, "path", annotation=annotation, wire_name=camel(name), constraints=constraints)
    wire_name = _wire_name(name, where, marker.alias if marker else None)
    if where != "query" and not wire_name.isidentifier():
        from org_common.handlers.misuse import check_wire_name

        check_wire_name(name, where, wire_name)
    return Parameter(
        name,
        where,
        annotation=annotation,
        wire_name=wire_name,
        constraints=constraints,
        required=required,
        default=default,
        is_list=is_list,
    )


def is_plain_model(model: Any) -> bool:
    """Whether it does not derive from our `Model`: it ignores unknown fields. A RootModel has none."""
    return not hasattr(model, "__from_row__") and not getattr(model, "__pydantic_root_model__", False)


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
    arguments = get_args(inner)
    return get_origin(inner) is list and bool(arguments) and _is_scalar(arguments[0])


def _is_scalar(annotation: Any) -> bool:
    """Whether a value can be converted from one string."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        if any(map(_is_marker, arguments[1:])):
            from org_common.handlers.misuse import inner_marker_error

            raise inner_marker_error(*arguments)
        return _is_scalar(arguments[0])
    if origin in (Union, UnionType):
        return all(member is type(None) or _is_scalar(member) for member in arguments)
    if origin is Literal:
        return all(type(value) is str for value in arguments)
    if not isinstance(annotation, type):
        return False
    # A subclass has to say how pydantic reads it.
    return annotation in _SCALAR_TYPES or (
        issubclass(annotation, _SCALARS)
        and (issubclass(annotation, Enum) or hasattr(annotation, "__get_pydantic_core_schema__"))
    )


def _split_marker(annotation: Any) -> tuple[Any, Any]:
    """The annotation without our marker, and the marker; None without one."""
    if get_origin(annotation) is not Annotated:
        return annotation, None
    inner, *metadata = get_args(annotation)
    if any(isinstance(item, type) and issubclass(item, (Query, Form)) for item in metadata):
        raise TypeError(f"{annotation} has a marker without parentheses: write Query(), Header(), Cookie() or Form()")
    markers = [item for item in metadata if isinstance(item, (Query, Form))]
    if len(markers) > 1:
        raise TypeError(f"{annotation} has two markers, {markers[0]!r} and {markers[1]!r}: keep one")
    marker = markers[0] if markers else None
    rest = tuple(item for item in metadata if item is not marker)
    return (Annotated[(inner, *rest)] if rest else inner), marker


def _is_marker(item: object) -> bool:
    """Whether it is a marker, or the class of one."""
    return isinstance(item, (Query, Form)) or (isinstance(item, type) and issubclass(item, (Query, Form)))


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
