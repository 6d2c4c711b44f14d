"""Every route of a project with its rule, and those that are open to all without being meant to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from org_common.app import App
from org_common.tools.project.apps import load
from org_common.tools.project.project import Project


class ListedRoute(NamedTuple):
    """One route. `caller` is what must be known of who calls: "anyone", "token" or "user"; `role` the database role."""

    app: str
    method: str
    path: str
    rule: str
    caller: str
    role: str
    summary: str


def list_routes(project: Project) -> list[ListedRoute]:
    """The routes of all apps of the project, in the order of their declaration."""
    return routes_of(load(project))


def routes_of(apps: Sequence[App]) -> list[ListedRoute]:
    return [
        ListedRoute(
            app.name, route.method, route.path, route.rule.name, route.rule.caller, route.rule.role, route.summary
        )
        for app in apps
        for route in app.routes
    ]


def check_public(routes: Sequence[ListedRoute], public: Sequence[str]) -> list[str]:
    """What is open to all and is not listed as `public`, and what is listed and is not open, or not there."""
    is_open = [f"{route.method} {route.path}" for route in routes if route.caller == "anyone"]
    return [
        *(
            f"{route} is PUBLIC: give it a rule, or list it in pyproject.toml, [tool.org-common] public"
            for route in dict.fromkeys(is_open)
            if route not in public
        ),
        *(f"{route} is listed as public, and no such route is PUBLIC" for route in public if route not in is_open),
    ]


def format_table(routes: Sequence[ListedRoute]) -> list[str]:
    """Lines to read: method, path, rule and app, in columns."""
    rows = [("method", "path", "rule", "app"), *((each.method, each.path, each.rule, each.app) for each in routes)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
