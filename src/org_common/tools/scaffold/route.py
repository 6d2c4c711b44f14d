"""A route on its own: model, SQL, handler and tests. It reads organizations, until you replace its statement."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from org_common.tools.scaffold.layout import Layout
from org_common.tools.scaffold.names import CLASSES, FILES, ScaffoldError, check, class_name
from org_common.tools.scaffold.table import app_name, demo_import
from org_common.tools.scaffold.templates import import_lines, render, wrap

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
WITH_BODY = ("POST", "PUT", "PATCH")
SIGNED_IN = "signed_in"
# What the routes of a table are called.
_OWN = re.compile(r"/orgs/\{org_id\}(/[a-z0-9]+(-[a-z0-9]+)*)+")
_SHARED = re.compile(r"(/[a-z0-9]+(-[a-z0-9]+)*)+")


@dataclass(frozen=True)
class NewRoute:
    """A route to write."""

    name: str
    """The name of the handler and of the files: "close_all"."""
    method: str
    path: str
    role: str
    """The least role in the organization of the path, or `SIGNED_IN`."""

    @classmethod
    def of(cls, name: str, method: str = "GET", path: str | None = None, role: str = "org_user") -> NewRoute:
        """The route, with the usual path for its name and role. Raises `ScaffoldError` for a name or path."""
        check(name, "the route", "close_all")
        if name in FILES or class_name(name) in CLASSES:
            raise ScaffoldError(f"the route cannot be called {name}: the package has a file or a class of that name")
        start = "" if role == SIGNED_IN else "/orgs/{org_id}"
        own = path or f"{start}/{name.replace('_', '-')}"
        form = _SHARED if role == SIGNED_IN else _OWN
        if not form.fullmatch(own):
            raise ScaffoldError(
                f"{own} is not a path for this rule: write words of a-z, 0-9 and hyphens"
                f"{' behind /orgs/{org_id}' if start else ', without parameters'}. For example: {start}/close-all"
            )
        return cls(name, method, own, role)

    @property
    def is_of_org(self) -> bool:
        """Whether the path names an organization."""
        return self.role != SIGNED_IN


def files(layout: Layout, route: NewRoute) -> dict[str, str]:
    """The files of the route, by their paths."""
    name = route.name
    values = _values(layout, route)
    return {
        f"{layout.source}/models/{name}.py": render("route/models.py", **values),
        f"{layout.source}/queries/{name}.py": render("route/queries.py", **values),
        f"{layout.source}/{name}.py": render("route/routes.py", **values, own_imports=_imports(layout, route)),
        f"{layout.tests}/test_{name}.py": render("route/test.py", **values, own_imports=_test_imports(layout, route)),
    }


def _values(layout: Layout, route: NewRoute) -> dict[str, Any]:
    words, one = route.name.replace("_", " "), class_name(route.name)
    is_read = route.method == "GET"
    parameters = ["db: Reader" if is_read else "tx: Transaction"]
    parameters += ["org_id: UUID"] if route.is_of_org else []
    parameters += [f"body: {one}Request"] if route.method in WITH_BODY else []
    rule = f'OrgCheck("{route.role}")' if route.is_of_org else "SIGNED_IN"
    return {
        "words": words,
        "title": words.capitalize(),
        "class_name": one,
        "people": layout.people,
        "name": route.name,
        "constant": "ORG" if route.is_of_org else "ORGS",
        "is_of_org": route.is_of_org,
        "has_body": route.method in WITH_BODY,
        "app_name": app_name(layout, route.name),
        "verb": route.method.lower(),
        "method": route.method,
        "path": route.path,
        "test_path": route.path.replace("{org_id}", "{demo.ACME}"),
        "rule": rule,
        "role": route.role,
        "parameters": parameters,
        "result": one if route.is_of_org else f"list[{one}]",
        "body": _body(route, one),
        "imports": import_lines(
            ("org_common", each)
            for each in ("App", "Reader" if is_read else "Transaction", "OrgCheck" if route.is_of_org else "SIGNED_IN")
        ),
        "trips": 1 if is_read else 2,
        "trips_word": "one_round_trip" if is_read else "two_round_trips",
    }


def _body(route: NewRoute, one: str) -> list[str]:
    handle, verb, sql = "db" if route.method == "GET" else "tx", "one" if route.is_of_org else "all", "queries.ORG"
    values = ['"org_id": org_id'] if route.is_of_org else []
    values += ['"reason": body.reason'] if route.method in WITH_BODY else []
    arguments = [one, sql if route.is_of_org else f"{sql}S", *([f"{{{', '.join(values)}}}"] if values else [])]
    return wrap(f"    return {handle}.{verb}(", arguments, ")").splitlines()


def _imports(layout: Layout, route: NewRoute) -> str:
    one = class_name(route.name)
    names = [one, *([f"{one}Request"] if route.method in WITH_BODY else [])]
    models = import_lines((f"{layout.package}.models.{route.name}", name) for name in names)
    return f"{models}\nfrom {layout.package}.queries import {route.name} as queries"


def _test_imports(layout: Layout, route: NewRoute) -> str:
    lines = [demo_import(layout), f"from {layout.package}.{route.name} import app"]
    return "\n".join(sorted(lines, key=lambda line: line.split()[1]))
