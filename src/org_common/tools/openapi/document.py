"""One OpenAPI 3.1 document for all apps of a project, from their routes. No handler is run, nothing is connected to."""

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
from org_common.tools.openapi.schemas import Json, Schemas
from org_common.tools.project.project import ToolError
from org_common.values.casing import camel
from org_common.values.errors import OrgError

VERSION = "3.1.1"
METHODS = ("GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE")


def document(apps: Sequence[App], *, title: str, version: str = "0", servers: Sequence[str] = ()) -> Json:
    """The document, the same for the same apps in the same order, whatever else has run.

    `ToolError` when two routes cannot stand in one document.
    """
    schemas = Schemas()
    paths: dict[str, dict[str, Json]] = {}
    kinds: dict[int, type[OrgError]] = {}
    schemes: Json = {}
    for app, route, identifier in _all(apps):
        scheme, described = _scheme(app)
        schemes[scheme] = described
        kinds |= error_responses.error_types(app, route)
        at = paths.setdefault(wire_path(route.path), {})
        at[route.method.lower()] = operation(app, route, identifier=identifier, scheme=scheme, schemas=schemas)
    components = schemas.build()
    made: Json = {"openapi": VERSION, "info": {"title": title, "version": version}}
    if servers:
        made["servers"] = [{"url": url} for url in servers]
    made["tags"] = [_tag(app) for app in apps]
    made["paths"] = {path: _ordered(paths[path]) for path in sorted(paths)}
    made["components"] = {
        "schemas": _with_problem(components),
        "responses": error_responses.components(dict(sorted(kinds.items()))),
        "securitySchemes": dict(sorted(schemes.items())),
    }
    return made


def dump(made: Json) -> str:
    """As text: to be kept in a repository, a line a value."""
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def without_extensions(made: Json) -> Json:
    """Without the fields `x-…`, which say how the inside is guarded: for a document that others get."""
    paths = {
        path: {
            method: {name: value for name, value in each.items() if not name.startswith("x-")}
            for method, each in methods.items()
        }
        for path, methods in made["paths"].items()
    }
    return {**made, "paths": paths}


def _all(apps: Sequence[App]) -> Iterator[tuple[App, Route, str]]:
    """Each route with its operationId: the app's and the handler's name, so that no other app can change it."""
    declared: dict[tuple[str, str], App] = {}
    shapes: dict[str, tuple[str, App]] = {}
    identifiers: set[str] = set()
    for app in apps:
        for route in app.routes:
            path = wire_path(route.path)
            other = declared.setdefault((route.method, path), app)
            if other is not app:
                raise ToolError(f"{route.method} {path} is a route of {other.name} and of {app.name}: leave one")
            known, owner = shapes.setdefault(re.sub(r"\{\w+\}", "{}", path), (path, app))
            if known != path:
                raise ToolError(
                    f"{known} of {owner.name} and {path} of {app.name} are one path to OpenAPI and to an API gateway:"
                    " give their parameters the same names"
                )
            identifier = f"{_word(app.name)}_{_word(route.handler.__name__)}"
            if identifier in identifiers:
                # One handler of several routes: the first has the plain name.
                identifier += f"_{route.method.lower()}_{_word(path)}"
            identifiers.add(identifier)
            yield app, route, identifier


def _word(text: str) -> str:
    """In camelCase, of letters and digits: `access-orgs` is `accessOrgs`."""
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
    """The first paragraph of the module that declares the app describes it."""
    made: Json = {"name": app.name}
    for route in app.routes:
        module = sys.modules.get(route.handler.__module__)
        if module is not None and module.__doc__ and any(value is app for value in vars(module).values()):
            made["description"] = inspect.cleandoc(module.__doc__).partition("\n\n")[0].replace("\n", " ")
            break
    return made


def _ordered(methods: dict[str, Json]) -> dict[str, Json]:
    return {method: methods[method] for method in map(str.lower, METHODS) if method in methods}


def _with_problem(components: Json) -> Json:
    for name, schema in (
        ("Problem", error_responses.PROBLEM_SCHEMA),
        ("ProblemError", error_responses.PROBLEM_ERROR_SCHEMA),
    ):
        if name in components:
            raise ToolError(f"a model is called {name}, as the schema of errors is: give it another name")
        components[name] = schema
    return dict(sorted(components.items()))
