"""One route as an operation of the document."""

from __future__ import annotations

import inspect
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic_core import to_jsonable_python

from org_common.app import App
from org_common.handlers.binding import FORM
from org_common.handlers.signature import Parameter, is_model
from org_common.http.response import JSON, Response
from org_common.http.routing import segments
from org_common.route import Route
from org_common.tools.openapi import answers
from org_common.tools.openapi.schemas import Json, Schemas
from org_common.values.casing import camel
from org_common.values.model import Patch
from org_common.values.paging import CURSOR_PATTERN, DEFAULT_LIMIT, MAX_CURSOR_LENGTH, MAX_LIMIT, Page

MERGE_PATCH = "application/merge-patch+json"
# RFC 9110 section 8.3, 12.5.1 and 11.6.2 speak of these already, and the specification passes over them.
_UNLISTED_HEADERS = frozenset({"accept", "authorization", "content-type"})
# What the binder reads into an integer: 18 digits (http/schema.py).
_MOST_DIGITS = 10**18 - 1


def outside(path: str) -> str:
    """The template as it is called outside: "/orgs/{org_id}" is "/orgs/{orgId}"."""
    return (
        "".join("/" + ("{" + camel(part[1:-1]) + "}" if part.startswith("{") else part) for part in segments(path))
        or "/"
    )


def operation(app: App, route: Route, *, identifier: str, scheme: str, schemas: Schemas) -> Json:
    """`scheme` names the security scheme of the app."""
    made: Json = {"operationId": identifier, "tags": [app.name]}
    if route.summary:
        made["summary"] = route.summary
    description = _description(route)
    if description:
        made["description"] = description
    parameters = _parameters(route, schemas)
    if parameters:
        made["parameters"] = parameters
    body = next((each for each in route.signature.parameters if each.kind in ("body", "form")), None)
    if body is not None:
        made["requestBody"] = _body(body, schemas)
    made["responses"] = {
        **_success(route, schemas),
        **{
            str(status): {"$ref": f"#/components/responses/{answers.name(kind)}"}
            for status, kind in answers.problems(app, route).items()
        },
    }
    made["security"] = [] if route.is_public else [{scheme: []}]
    made["x-rule"] = route.rule.name
    made["x-database-role"] = route.rule.role
    return made


def _description(route: Route) -> str:
    """What the handler's docstring says beyond the summary."""
    text = inspect.cleandoc(route.handler.__doc__ or "")
    first, _, rest = text.partition("\n")
    return rest.strip() if first.strip() == route.summary else text


def _parameters(route: Route, schemas: Schemas) -> list[Json]:
    listed = [_parameter(each, schemas) for each in route.signature.parameters if _is_listed(each)]
    if any(each.kind == "page" for each in route.signature.parameters):
        listed += _page_parameters()
    if route.idempotent:
        listed.append(_key_parameter())
    if any(each.kind == "precondition" for each in route.signature.parameters):
        listed.append(_tags_parameter("If-Match", "The ETag of what was read: the change is for that state only."))
    if _has_tag(route):
        listed.append(_tags_parameter("If-None-Match", "An ETag that is known: 304 if it is still the same."))
    order = ("path", "query", "header", "cookie")
    # In the order of the path, whatever that of the handler.
    at = {camel(name): number for number, name in enumerate(route.signature.path)}
    return sorted(listed, key=lambda each: (order.index(each["in"]), at.get(each["name"], 0)))


def _is_listed(parameter: Parameter) -> bool:
    return parameter.kind in ("path", "query", "cookie") or (
        parameter.kind == "header" and parameter.wire_name not in _UNLISTED_HEADERS
    )


def _parameter(parameter: Parameter, schemas: Schemas) -> Json:
    annotation = _without_none(parameter.annotation)
    made: Json = {"name": parameter.wire_name, "in": parameter.kind, "required": parameter.required}
    schema = schemas.of(annotation, "in", parameter.constraints)
    # What stands in a schema already is joined with what pydantic makes of the type.
    if _base(annotation) is int:
        schema |= {"minimum": -_MOST_DIGITS, "maximum": _MOST_DIGITS}
    if parameter.kind == "path" and _base(annotation) is str:
        schema["minLength"] = 1
    if not parameter.required and parameter.default is not None:
        schema["default"] = to_jsonable_python(parameter.default)
    made["schema"] = schema
    return made


