"""Checks the declarations of a project's apps: builds each binding, serializer and schema, and runs no handler."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence

from org_common.app import App
from org_common.handlers.check import find_faults
from org_common.route import Route
from org_common.tools.openapi.operations import operation
from org_common.tools.openapi.schemas import Schemas
from org_common.tools.project.modules import display_path
from org_common.tools.project.project import ToolError


def check(apps: Sequence[App]) -> None:
    """Raise `ToolError` with every route that can never work: `FILE:LINE: METHOD /path, handler: what, and the fix`."""
    faults = find(apps)
    if faults:
        raise ToolError("\n".join(faults))


def find(apps: Sequence[App]) -> list[str]:
    """The declarations that can never work, one line each."""
    return [
        f"{_place(route)}: {route.method} {route.path}, handler {route.handler.__name__!r}: {fault}"
        for app in apps
        for route in app.routes
        for fault in _faults(app, route)
    ]


def _faults(app: App, route: Route) -> Iterator[str]:
    found = list(find_faults(route.signature, route.handler))
    yield from found
    if found:
        return
    try:
        schemas = Schemas()
        operation(app, route, identifier="checked", scheme="checked", schemas=schemas)
        schemas.build()
    except Exception as error:  # noqa: BLE001 - whatever it is, `openapi` and `dev` would end with its traceback
        yield f"it cannot be described in the OpenAPI document: {' '.join(str(error).split())}. Change the annotation"


def _place(route: Route) -> str:
    code = inspect.unwrap(route.handler).__code__
    return f"{display_path(code.co_filename)}:{code.co_firstlineno}"
