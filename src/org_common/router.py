"""Routes of one file: declared here, and served by the app that takes them in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, Unpack

from org_common.route import Route, RouteOptions

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.http.request import Request

H = TypeVar("H", bound=Callable[..., Any])
T = TypeVar("T")


class Router:
    """Some routes, for a function that is split over several files. `prefix` stands in front of each path.

        members = Router("/orgs/{org_id}/members")

        @members.get("", allow=ORG_USER)
        def list_members(db: Reader, org_id: UUID) -> list[Member]: ...

    and beside the app: `app.include(members)`.
    """

    def __init__(self, prefix: str = "") -> None:
        if prefix and (not prefix.startswith("/") or prefix.endswith("/")):
            raise TypeError(f'the prefix {prefix!r} must begin with a slash and end without one. Example: "/orgs"')
        self.prefix = prefix
        self.routes: list[Route] = []
        self.provided: dict[type, Callable[[Request], Any]] = {}
        self._taken_by: str | None = None

    def get(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """Declare a route that reads. `path` names its parameters: "/orgs/{org_id}"."""
        return self._route("GET", path, options)

    def post(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """Declare a route that creates, with `status=201`, or acts."""
        return self._route("POST", path, options)

    def put(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """Declare a route that replaces."""
        return self._route("PUT", path, options)

    def patch(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """Declare a route that changes what is sent: its body is a `Patch`."""
        return self._route("PATCH", path, options)

    def delete(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """Declare a route that removes."""
        return self._route("DELETE", path, options)

    def provide(self, kind: type[T], factory: Callable[[Request], T]) -> None:
        """Give handlers that name this type in their signature what the factory makes for their request.

        Before the routes that ask for it. `TypeError` for a type that is given already, or that is not to be given.
        """
        from org_common.handlers.signature import is_injectable

        if not is_injectable(kind):
            raise TypeError(f"provide({kind!r}): only a class of your own can be given, no model and no built-in type")
        if kind in self.provided:
            raise TypeError(f"provide({kind.__name__}): it is given already; tests use override")
        self.provided[kind] = factory

    def _route(self, method: str, path: str, options: RouteOptions) -> Callable[[H], H]:
        if not isinstance(path, str):
            raise TypeError(f'a route needs its path: .{method.lower()}("/orgs", allow=SIGNED_IN)')

        def declare(handler: H) -> H:
            if self._taken_by is not None:
                raise TypeError(
                    f"{method} {self.prefix}{path} comes too late: {self._taken_by} has taken in this router. "
                    "Call include below the routes"
                )
            self._add(Route(method, f"{self.prefix}{path}" or "/", handler, options, self.provided))
            return handler

        return declare

    def _add(self, route: Route) -> None:
        if any((route.method, route.path) == (other.method, other.path) for other in self.routes):
            raise TypeError(f"{route.method} {route.path} is declared twice")
        self.routes.append(route)

    def taken(self, by: str) -> None:
        """An app has these routes now: what is declared later would be served by nobody."""
        self._taken_by = by
