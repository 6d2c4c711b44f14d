"""Routing: from a method and a path to a route."""

from __future__ import annotations

import re
from typing import Any, Generic, TypeVar

from org_common.values.errors import MethodNotAllowed, NotFound

R = TypeVar("R")

PARAMETER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
LITERAL = re.compile(r"[A-Za-z0-9._~-]+")


class DeclaredTwice(ValueError):
    """A template that has a route of this method already."""

    def __init__(self, message: str, other: object) -> None:
        super().__init__(message)
        self.other: Any = other
        """The route that it has."""


class Node(Generic[R]):
    """One segment in the tree of paths. A literal child takes precedence over the parameter."""

    __slots__ = ("children", "parameter", "routes")

    def __init__(self) -> None:
        self.children: dict[str, Node[R]] = {}
        self.parameter: Node[R] | None = None
        self.routes: dict[str, R] = {}


class Table(Generic[R]):
    """Routes by method and path template ("/orgs/{org_id}").

    The cost of a lookup depends on the length of the path, not on the number of routes.
    """

    __slots__ = ("_root",)

    def __init__(self) -> None:
        self._root: Node[R] = Node()

    def add(self, method: str, template: str, route: R) -> None:
        """Add a route. `ValueError` when the template already has one for this method."""
        node = self._root
        for segment in segments(template):
            if segment.startswith("{"):
                node.parameter = node.parameter or Node()
                node = node.parameter
            else:
                node = node.children.setdefault(segment, Node())
        if method in node.routes:
            raise DeclaredTwice(f"{method} {template} is declared twice", node.routes[method])
        node.routes[method] = route

    def match(self, method: str, path: str) -> tuple[R | None, list[str]]:
        """Return the route and the values of its parameters, in the order of the template. `path` is decoded.

        HEAD uses the route of GET. OPTIONS on a known path returns None for the route unless it has one. Raises
        `NotFound` for an unknown path, and `MethodNotAllowed` with `Allow` for a path that lacks this method.
        """
        values: list[str] = []
        node = self._root if path[:1] == "/" else None
        parts = path[1:].split("/")
        for part in parts:
            if node is None:
                break
            child, parameter = node.children.get(part), node.parameter
            if child is None:
                node = parameter if part else None
                values.append(part)
            elif parameter is None:
                node = child
            else:
                # Both a literal and the parameter match: search both branches.
                values.clear()
                node = self._find(self._root, parts, 0, values)
                break
        if node is None or not node.routes:
            slash = " Its last character is a slash: remove it." if len(path) > 1 and path.endswith("/") else ""
            raise NotFound(f"There is no route with this path.{slash}", code="unknown_route")
        route = node.routes.get(method)
        if route is None and method == "HEAD":
            route = node.routes.get("GET")
        if route is None and method != "OPTIONS":
            raise MethodNotAllowed(headers={"Allow": _allowed(node.routes)})
        return route, values

    def allowed(self, path: str) -> str:
        """The methods of a path as the value of `Allow`; empty for an unknown path."""
        node = self._node(path)
        return "" if node is None else _allowed(node.routes)

    def routes_of(self, path: str) -> list[R]:
        """The routes of a path, of every method; empty for an unknown path."""
        node = self._node(path)
        return [] if node is None else list(node.routes.values())

    def knows(self, path: str) -> bool:
        """Whether the path has a route, of any method."""
        return self._node(path) is not None

    def _node(self, path: str) -> Node[R] | None:
        return self._find(self._root, path[1:].split("/"), 0, []) if path[:1] == "/" else None

    def _find(self, node: Node[R], parts: list[str], position: int, values: list[str]) -> Node[R] | None:
        # A loop; it recurses only where both a literal and the parameter match.
        while position < len(parts):
            part = parts[position]
            position += 1
            child = node.children.get(part)
            if child is None:
                if node.parameter is None or not part:
                    return None
                node = node.parameter
                values.append(part)
            elif node.parameter is None:
                node = child
            else:
                count = len(values)
                match = self._find(child, parts, position, values)
                if match is not None:
                    return match
                if not part:
                    return None
                del values[count:]
                node = node.parameter
                values.append(part)
        return node if node.routes else None


def segments(template: str) -> list[str]:
    """The segments of a path template; `ValueError` for a malformed one."""
    if not template.startswith("/"):
        raise ValueError(f"the path {template!r} must begin with '/'")
    if template == "/":
        return [""]
    names: set[str] = set()
    parts = template[1:].split("/")
    for part in parts:
        parameter = PARAMETER.fullmatch(part)
        if parameter is None and LITERAL.fullmatch(part) is None:
            raise ValueError(
                f"the segment {part!r} of {template!r} is neither a literal nor a parameter. Example: /orgs/{{org_id}}"
            )
        if parameter is not None:
            if parameter[1] in names:
                raise ValueError(f"the parameter {part} appears twice in {template!r}")
            names.add(parameter[1])
    return parts


def parameters(template: str) -> list[str]:
    """The names of a template's parameters, in order."""
    return [part[1:-1] for part in segments(template) if part.startswith("{")]


def _allowed(routes: dict[str, R]) -> str:
    methods = {*routes, "OPTIONS"}
    return ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))
