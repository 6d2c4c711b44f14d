"""Lists a project's routes with their access rules, and compares the public ones with pyproject.toml."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from org_common.app import App
from org_common.tools.project.apps import load
from org_common.tools.project.project import Project


class ListedRoute(NamedTuple):
    """A route with its access rule."""

    app: str
    method: str
    path: str
    rule: str
    """The access rule as it is declared, for example `Check("app.has_org_role(%(org_id)s, 'org_user')")`."""
    caller: str
    """Required caller: "anyone", "token" (a valid token) or "user" (a registered user)."""
    role: str
    """Database role that the statements run as."""
    summary: str


def list_routes(project: Project) -> list[ListedRoute]:
    """The routes of all apps of the project, in declaration order."""
    return routes_of(load(project))


def routes_of(apps: Sequence[App]) -> list[ListedRoute]:
    """The routes of these apps, in declaration order."""
    return [
        ListedRoute(
            app.name, route.method, route.path, route.rule.name, route.rule.caller, route.rule.role, route.summary
        )
        for app in apps
        for route in app.routes
    ]


def check_public(routes: Sequence[ListedRoute], public: Sequence[str]) -> list[str]:
    """Violations: PUBLIC routes that `public` does not list, and listed routes that are not PUBLIC or do not exist."""
    is_open = [f"{route.method} {route.path}" for route in routes if route.caller == "anyone"]
    return [
        *(
            f"{route} is PUBLIC: give it an access rule, or list it in pyproject.toml,"
            f' [tool.org-common] public = ["{route}"]'
            for route in dict.fromkeys(is_open)
            if route not in public
        ),
        *(
            f"{route} is listed as public in pyproject.toml, but no such route is PUBLIC: remove it from the list"
            for route in public
            if route not in is_open
        ),
    ]


def format_table(routes: Sequence[ListedRoute]) -> list[str]:
    """Lines of a table with the columns method, path, rule and app."""
    rows = [("method", "path", "rule", "app"), *((route.method, route.path, route.rule, route.app) for route in routes)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
