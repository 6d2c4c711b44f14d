"""Which problems a route can answer: read from its declaration and its handler's names. Nothing is run."""

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
# Verbs of a Reader or Transaction that answer 404 for want of a row.
_VERBS_THAT_NEED_A_ROW = frozenset({"one", "run"})

# One class a status: the first that has it, for its title and its words.
TYPES_BY_STATUS: dict[int, type[OrgError]] = {}
for _kind in vars(errors).values():
    if isinstance(_kind, type) and issubclass(_kind, OrgError):
        TYPES_BY_STATUS.setdefault(_kind.status, _kind)

_MEANINGS = {
    400: "The request cannot be read: malformed JSON, a query string or a cursor that is none.",
    401: "Without a token, or with one that is not valid any more.",
    403: "The caller may not do this.",
    404: "There is no such thing, or none that the caller may know of.",
    406: "Nothing that the header Accept asks for can be made.",
    409: "It conflicts with what is stored: a duplicate, a broken reference, a key that is in use.",
    410: "It is gone for good.",
    412: "It was changed since it was read: `If-Match` names another state.",
    413: "The body is too large, or the answer would be.",
    415: "The body is of a media type that is not read here.",
    422: "Some values are not valid: `errors` has each of them, with a pointer to it.",
    428: "Say with `If-Match` which state the change is for.",
    429: "Too many requests.",
    500: "A fault of ours; `instance` names the entry in the log.",
    503: "Not available at the moment. Nothing was changed, unless `code` is commit_unknown.",
    504: "There was not enough time.",
}


def error_types(app: App, route: Route) -> dict[int, type[OrgError]]:
    """The problems that the route can answer, by status.

    405 is not among them: it is the answer to a method that the document does not have.
    """
    # Each query string is looked at, and parameters that nobody knows are refused.
    found = {400, 422, 500}
    kinds = {parameter.kind for parameter in route.signature.parameters}
    has_database = route.rule.needs_database or kinds & {"reader", "transaction"}
    if route.rule.caller != "anyone":
        # Who verifies tokens himself needs the issuer's keys.
        found |= {401} if app.identity.needs_authorizer else {401, 503}
    if has_database:
        found |= {403, 503, 504}
    if "transaction" in kinds:
        found.add(409)
    if kinds & {"body", "form"}:
        found |= {413, 415}
    if route.signature.result is not type(None):
        # What is made up from rows may be more than fits through Lambda.
        found.add(413)
    if "precondition" in kinds:
        found |= {412, 428}
    reached = _reachable(route.handler, *_factories(route), *app.error_handlers.values())
    if route.signature.path or route.rule.expression or (has_database and _needs_a_row(reached)):
        found.add(404)
    named = [each for each in reached if isinstance(each, type) and issubclass(each, OrgError)]
    own = {kind.status: kind for kind in (*named, *route.raises)}
    return {status: TYPES_BY_STATUS.get(status) or own[status] for status in sorted(found | own.keys())}


def _factories(route: Route) -> list[Callable[..., Any]]:
    """The factories of what the app gives to the handler."""
    return [route.provided[each.annotation] for each in route.signature.parameters if each.kind == "provided"]


def components(kinds: Mapping[int, type[OrgError]]) -> Json:
    """The shared responses of all these problems, by `name`."""
    made = {name(kind): _response(kind) for kind in kinds.values()}
    return dict(sorted(made.items()))


def name(kind: type[OrgError]) -> str:
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
    "description": "What went wrong: problem details of RFC 9457.",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "A sentence for people."},
        "instance": {"type": "string", "format": "uri-reference", "description": "The request, as the log knows it."},
        "code": {"type": "string", "description": "For programs. It stays the same when the words change."},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/ProblemError"}},
    },
    "required": ["type", "title", "status", "detail", "instance", "code"],
}
PROBLEM_ERROR_SCHEMA: Json = {
    "type": "object",
    "description": "One thing that is wrong with the input.",
    "properties": {
        "in": {"type": "string", "description": "Where it was: body, path, query, header, cookie."},
        "pointer": {
            "type": "string",
            "format": "uri-reference",
            "description": "A JSON pointer (RFC 6901) into the body, or the name of the parameter behind #/.",
        },
        "detail": {"type": "string"},
        "code": {"type": "string"},
    },
    "required": ["in", "pointer", "detail", "code"],
}


def _needs_a_row(reached: list[Any]) -> bool:
    functions = [each for each in reached if isinstance(each, FunctionType)]
    return any(
        _VERBS_THAT_NEED_A_ROW.intersection(code.co_names) for each in functions for code in _codes(each.__code__)
    )


def _reachable(*functions: Callable[..., Any]) -> list[Any]:
    """Functions of the project, and error classes, that can be reached by name from these."""
    found: list[Any] = []
    pending: list[Any] = [*functions]
    while pending:
        each = pending.pop()
        if any(each is known for known in found):
            continue
        if isinstance(each, type) and issubclass(each, OrgError):
            found.append(each)
        elif isinstance(each, FunctionType) and (each.__module__ or "").partition(".")[0] != "org_common":
            found.append(each)
            pending += _references(each)
    return found


def _references(function: FunctionType) -> Iterator[Any]:
    """What the function's names stand for, in its module, in the functions around it and in modules that it names."""
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
        except ValueError:  # not filled yet
            continue


def _codes(code: CodeType) -> Iterator[CodeType]:
    """The code itself and that of all lambdas and comprehensions within."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)
