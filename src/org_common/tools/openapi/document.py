"""Builds an OpenAPI 3.1 document from the routes of all apps of a project, without running handlers or connecting."""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterator, Sequence

from org_common.app import App
from org_common.route import Route
from org_common.tools.openapi import error_responses
from org_common.tools.openapi.operations import operation, wire_path
from org_common.tools.openapi.schemas import RESERVED, Json, Schemas
from org_common.tools.project.project import ToolError
from org_common.values.casing import camel
from org_common.values.errors import OrgError

VERSION = "3.1.1"
METHODS = ("GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE")


def document(apps: Sequence[App], *, title: str, version: str = "0", servers: Sequence[str] = ()) -> Json:
    """The document. It depends only on the apps and their order.

    Raises `ToolError` when two routes cannot be in one document.
    """
    schemas = Schemas()
    paths: dict[str, dict[str, Json]] = {}
    error_types: dict[int, type[OrgError]] = {}
    schemes: Json = {}
    for app, route, identifier in _routes(apps):
        scheme, schemes[scheme] = _scheme(app)
        error_types |= error_responses.error_types(app, route)
        path = paths.setdefault(wire_path(route.path), {})
        path[route.method.lower()] = operation(app, route, identifier=identifier, scheme=scheme, schemas=schemas)
    components = schemas.build()
    result: Json = {"openapi": VERSION, "info": {"title": title, "version": version}}
    # "/" is what OpenAPI assumes without servers; linters want it to be said.
    result["servers"] = [{"url": url} for url in servers or ("/",)]
    result["tags"] = [_tag(app) for app in apps]
    result["paths"] = {name: _ordered(paths[name]) for name in sorted(paths)}
    result["components"] = {
        "schemas": _with_problem(components),
        "responses": error_responses.components(dict(sorted(error_types.items()))),
        "securitySchemes": dict(sorted(schemes.items())),
    }
    return result


def dump(document: Json) -> str:
    """The document as JSON with one value per line, for version control."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def without_extensions(document: Json) -> Json:
    """The document without the `x-…` extensions, which disclose the access rules: for publication."""
    paths = {
        path: {
            method: {name: value for name, value in operation.items() if not name.startswith("x-")}
            for method, operation in methods.items()
        }
        for path, methods in document["paths"].items()
    }
    return {**document, "paths": paths}


def _routes(apps: Sequence[App]) -> Iterator[tuple[App, Route, str]]:
    """Each route with its operationId, made of the names of app and handler, so that other apps do not affect it."""
    declared: dict[tuple[str, str], App] = {}
    templates: dict[str, tuple[str, App]] = {}
    identifiers: set[str] = set()
    for app in apps:
        for route in app.routes:
            path = wire_path(route.path)
            other = declared.setdefault((route.method, path), app)
            if other is not app:
                raise ToolError(
                    f"{route.method} {path} is declared by {other.name} and by {app.name}: remove one of them"
                )
            known, owner = templates.setdefault(re.sub(r"\{\w+\}", "{}", path), (path, app))
            if known != path:
                raise ToolError(
                    f"{known} of {owner.name} and {path} of {app.name} are the same path in OpenAPI and API Gateway:"
                    " use the same parameter names in both"
                )
            identifier = f"{_word(app.name)}_{_word(route.handler.__name__)}"
            if identifier in identifiers:
                # For a handler with several routes, the first gets the plain name.
                identifier += f"_{route.method.lower()}_{_word(path)}"
            identifiers.add(identifier)
            yield app, route, identifier


def _word(text: str) -> str:
    """The text in camelCase, with letters and digits only: `access-orgs` becomes `accessOrgs`."""
    return camel("_".join(re.findall(r"[A-Za-z0-9]+", text)))


def _scheme(app: App) -> tuple[str, Json]:
    source = type(app.identity)
    return camel(re.sub(r"(?<!^)(?=[A-Z])", "_", source.__name__).lower()), {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": inspect.cleandoc(source.__doc__ or "").partition("\n\n")[0].replace("\n", " "),
    }


def _tag(app: App) -> Json:
    """The tag of an app, described by the first paragraph of the docstring of the module that declares it."""
    tag: Json = {"name": app.name}
    for route in app.routes:
        module = sys.modules.get(route.handler.__module__)
        if module is not None and module.__doc__ and any(value is app for value in vars(module).values()):
            tag["description"] = inspect.cleandoc(module.__doc__).partition("\n\n")[0].replace("\n", " ")
            break
    return tag


def _ordered(methods: dict[str, Json]) -> dict[str, Json]:
    return {method: methods[method] for method in map(str.lower, METHODS) if method in methods}


def _with_problem(components: Json) -> Json:
    for name, schema in zip(
        RESERVED, (error_responses.PROBLEM_SCHEMA, error_responses.PROBLEM_ERROR_SCHEMA), strict=True
    ):
        if name in components:
            raise ToolError(f"a model is named {name}, which is reserved for the schema of errors: rename the model")
        components[name] = schema
    return dict(sorted(components.items()))
