"""`Router`: routes declared in one file, served by the app that includes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, Unpack

from org_common.handlers.signature import Later
from org_common.route import Route, RouteOptions, declared_twice

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.http.request import Request

H = TypeVar("H", bound=Callable[..., Any])
T = TypeVar("T")


class Router:
    """Routes for a function that is split over several files. `prefix` is put in front of each path.

        members = Router("/orgs/{org_id}/members")

        @members.get("", allow=ORG_USER)
        def list_members(db: Reader, org_id: UUID) -> list[Member]: ...

    In the file of the app: `app.include(members)`.
    """

    prefix: str
    """Put in front of each path: begins with a slash and ends without one."""
    routes: list[Route]
    """The declared routes."""
    provided: dict[type, Callable[[Request], Any]]
    """The factories that `provide` registered, by type."""

    def __init__(self, prefix: str = "") -> None:
        """Raises `TypeError` for a prefix without a leading slash, or with a trailing one."""
        if prefix and (not prefix.startswith("/") or prefix.endswith("/")):
            raise TypeError(f'the prefix {prefix!r} must begin with a slash and end without one. Example: "/orgs"')
        self.prefix = prefix
        self.routes = []
        # The app that includes this router may provide more.
        self.provided = Later()
        self._included_by: str | None = None

    def get(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """Declare a route that reads. `path` names its parameters: "/orgs/{org_id}"."""
        return self._route("GET", path, options)

    def post(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """Declare a route that creates (with `status=201`) or acts."""
        return self._route("POST", path, options)

    def put(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """Declare a route that replaces."""
        return self._route("PUT", path, options)

    def patch(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """Declare a route that changes the fields that are sent: its body is a `Patch`."""
        return self._route("PATCH", path, options)

    def delete(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """Declare a route that removes."""
        return self._route("DELETE", path, options)

    def provide(self, kind: type[T], factory: Callable[[Request], T]) -> None:
        """Dependency injection: handlers that name this type in their signature get what the factory returns.

        The factory is called for each request. Call `provide` above the routes that use the type; for the routes of a
        router, the app may provide it instead, above `include`. Raises `TypeError` for a type that is provided already,
        and for a model or a built-in type.
        """
        from org_common.handlers.signature import is_injectable

        if not is_injectable(kind):
            raise TypeError(
                f"provide({kind!r}): only a class of your own can be provided, not a model or a built-in type"
            )
        if kind in self.provided:
            raise TypeError(f"provide({kind.__name__}): it is provided already. In tests, use override")
        self.provided[kind] = factory

    def _route(self, method: str, path: str, options: RouteOptions) -> Callable[[H], H]:
        if not isinstance(path, str):
            raise TypeError(f'a route needs a path as its first argument: .{method.lower()}("/orgs", allow=SIGNED_IN)')

        def declare(handler: H) -> H:
            if self._included_by is not None:
                raise TypeError(
                    f"{method} {self.prefix}{path} is declared too late: {self._included_by} includes this router "
                    "already. Call include below the routes"
                )
            self._add(Route(method, f"{self.prefix}{path}" or "/", handler, options, self.provided))
            return handler

        return declare

    def _add(self, route: Route) -> None:
        for other in self.routes:
            if (route.method, route.path) == (other.method, other.path):
                raise TypeError(declared_twice(route, other))
        self.routes.append(route)

    def freeze(self, owner: str) -> None:
        """Refuse further routes: the app that includes this router would not serve them."""
        self._included_by = owner