def _page_parameters() -> list[Json]:
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    return [
        {"name": "limit", "in": "query", "required": False, "schema": limit, "description": "How many at the most."},
        {
            "name": "cursor",
            "in": "query",
            "required": False,
            "schema": {"type": "string", "pattern": CURSOR_PATTERN, "maxLength": MAX_CURSOR_LENGTH},
            "description": "`nextCursor` of the page before. It holds for the same list and caller only.",
        },
    ]


def _key_parameter() -> Json:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[!#-~]+$"},
        "description": "Of your making, such as a UUID. Sent again with the same key and content, the request has no"
        " second effect and gets the answer of the first.",
    }


def _tags_parameter(name: str, description: str) -> Json:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "schema": {"type": "string"},
        "description": description,
    }


def _has_tag(route: Route) -> bool:
    """A success of a GET that has content is tagged (http/finish.py)."""
    return route.method == "GET" and route.status == 200 and route.signature.result is not type(None)


def _body(parameter: Parameter, schemas: Schemas) -> Json:
    schema = schemas.of(parameter.annotation, "in")
    if parameter.kind == "form":
        return {"required": parameter.required, "content": {FORM: {"schema": schema}}}
    content = {JSON: {"schema": schema}}
    if issubclass(parameter.annotation, Patch):
        content[MERGE_PATCH] = {"schema": schema}
    return {"required": parameter.required, "content": content}


def _success(route: Route, schemas: Schemas) -> Json:
    """Without an annotation nobody knows: any JSON, or nothing."""
    result = route.signature.result
    arguments = get_args(result)
    is_optional = get_origin(result) in (Union, UnionType) and type(None) in arguments
    found: Json = {}
    if result is None or result is type(None) or is_optional:
        status = 204 if route.status == 200 else route.status
        found[str(status)] = _described(route, status)
    if result is not type(None):
        response = _described(route, route.status)
        if result is not Response:
            response["content"] = {JSON: {"schema": _answered(_without_none(result), schemas)}}
        found[str(route.status)] = response
    if _has_tag(route):
        found["304"] = {
            "description": "It is what `If-None-Match` names. There is no content.",
            "headers": _tag_header(),
        }
    return dict(sorted(found.items()))


def _answered(result: Any, schemas: Schemas) -> Json:
    if result is None:
        return {}
    if get_origin(result) is Page:
        return schemas.page(get_args(result)[0])
    return schemas.of(result, "out")


def _described(route: Route, status: int) -> Json:
    made: Json = {
        "description": {201: "Created.", 202: "Accepted.", 204: "Done. There is no content."}.get(status, "OK.")
    }
    headers: Json = {}
    if status == 201:
        headers["Location"] = {
            "description": "Where it is.",
            "required": _has_id(route.signature.result),
            "schema": {"type": "string", "format": "uri-reference"},
        }
    if route.idempotent:
        headers["Idempotent-Replayed"] = {
            "description": "This is the answer of an earlier request with the same key.",
            "schema": {"type": "string", "const": "true"},
        }
    if status == 200 and _has_tag(route):
        headers |= _tag_header()
    if headers:
        made["headers"] = headers
    return made


def _tag_header() -> Json:
    return {"ETag": {"description": "Names this state of it.", "schema": {"type": "string"}}}


def _has_id(result: Any) -> bool:
    """What was made has an id for certain."""
    return is_model(result) and "id" in result.__pydantic_fields__


def _without_none(annotation: Any) -> Any:
    """A parameter that was sent is not None, and an answer that is None has no content."""
    if get_origin(annotation) in (Union, UnionType):
        kinds = [each for each in get_args(annotation) if each is not type(None)]
        return Union[tuple(kinds)]  # noqa: UP007 - made at run time
    return annotation


def _base(annotation: Any) -> Any:
    return _base(get_args(annotation)[0]) if get_origin(annotation) is Annotated else annotation
