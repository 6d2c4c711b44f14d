"""Which route a path belongs to."""

from __future__ import annotations

import re
from typing import Generic, TypeVar

from org_common.values.errors import MethodNotAllowed, NotFound

R = TypeVar("R")

PARAMETER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
LITERAL = re.compile(r"[A-Za-z0-9._~-]+")


class Node(Generic[R]):
    """One segment of the tree of paths: a literal child wins over the parameter."""

    __slots__ = ("children", "parameter", "routes")

    def __init__(self) -> None:
        self.children: dict[str, Node[R]] = {}
        self.parameter: Node[R] | None = None
        self.routes: dict[str, R] = {}


class Table(Generic[R]):
    """Routes by method and template ("/orgs/{org_id}").

    The cost of a look-up is in the path's length, not the table's.
    """

    __slots__ = ("_root",)

    def __init__(self) -> None:
        self._root: Node[R] = Node()

    def add(self, method: str, template: str, route: R) -> None:
        """`ValueError` when the template already has a route for this method."""
        node = self._root
        for segment in segments(template):
            if segment.startswith("{"):
                node.parameter = node.parameter or Node()
                node = node.parameter
            else:
                node = node.children.setdefault(segment, Node())
        if method in node.routes:
            raise ValueError(f"{method} {template} is declared twice")
        node.routes[method] = route

    def match(self, method: str, path: str) -> tuple[R | None, list[str]]:
        """The route and the values of its parameters, in the order of the template. The path is decoded already.

        HEAD is answered by the route of GET, OPTIONS by none: None. `NotFound` for an unknown path,
        `MethodNotAllowed` with `Allow` for a known path without this method.
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
                # A literal and a parameter compete here: go down both.
                values.clear()
                node = self._find(self._root, parts, 0, values)
                break
        if node is None or not node.routes:
            raise NotFound(code="unknown_route")
        route = node.routes.get(method)
        if route is None and method == "HEAD":
            route = node.routes.get("GET")
        if route is None and method != "OPTIONS":
            raise MethodNotAllowed(headers={"Allow": _allowed(node.routes)})
        return route, values

    def allowed(self, path: str) -> str:
        """The methods of a path, as `Allow` has them; empty for an unknown path."""
        node = self._node(path)
        return "" if node is None else _allowed(node.routes)

    def knows(self, path: str) -> bool:
        """Some method of the path is routed."""
        return self._node(path) is not None

    def _node(self, path: str) -> Node[R] | None:
        return self._find(self._root, path[1:].split("/"), 0, []) if path[:1] == "/" else None

    def _find(self, node: Node[R], parts: list[str], at: int, values: list[str]) -> Node[R] | None:
        # A loop for the straight way down; it calls itself only where a literal and a parameter compete.
        while at < len(parts):
            part = parts[at]
            at += 1
            child = node.children.get(part)
            if child is None:
                if node.parameter is None or not part:
                    return None
                node = node.parameter
                values.append(part)
            elif node.parameter is None:
                node = child
            else:
                known = len(values)
                found = self._find(child, parts, at, values)
                if found is not None:
                    return found
                if not part:
                    return None
                del values[known:]
                node = node.parameter
                values.append(part)
        return node if node.routes else None


def segments(template: str) -> list[str]:
    """The segments of a template; `ValueError` says what is wrong with it."""
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
                f"the segment {part!r} of {template!r} is neither literal nor a parameter. Example: /orgs/{{org_id}}"
            )
        if parameter is not None:
            if parameter[1] in names:
                raise ValueError(f"the parameter {part} stands twice in {template!r}")
            names.add(parameter[1])
    return parts


def parameters(template: str) -> list[str]:
    """The names of the template's parameters, in order."""
    return [part[1:-1] for part in segments(template) if part.startswith("{")]


def _allowed(routes: dict[str, R]) -> str:
    methods = {*routes, "OPTIONS"}
    return ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))
