"""Derives the error responses of a route from its declaration and the names in its handler, without running code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any

from org_common.app import App
from org_common.route import Route
from org_common.values import errors
from org_common.values.errors import OrgError

Json = dict[str, Any]

PROBLEM = "application/problem+json"
# Methods of a Reader or Transaction that raise 404 if there is no row.
_VERBS_THAT_NEED_A_ROW = frozenset({"one", "run"})

# One class per status, for title and detail: the first one with that status.
TYPES_BY_STATUS: dict[int, type[OrgError]] = {}
for _kind in vars(errors).values():
    if isinstance(_kind, type) and issubclass(_kind, OrgError):
        TYPES_BY_STATUS.setdefault(_kind.status, _kind)

_MEANINGS = {
    400: "The request is malformed: invalid JSON, query string or cursor.",
    401: "The token is missing, invalid or expired.",
    403: "The caller is not allowed to do this.",
    404: "The resource does not exist, or the caller is not allowed to see it.",
    406: "None of the media types in `Accept` is available.",
    409: "The request conflicts with stored data: a duplicate, a broken reference, an idempotency key in use.",
    410: "The resource was permanently removed.",
    412: "The resource has changed: its ETag does not match `If-Match`.",
    413: "The request or the response is too large.",
    415: "The media type of the request body is not supported.",
    422: "Some values are not valid. `errors` lists each one with a pointer to it.",
    428: "The request must carry `If-Match` with the ETag of the resource.",
    429: "Too many requests.",
    500: "Internal error. `instance` identifies the log entry.",
    503: "Temporarily unavailable. Nothing was changed, unless `code` is commit_unknown.",
    504: "The request timed out.",
}


def error_types(app: App, route: Route) -> dict[int, type[OrgError]]:
    """The error classes that the route can respond with, by status.

    Without 405, which is the response to methods that the document does not have.
    """
    # Every route parses the query string and rejects unknown parameters.
    statuses = {400, 422, 500}
    kinds = {parameter.kind for parameter in route.signature.parameters}
    has_database = route.rule.needs_database or kinds & {"reader", "transaction"}
    if not route.is_public:
        # Without an authorizer in front, the app fetches the issuer's keys, which can fail.
        statuses |= {401} if app.identity.needs_authorizer else {401, 503}
    if has_database:
        statuses |= {403, 503, 504}
    if "transaction" in kinds:
        statuses.add(409)
    if kinds & {"body", "form"}:
        statuses |= {413, 415}
    if route.signature.result is not type(None):
        # A response can exceed Lambda's size limit.
        statuses.add(413)
    if "precondition" in kinds:
        statuses |= {412, 428}
    reached = _reachable(route.handler, *_factories(route), *app.error_handlers.values())
    if route.signature.path or route.rule.expression or (has_database and _needs_a_row(reached)):
        statuses.add(404)
    named = [value for value in reached if isinstance(value, type) and issubclass(value, OrgError)]
    own = {kind.status: kind for kind in (*named, *route.raises)}
    return {status: TYPES_BY_STATUS.get(status) or own[status] for status in sorted(statuses | own.keys())}


def _factories(route: Route) -> list[Callable[..., Any]]:
    """The factories of the dependencies that the handler receives."""
    parameters = route.signature.parameters
    return [route.provided[parameter.annotation] for parameter in parameters if parameter.kind == "provided"]


def components(kinds: Mapping[int, type[OrgError]]) -> Json:
    """The reusable responses for these error classes, by `name`."""
    return dict(sorted((name(kind), _response(kind)) for kind in kinds.values()))


def name(kind: type[OrgError]) -> str:
    """The component name of an error class."""
    return "InternalServerError" if kind is OrgError else kind.__name__


def _response(kind: type[OrgError]) -> Json:
    status = kind.status
    example: Json = {
        "type": "about:blank",
        "title": kind.title,
        "status": status,
        "detail": kind.detail,
        "instance": "urn:request:JKJaXmPLvHcESHA=",
        "code": kind.code,
    }
    if status == 422:
        example["errors"] = [
            {"in": "body", "pointer": "#/name", "detail": "Field required", "code": "missing"},
        ]
    response: Json = {"description": _MEANINGS.get(status, kind.detail)}
    if status == 401:
        response["headers"] = {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}}
    if status in (429, 503):
        response["headers"] = {
            "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string", "pattern": "^[0-9]+$"}}
        }
    response["content"] = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    return response


PROBLEM_SCHEMA: Json = {
    "type": "object",
    "description": "An error, as problem details of RFC 9457.",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "A human-readable explanation."},
        "instance": {"type": "string", "format": "uri-reference", "description": "Identifies the request in the log."},
        "code": {"type": "string", "description": "A stable, machine-readable error code."},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/ProblemError"}},
    },
    "required": ["type", "title", "status", "detail", "instance", "code"],
}
PROBLEM_ERROR_SCHEMA: Json = {
    "type": "object",
    "description": "A problem with one input value.",
    "properties": {
        "in": {"type": "string", "description": "Location of the value: body, path, query, header or cookie."},
        "pointer": {
            "type": "string",
            "format": "uri-reference",
            "description": "A JSON pointer (RFC 6901) into the body, or #/ and the name of the parameter.",
        },
        "detail": {"type": "string"},
        "code": {"type": "string"},
    },
    "required": ["in", "pointer", "detail", "code"],
}


def _needs_a_row(reached: list[Any]) -> bool:
    functions = [value for value in reached if isinstance(value, FunctionType)]
    return any(
        _VERBS_THAT_NEED_A_ROW.intersection(code.co_names)
        for function in functions
        for code in _codes(function.__code__)
    )


def _reachable(*functions: Callable[..., Any]) -> list[Any]:
    """The functions of the project, and the error classes, that can be reached by name from these functions."""
    reached: list[Any] = []
    pending: list[Any] = [*functions]
    while pending:
        value = pending.pop()
        if any(value is known for known in reached):
            continue
        if isinstance(value, type) and issubclass(value, OrgError):
            reached.append(value)
        elif isinstance(value, FunctionType) and (value.__module__ or "").partition(".")[0] != "org_common":
            reached.append(value)
            pending += _references(value)
    return reached


def _references(function: FunctionType) -> Iterator[Any]:
    """The values that the function's names refer to: globals, closure variables and attributes of named modules."""
    yield getattr(function, "__wrapped__", None)
    names = {name for code in _codes(function.__code__) for name in code.co_names}
    values = [function.__globals__[name] for name in sorted(names & function.__globals__.keys())]
    for value in values:
        yield value
        if isinstance(value, ModuleType):
            yield from (vars(value)[name] for name in sorted(names & vars(value).keys()))
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # an empty cell
            continue


def _codes(code: CodeType) -> Iterator[CodeType]:
    """The code object and those of nested functions, lambdas and comprehensions."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)
