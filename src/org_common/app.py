"""The app: routes in, answers out. The only file that knows every step of a request."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, Unpack

from org_common.errors import OrgError, Unauthorized
from org_common.http.gateway import HTTP_API, answer
from org_common.http.request import Request
from org_common.http.response import Response, problem
from org_common.http.routing import Router
from org_common.identity import FROM_AUTHORIZER
from org_common.route import Route, RouteOptions

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.db.database import Database
    from org_common.http.gateway import Shape
    from org_common.identity import IdentitySource
    from org_common.needs import Needs
    from org_common.types import Event, LambdaContext

logger = logging.getLogger("org_common")

H = TypeVar("H", bound=Callable[..., Any])


class App:
    """The routes of one Lambda function. It is the function's entry: `app(event, context)`.

        app = App("access-orgs")

        @app.get("/orgs/{org_id}", allow=ORG_USER)
        def get_org(db: Reader, org_id: UUID) -> Org:
            return db.one(Org, GET_ORG, {"org_id": org_id})

    `identity` says who vouches for the caller, `events` what may invoke the function: `HTTP_API`, `REST_API`,
    `FUNCTION_URL`, `ALB`. Both are declared, never guessed from the event. `needs` is what its
    role must allow. A handler's parameters are
    bound by their annotations: the path's names, a model from the body, the rest from the query string, and the
    injected `Reader`, `Transaction`, `Identity`, `Request`, `Deadline` and `PageRequest`.
    """

    def __init__(
        self,
        name: str,
        *,
        identity: IdentitySource = FROM_AUTHORIZER,
        events: Sequence[Shape] = (HTTP_API,),
        needs: Needs | None = None,
    ) -> None:
        """`TypeError` when `identity` relies on an authorizer that a shape of `events` does not have."""
        for shape in events:
            if identity.needs_authorizer and not shape.has_authorizer:
                raise TypeError(
                    f"App({name!r}): {shape!r} has no authorizer in front, and identity={identity!r} relies on one. "
                    f"Leave {shape!r} out of events=, or let the app verify tokens itself: identity=Bearer(...)"
                )
        if not events:
            raise TypeError(f"App({name!r}): events= is empty, so nothing may invoke it. Example: events=(HTTP_API,)")
        self.events = tuple(events)
        self.name = name
        self.needs = needs
        self.routes: list[Route] = []
        self.identity = identity
        self._router: Router[Route] = Router()
        self._database: Database | None = None

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

    def __call__(self, event: Event, context: LambdaContext) -> Event:
        """Answer one event of an accepted shape. Never raises: what went wrong is a problem in the answer."""
        for shape in self.events:
            try:
                request = shape.read(event, context)
            except OrgError as error:
                if error.status >= 500:
                    logger.error("%s", error.detail)
                return shape.answer(problem(error, context.aws_request_id), event)
            if request is not None:
                return shape.answer(self.handle(request), event)
        from org_common.http.unknown import refusal

        refused, seen = refusal(event)
        logger.error("%r accepts events of %s, and was invoked with %s", self, self.events, seen)
        return answer(problem(refused, context.aws_request_id))

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        try:
            route, values = self._router.match(request.method, request.path)
            identity = None if route.rule.caller == "anyone" else self.identity.identity(request)
            if identity is None and route.rule.caller != "anyone":
                raise Unauthorized
            return route.run(request, values, identity, self.database)
        except OrgError as error:
            if error.status >= 500:
                logger.exception("%s %s answered %d", request.method, request.path, error.status)
            return problem(error, request.id)
        except Exception:
            logger.exception("%s %s failed", request.method, request.path)
            return problem(OrgError(), request.id)

    def serves(self, path: str) -> bool:
        """Some route of this app has the path, whatever its method."""
        return self._router.knows(path)

    def database(self) -> Database:
        """The database of this app's routes: the one given to `use`, or the environment's."""
        if self._database is None:
            from org_common.db.database import default

            self._database = default()
        return self._database

    def use(self, database: Database | None) -> None:
        """Take another database than the environment's; None goes back to it. For tests and servers of several apps."""
        self._database = database

    def _route(self, method: str, path: str, options: RouteOptions) -> Callable[[H], H]:
        if not isinstance(path, str):
            raise TypeError(f'a route needs its path: @app.{method.lower()}("/orgs", allow=SIGNED_IN)')

        def declare(handler: H) -> H:
            route = Route(method, path, handler, options)
            try:
                self._router.add(method, path, route)
            except ValueError as error:
                raise TypeError(str(error)) from error
            self.routes.append(route)
            return handler

        return declare

    def __repr__(self) -> str:
        return f"App({self.name!r}, {len(self.routes)} routes)"
