"""What is wrong with a parameter of a handler, and what to write instead. Imported when a declaration looks wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

CONSTRAINTS = ("ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length", "pattern")
_DELIMITERS = frozenset(' \t\r\n:;,="/()<>@?{}\\')


def spell(annotation: Any) -> str:
    """The annotation as it is written in Python."""
    return annotation.__name__ if isinstance(annotation, type) and not get_args(annotation) else str(annotation)


def spell_marker(marker: str, alias: str | None, constraints: Mapping[str, Any]) -> str:
    """The marker as it is written in Python: `Query('max', ge=1)`."""
    arguments = [] if alias is None else [repr(alias)]
    return f"{marker}({', '.join(arguments + [f'{name}={value!r}' for name, value in constraints.items()])})"


def not_plain_error(handler: str, *, is_async: bool) -> TypeError:
    """The error for `async def`, and for a function that yields."""
    if is_async:
        return TypeError(
            f"{handler} is async, but a Lambda environment serves one request at a time, so nothing else could run "
            "meanwhile. Write `def` instead of `async def`"
        )
    return TypeError(
        f"{handler} yields, but a handler returns its result: return a list or a Page. To send items as they are "
        "produced, return Stream(items()), where `items` is a function that yields each Event"
    )


def marker_error(marker: str, alias: object, constraints: Mapping[str, Any]) -> TypeError:
    """The error for a marker with an argument that it does not take, such as FastAPI's `Query(20)`."""
    example = f"`limit: Annotated[int, {marker}(ge=1)] = 20`"
    if not (alias is None or isinstance(alias, str)):
        return TypeError(
            f"{marker}({alias!r}): the first argument is the name in the request. Write a default behind the "
            f"annotation: {example}"
        )
    unknown = next(name for name in constraints if name not in CONSTRAINTS)
    return TypeError(
        f"{marker}({unknown}=...): constraints are {', '.join(CONSTRAINTS)}. Write a default behind the annotation: "
        f"{example}"
    )


def inner_marker_error(inner: Any, *metadata: object) -> TypeError:
    """The error for `Annotated[int, Query(ge=1)] | None`, whose marker has no effect."""
    marker = next(item for item in metadata if type(item).__name__ in ("Query", "Header", "Cookie", "Form", "type"))
    return TypeError(
        f"the marker {marker!r} is inside the type, where it has no effect. Put it around the complete type: "
        f"`Annotated[{spell(inner)} | None, {marker!r}]`"
    )


def check_default(name: str, annotation: Any, default: Any, *, is_marker: bool, is_model: bool) -> None:
    """Refuse a default that is a marker, such as FastAPI's `limit: int = Query(ge=1)`: the handler would get it."""
    if is_marker:
        spelled = f"{default.__name__}()" if isinstance(default, type) else repr(default)
        raise TypeError(
            f"{name!r} has a marker as its default: write `{name}: Annotated[{spell(annotation)}, {spelled}]`"
        )
    if type(default).__name__ == "FieldInfo":
        found = {each: getattr(item, each) for item in default.metadata for each in CONSTRAINTS if hasattr(item, each)}
        raise TypeError(
            f"{name!r} has pydantic's Field() as its default: write "
            f"`{name}: Annotated[{spell(annotation)}, {spell_marker('Query', None, found)}]`"
        )
    if is_model and not isinstance(default, annotation):
        raise TypeError(
            f"{name!r} has the default {default!r}, which is not a {spell(annotation)}: write "
            f"`{name}: {spell(annotation)} | None = None`"
        )
    if isinstance(default, type) or callable(default):
        raise TypeError(
            f"{name!r} has the default {default!r}, and the handler would get it unchanged: write a value. To inject "
            "what a function returns, use app.provide(Type, factory)"
        )


def model_error(name: str, model: type, marker: Any) -> TypeError:
    """The error for a body that is a model of pydantic's own, or that is marked as something else."""
    if marker is not None:
        return TypeError(
            f"{name!r} is marked {marker!r}, but {model.__name__} is a model, which is read from the body. Name each "
            f"parameter: `limit: Annotated[int, {type(marker).__name__}()]`"
        )
    return TypeError(
        f"{name!r}: {model.__name__} is a pydantic BaseModel, which would ignore unknown fields. Derive it from "
        f"org_common.Model: `class {model.__name__}(Model)`"
    )


def check_wire_name(name: str, where: str, wire_name: str) -> None:
    """Refuse a name that no request can have: of a header or cookie it is a token (RFC 9110, 5.6.2)."""
    if not wire_name or not wire_name.isascii() or _DELIMITERS.intersection(wire_name):
        raise TypeError(f'{name!r}: no request has a {where} with the name {wire_name!r}. Example: `Header("x-trace")`')


