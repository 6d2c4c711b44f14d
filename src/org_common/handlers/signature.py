"""What a handler asks for: its signature, read when its route is declared. Each fault in it is a `TypeError` there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from org_common.values.casing import camel

TYPE_CHECKING = False

if TYPE_CHECKING:
    from pydantic import BaseModel

Handler = Callable[..., Any]
NOTHING: Mapping[type, Any] = {}

# Bound from the request itself; the others are the app's to give.
FROM_REQUEST = frozenset({"request", "deadline", "page", "precondition"})
FROM_APP = frozenset({"reader", "transaction", "identity"})

_GENERATOR, _COROUTINE, _ASYNC_GENERATOR, _VARARGS, _VARKEYWORDS = 0x20, 0x80, 0x200, 0x04, 0x08
_HEAP_TYPE = 0x200
_SCALARS = (str, int, float, Decimal, date, time, timedelta, Enum, UUID)


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


class Cookie(Query):
    """Marks a cookie, by default the parameter's name as it is."""

    where = "cookie"


class Form:
    """Marks a model that is sent as a form (`application/x-www-form-urlencoded`): `Annotated[Login, Form()]`."""


class Parameter:
    """One parameter of a handler: where its value comes from, and as what type."""

    __slots__ = ("annotation", "constraints", "default", "is_list", "kind", "name", "outside", "required")

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
        is_list: bool = False,
    ) -> None:
        self.name = name
        # "path", "query", "header", "cookie", "body", "form", "provided", or what is injected: "reader", "request" …
        self.kind = kind
        self.annotation = annotation
        self.outside = outside
        self.constraints: Mapping[str, Any] = constraints or {}
        self.required = required
        self.default = default
        # May be given more than once; `annotation` is the whole list's.
        self.is_list = is_list


class Signature:
    """What a handler asks for and what it answers. `call` calls it with the values of `parameters`, in their order."""

    __slots__ = ("call", "parameters", "path", "result")

    def __init__(self, handler: Handler, path: list[str], provided: Mapping[type, Any] = NOTHING) -> None:
        """`TypeError` says what is wrong with the handler and how to mend it.

        `path`: the template's parameters, in order. `provided`: the types that the app gives.
        """
        function = _inner(handler)
        code = function.__code__
        hints = _hints(handler)
        self.path = path
        self.result = hints.get("return")
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        defaults = _defaults(function)
        self.parameters = [_parameter(handler, name, hints, path, defaults, provided) for name in names]
        # A function itself by position, a tenth of a warm request less; a decorator is called as it always was.
        self.call = handler if function is handler and not code.co_kwonlyargcount else _by_name(handler, names)
        missing = [name for name in path if name not in names]
        if missing:
            raise TypeError(
                f"{_named(handler)} does not take the path's parameter {missing[0]!r}: add `{missing[0]}: UUID`"
            )
        if self._count("body") + self._count("form") > 1:
            raise TypeError(f"{_named(handler)} takes two bodies: put them into one model")
        for kind in (*FROM_APP, *FROM_REQUEST):
            if self._count(kind) > 1:
                raise TypeError(f"{_named(handler)} takes two parameters of the kind {kind!r}: one is enough")

    def injects(self, kind: str) -> int | None:
        """The position of the parameter that takes this kind, None when no parameter does."""
        return next((at for at, parameter in enumerate(self.parameters) if parameter.kind == kind), None)

    def _count(self, kind: str) -> int:
        return sum(parameter.kind == kind for parameter in self.parameters)


def _by_name(handler: Handler, names: tuple[str, ...]) -> Handler:
    return lambda *values: handler(**dict(zip(names, values, strict=True)))


def _inner(handler: Handler) -> Any:
    """The function below its decorators, whose signature it is; each of them is looked at on the way."""
    function: Any = handler
    while True:
        code = getattr(function, "__code__", None)
        if code is None:
            raise TypeError(f"{handler!r} is not a function")
        if code.co_flags & (_COROUTINE | _ASYNC_GENERATOR):
            raise TypeError(
                f"{_named(handler)} is async: a Lambda environment serves one request at a time, so there is nothing "
                "to wait for meanwhile. Write `def` instead of `async def`"
            )
        if code.co_flags & _GENERATOR:
            raise TypeError(f"{_named(handler)} yields: an answer is returned. Write `return`, of a list or a Page")
        if not hasattr(function, "__wrapped__"):
            break
        function = function.__wrapped__
    if code.co_flags & (_VARARGS | _VARKEYWORDS):
        raise TypeError(f"{_named(handler)} takes *args or **kwargs: name each parameter, so that it can be bound")
    if code.co_posonlyargcount:
        raise TypeError(f"{_named(handler)} has positional-only parameters: leave out the `/`")
    return function


