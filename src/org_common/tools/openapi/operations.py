"""Converts a route to an operation of the OpenAPI document."""

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
from org_common.http.sse import EVENT_STREAM
from org_common.route import Route
from org_common.tools.openapi import error_responses
from org_common.tools.openapi.schemas import Json, Schemas
from org_common.values.casing import camel
from org_common.values.paging import CURSOR_PATTERN, DEFAULT_LIMIT, MAX_CURSOR_LENGTH, MAX_LIMIT, Page

# RFC 9110 defines these (sections 8.3, 12.5.1, 11.6.2), and OpenAPI ignores parameters with these names.
_UNLISTED_HEADERS = frozenset({"accept", "authorization", "content-type"})
# The binder accepts integers of up to 18 digits (http/schema.py).
_MOST_DIGITS = 10**18 - 1


def wire_path(path: str) -> str:
    """The path template with the parameter names of the API: "/orgs/{org_id}" becomes "/orgs/{orgId}"."""
    return (
        "".join("/" + ("{" + camel(part[1:-1]) + "}" if part.startswith("{") else part) for part in segments(path))
        or "/"
    )


def operation(app: App, route: Route, *, identifier: str, scheme: str, schemas: Schemas) -> Json:
    """The operation of a route. `scheme` is the name of the app's security scheme."""
    result: Json = {"operationId": identifier, "tags": [app.name]}
    if route.summary:
        result["summary"] = route.summary
    description = _description(route)
    if description:
        result["description"] = description
    parameters = _parameters(route, schemas)
    if parameters:
        result["parameters"] = parameters
    body = next((parameter for parameter in route.signature.parameters if parameter.kind in ("body", "form")), None)
    if body is not None:
        result["requestBody"] = _body(body, schemas)
    result["responses"] = {
        **_success(route, schemas),
        **{
            str(status): {"$ref": f"#/components/responses/{error_responses.name(kind)}"}
            for status, kind in error_responses.error_types(app, route).items()
        },
    }
    result["security"] = [] if route.is_public else [{scheme: []}]
    result["x-rule"] = route.rule.name
    result["x-database-role"] = route.rule.role
    return result


def _description(route: Route) -> str:
    """The handler's docstring without the summary."""
    text = inspect.cleandoc(route.handler.__doc__ or "")
    first, _, rest = text.partition("\n")
    return rest.strip() if first.strip() == route.summary else text


def _parameters(route: Route, schemas: Schemas) -> list[Json]:
    listed = [_parameter(parameter, schemas) for parameter in route.signature.parameters if _is_listed(parameter)]
    if any(parameter.kind == "page" for parameter in route.signature.parameters):
        listed += _page_parameters()
    if route.idempotent:
        listed.append(_key_parameter())
    if any(parameter.kind == "precondition" for parameter in route.signature.parameters):
        listed.append(
            _tags_parameter(
                "If-Match", "ETag of the version that the change is for. If the resource has changed since, 412."
            )
        )
    if _has_tag(route):
        listed.append(_tags_parameter("If-None-Match", "ETag of the cached version. If it is still current, 304."))
    order = ("path", "query", "header", "cookie")
    # Path parameters in the order of the path, not of the handler.
    position = {camel(name): number for number, name in enumerate(route.signature.path)}
    return sorted(
        _merged(listed), key=lambda parameter: (order.index(parameter["in"]), position.get(parameter["name"], 0))
    )


def _merged(listed: list[Json]) -> list[Json]:
    """One entry for each header: a handler may declare one that the app adds, to require it. Names ignore case."""
    merged: dict[tuple[str, str], Json] = {}
    for parameter in listed:
        name = parameter["name"].lower() if parameter["in"] == "header" else parameter["name"]
        declared = merged.get((parameter["in"], name))
        required = parameter["required"] or (declared is not None and declared["required"])
        merged[parameter["in"], name] = parameter | {"required": required}
    return list(merged.values())


def _is_listed(parameter: Parameter) -> bool:
    return parameter.kind in ("path", "query", "cookie") or (
        parameter.kind == "header" and parameter.wire_name not in _UNLISTED_HEADERS
    )


def _parameter(parameter: Parameter, schemas: Schemas) -> Json:
    annotation = _without_none(parameter.annotation)
    result: Json = {"name": parameter.wire_name, "in": parameter.kind, "required": parameter.required}
    schema = schemas.of(annotation, "in", parameter.constraints)
    # `build` merges these keywords with the schema that pydantic generates.
    if _base(annotation) is int:
        schema |= {"minimum": -_MOST_DIGITS, "maximum": _MOST_DIGITS}
    if parameter.kind == "path" and _base(annotation) is str:
        schema["minLength"] = 1
    if not parameter.required and parameter.default is not None:
        schema["default"] = to_jsonable_python(parameter.default)
    result["schema"] = schema
    return result