def collision_error(handler: str, parameters: Sequence[str], names: Sequence[tuple[str, str]]) -> TypeError:
    """The error for two parameters of one name in the request. `names` has those of a PageRequest at the end."""
    owners = [*map(repr, parameters), "the PageRequest", "the PageRequest"]
    second = next(at for at, name in enumerate(names) if name in names[:at])
    where, name = names[second]
    return TypeError(
        f"{handler}: {owners[names.index(names[second])]} and {owners[second]} have the same name in the request, "
        f"{name!r} ({where}): rename one of them"
    )


def unbound_error(name: str, annotation: Any, *, can_be_provided: bool) -> TypeError:
    """The error for an annotation that no part of a request can be bound to."""
    return TypeError(
        f"{name!r} cannot be bound as {spell(annotation)}. {_advice(annotation, can_be_provided=can_be_provided)}"
    )


def _advice(annotation: Any, *, can_be_provided: bool) -> str:
    if annotation in (bytes, bytearray, memoryview):
        return "For an upload take the request, `request: Request`, and read `request.body`"
    if can_be_provided:
        return (
            f"Above this route, say how to make one: app.provide({annotation.__name__}, factory). For a body, derive "
            "it from org_common.Model"
        )
    if get_origin(annotation) is dict or annotation is dict or _names_a_model(annotation):
        return "A body is one model, so give it a field: `class New(Model): items: list[Item]`"
    return (
        "Supported are one model (the body), and a string, number, boolean, date, UUID, enum or Literal of strings, "
        "in the query string a list of these too"
    )


def _names_a_model(annotation: Any) -> bool:
    return hasattr(annotation, "__pydantic_fields__") or any(map(_names_a_model, get_args(annotation)))


def result_error(annotation: Any, part: Any) -> TypeError:
    """The error for a return annotation with a part that JSON does not have."""
    where = "" if part is annotation else f" contains {spell(part)}, which"
    return TypeError(f"the return annotation {spell(annotation)}{where} {_why_not_json(part)}")


def _why_not_json(annotation: Any) -> str:
    kind, arguments = get_origin(annotation) or annotation, get_args(annotation)
    if kind is tuple:
        return (
            f"is a body and a status: annotate the body alone, `-> {spell(arguments[0])}`, with status=201 on the route"
        )
    if hasattr(kind, "__pydantic_fields__"):
        return (
            f"is a pydantic BaseModel, whose fields would have other names: derive it from org_common.Model, "
            f"`class {spell(kind)}(Model)`"
        )
    if kind in (bytes, bytearray, memoryview, Literal):
        return 'is not JSON: return Response(content, headers={"content-type": "..."})'
    if issubclass(kind, Mapping):
        return f"has keys that JSON does not have: use strings, `dict[str, {spell(arguments[1])}]`"
    if kind.__name__ in ("timedelta", "complex", "type"):
        return "is not JSON: return a string or a number"
    if kind.__name__ != "Callable" and issubclass(kind, Iterable):
        return "is not JSON: return a list, for example `sorted(items)`, or a Stream of its items"
    return "is not JSON: return a model, a dict, a list or a Response"


def idempotent_stream_error(where: str) -> TypeError:
    """The error for a stream whose route has idempotency keys."""
    return TypeError(
        f"{where} returns a Stream and is idempotent=True, and a stream cannot be stored for the next request: remove "
        "idempotent=, and let the client resume by Last-Event-ID"
    )


def is_with_status(value: object) -> bool:
    """Whether it is a body and its status, as the handlers of Flask and Powertools return them."""
    return (
        type(value) is tuple
        and len(value) == 2
        and type(value[1]) is int
        and (isinstance(value[0], (dict, list, type(None))) or hasattr(value[0], "model_dump"))
    )


def mismatch(annotation: Any, value: object) -> TypeError:
    """The error for a handler that did not return what its annotation says."""
    returned = type(value).__name__
    if is_with_status(value):
        status = value[1]  # type: ignore[index]  # it is a pair
        return TypeError(
            f"the handler returned a tuple of a body and the number {status}. For a status, return the body alone and "
            f"declare the status on the route: status={status}. For an array, return a list"
        )
    if value is None:
        return TypeError(
            f"the handler must return {spell(annotation)}, as annotated, but returned None: raise NotFound() where "
            f"there is nothing to return, or annotate it `-> {spell(annotation)} | None`"
        )
    if annotation is type(None):
        return TypeError(
            f"the handler must return None, as annotated, but returned {returned}: annotate what it returns, "
            f"`-> {returned}`"
        )
    advice = f"annotate what it returns, `-> {returned}`"
    if get_origin(annotation) is list and returned == spell(get_args(annotation)[0]).rpartition(".")[2]:
        advice = "return a list, `[item]`"
    return TypeError(f"the handler must return {spell(annotation)}, as annotated, but returned {returned}: {advice}")