def _hints(handler: Handler) -> dict[str, Any]:
    try:
        return get_type_hints(handler, include_extras=True)
    except NameError as error:
        raise TypeError(
            f"{_named(handler)}: the annotation {error.name!r} is not known at run time. Import it at module level, "
            "outside of `if TYPE_CHECKING:`"
        ) from error
    except (AttributeError, SyntaxError) as error:
        raise TypeError(f"{_named(handler)}: an annotation cannot be read: {error}") from error


def _defaults(function: Any) -> dict[str, Any]:
    code = function.__code__
    positional = code.co_varnames[: code.co_argcount]
    values = function.__defaults__ or ()
    named = dict(zip(positional[len(positional) - len(values) :], values, strict=True))
    return {**named, **(function.__kwdefaults__ or {})}


def _parameter(
    handler: Handler,
    name: str,
    hints: dict[str, Any],
    path: list[str],
    defaults: dict[str, Any],
    provided: Mapping[type, Any],
) -> Parameter:
    if name not in hints:
        raise TypeError(f"{_named(handler)}: the parameter {name!r} has no annotation. Example: `{name}: str`")
    annotation, marker = _unmarked(hints[name])
    required, default = name not in defaults, defaults.get(name)
    kind = getattr(annotation, "injected", None)
    if kind in FROM_REQUEST or kind in FROM_APP:
        return Parameter(name, kind)
    if isinstance(annotation, type) and annotation in provided:
        return Parameter(name, "provided", annotation=annotation)
    body = _without_none(annotation)
    if is_model(body) and name not in path:
        kind = "form" if isinstance(marker, Form) else "body"
        return Parameter(name, kind, annotation=body, outside=name, required=required, default=default)
    if isinstance(marker, Form):
        raise TypeError(f"{_named(handler)}: {name!r} is a Form() and no model: put its fields into one")
    where = "path" if name in path else marker.where if marker else "query"
    is_list = where == "query" and _is_list(annotation)
    if not is_list and not _is_scalar(annotation):
        raise TypeError(
            f"{_named(handler)}: {name!r} cannot be bound as {annotation}. A body is one model, whatever else comes "
            "from the request is a text, number, boolean, date, UUID, enum or a Literal of texts, in a query a list "
            "of such as well. What the app itself gives is announced first: app.provide(Type, factory)"
        )
    constraints = marker.constraints if marker else {}
    if where == "path":
        return Parameter(name, "path", annotation=annotation, outside=camel(name), constraints=constraints)
    return Parameter(
        name,
        where,
        annotation=annotation,
        outside=_outside(name, where, marker.alias if marker else None),
        constraints=constraints,
        required=required,
        default=default,
        is_list=is_list,
    )


def _outside(name: str, where: str, alias: str | None) -> str:
    """As what the caller knows the parameter."""
    if where == "header":
        return (alias or name.replace("_", "-")).lower()
    return alias or (name if where == "cookie" else camel(name))


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, UnionType):
        kinds = [each for each in get_args(annotation) if each is not type(None)]
        return kinds[0] if len(kinds) == 1 else annotation
    return annotation


def _is_list(annotation: Any) -> bool:
    """A list of what can be read from one text each, or None."""
    inner = _without_none(annotation)
    if get_origin(inner) is Annotated:
        inner = get_args(inner)[0]
    return get_origin(inner) is list and _is_scalar(get_args(inner)[0])


def _is_scalar(annotation: Any) -> bool:
    """It can be read from one text."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _is_scalar(arguments[0])
    if origin in (Union, UnionType):
        return all(each is type(None) or _is_scalar(each) for each in arguments)
    if origin is Literal:
        return all(type(each) is str for each in arguments)
    return isinstance(annotation, type) and issubclass(annotation, _SCALARS)


def _unmarked(annotation: Any) -> tuple[Any, Any]:
    """The annotation without our marker, and the marker."""
    if get_origin(annotation) is not Annotated:
        return annotation, None
    inner, *metadata = get_args(annotation)
    if any(isinstance(each, type) and issubclass(each, (Query, Form)) for each in metadata):
        raise TypeError(f"{annotation} has a marker without parentheses: write Query(), Header(), Cookie() or Form()")
    marker = next((each for each in metadata if isinstance(each, (Query, Form))), None)
    rest = tuple(each for each in metadata if each is not marker)
    return (Annotated[(inner, *rest)] if rest else inner), marker


def is_injectable(kind: object) -> bool:
    """A class that `provide` may give: it means nothing else in a signature."""
    return (
        isinstance(kind, type)
        # Made by a class statement, not within the interpreter.
        and bool(kind.__flags__ & _HEAP_TYPE)
        and not issubclass(kind, _SCALARS)
        and not is_model(kind)
        and not hasattr(kind, "injected")
    )


def is_model(annotation: object) -> TypeGuard[type[BaseModel]]:
    """A pydantic model, told without importing pydantic."""
    return isinstance(annotation, type) and hasattr(annotation, "__pydantic_fields__")


def _named(handler: Handler) -> str:
    return f"the handler {getattr(handler, '__name__', handler)!r}"