def _page_parameters() -> list[Json]:
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    return [
        {"name": "limit", "in": "query", "required": False, "schema": limit, "description": "Maximum number of items."},
        {
            "name": "cursor",
            "in": "query",
            "required": False,
            "schema": {"type": "string", "pattern": CURSOR_PATTERN, "maxLength": MAX_CURSOR_LENGTH},
            "description": "`nextCursor` of the previous page. Valid only for the same list, sort order and caller.",
        },
    ]


def _key_parameter() -> Json:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[!#-~]+$"},
        "description": "A unique key that you choose, such as a UUID. A repeated request with the same key and content"
        " has no second effect and gets the response of the first.",
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
    """Whether responses have an ETag: successful GET responses with content do (http/finish.py)."""
    is_tagged = route.signature.result is not type(None) and not route.is_stream
    return route.method == "GET" and route.status == 200 and is_tagged


def _body(parameter: Parameter, schemas: Schemas) -> Json:
    schema = schemas.of(parameter.annotation, "in")
    if parameter.kind == "form":
        return {"required": parameter.required, "content": {FORM: {"schema": schema}}}
    # A Patch is accepted as application/merge-patch+json too. It is not documented: of two media types with one schema
    # openapi-python-client 0.29 makes a module that raises NameError at import.
    return {"required": parameter.required, "content": {JSON: {"schema": schema}}}


def _success(route: Route, schemas: Schemas) -> Json:
    """The success responses. Without a return annotation: any JSON, or no content."""
    result = route.signature.result
    arguments = get_args(result)
    is_optional = get_origin(result) in (Union, UnionType) and type(None) in arguments
    responses: Json = {}
    if result is None or result is type(None) or is_optional:
        status = 204 if route.status == 200 else route.status
        responses[str(status)] = _response(route, status)
    if result is not type(None):
        response = _response(route, route.status)
        if route.is_stream:
            response["content"] = _stream_content(result)
        elif result is not Response:
            response["content"] = {JSON: {"schema": _result_schema(_without_none(result), schemas)}}
        responses[str(route.status)] = response
    if _has_tag(route):
        responses["304"] = {
            "description": "Not modified: the ETag matches `If-None-Match`. No content.",
            "headers": _tag_header(),
        }
    return dict(sorted(responses.items()))


def _stream_content(result: Any) -> Json:
    """Server-sent events, or the type of `Annotated[Stream, "text/csv"]`. OpenAPI 3.1 cannot describe one event."""
    named = [item for item in get_args(result)[1:] if isinstance(item, str)] if get_origin(result) is Annotated else []
    media_type = named[0] if named else EVENT_STREAM
    return {media_type: {"schema": {"type": "string"} if media_type.startswith("text/") else {}}}


def _result_schema(result: Any, schemas: Schemas) -> Json:
    if result is None:
        return {}
    if get_origin(result) is Page:
        return schemas.page(get_args(result)[0])
    return schemas.of(result, "out")


def _response(route: Route, status: int) -> Json:
    response: Json = {"description": {201: "Created.", 202: "Accepted.", 204: "Done. No content."}.get(status, "OK.")}
    headers: Json = {}
    if status == 201:
        headers["Location"] = {
            "description": "URL of the created resource.",
            "required": _has_id(route.signature.result),
            "schema": {"type": "string", "format": "uri-reference"},
        }
    if route.idempotent:
        headers["Idempotent-Replayed"] = {
            "description": "The response is that of an earlier request with the same key.",
            "schema": {"type": "string", "const": "true"},
        }
    if status == 200 and _has_tag(route):
        headers |= _tag_header()
    if headers:
        response["headers"] = headers
    return response


def _tag_header() -> Json:
    return {"ETag": {"description": "Identifies this version of the resource.", "schema": {"type": "string"}}}


def _has_id(result: Any) -> bool:
    """Whether the created resource always has an id."""
    return is_model(result) and "id" in result.__pydantic_fields__


def _without_none(annotation: Any) -> Any:
    """The annotation without None: a sent parameter is never None, and a None result has no content."""
    if get_origin(annotation) in (Union, UnionType):
        members = [member for member in get_args(annotation) if member is not type(None)]
        return Union[tuple(members)]  # noqa: UP007 - built at run time
    return annotation


def _base(annotation: Any) -> Any:
    return _base(get_args(annotation)[0]) if get_origin(annotation) is Annotated else annotation
