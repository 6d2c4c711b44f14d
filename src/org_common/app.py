"""The app: routes in, answers out. The only file that knows every step of a request."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from org_common.errors import OrgError, ResponseTooLarge, Unauthorized
from org_common.http.finish import SECURITY, Finish
from org_common.http.gateway import HTTP_API, answer
from org_common.http.request import Request
from org_common.http.response import Response, checked, problem
from org_common.http.routing import Table
from org_common.identity import FROM_AUTHORIZER
from org_common.route import Route
from org_common.router import Router

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from logging import Logger

    from org_common.db.database import Database
    from org_common.http.cors import Cors
    from org_common.http.gateway import Shape
    from org_common.identity import IdentitySource
    from org_common.types import Event, LambdaContext

    # What goes around every request of an app: `next` answers it.
    Middleware = Callable[[Request, Callable[[Request], Response]], Response]

E = TypeVar("E", bound=Exception)
T = TypeVar("T")


class App(Router):
    """The routes of one Lambda function. It is the function's entry: `app(event, context)`.

        app = App("access-orgs")

        @app.get("/orgs/{org_id}", allow=ORG_USER)
        def get_org(db: Reader, org_id: UUID) -> Org:
            return db.one(Org, GET_ORG, {"org_id": org_id})

    `identity` says who vouches for the caller, `events` what may invoke the function: `HTTP_API`, `REST_API`,
    `FUNCTION_URL`, `ALB`. Both are declared, never guessed from the event. A handler's parameters are bound by their
    annotations: the path's names, a model from the body, the rest from the query string, and what is injected:
    `Reader`, `Transaction`, `Identity`, `Request`, `Deadline`, `PageRequest`, `Precondition` and what `provide` gives.

    `cors` says which pages may call, `middleware` what goes around every request, the first outermost. `headers`
    stand on every answer that does not set them itself. `compress=False` leaves bodies as they are. `problem_types`
    ("https://errors.example/") makes the `type` of a problem its code behind that.
    """

    def __init__(
        self,
        name: str,
        *,
        identity: IdentitySource = FROM_AUTHORIZER,
        events: Sequence[Shape] = (HTTP_API,),
        cors: Cors | None = None,
        middleware: Sequence[Middleware] = (),
        headers: Mapping[str, str] = SECURITY,
        compress: bool = True,
        problem_types: str | None = None,
    ) -> None:
        """`TypeError` when `identity` relies on an authorizer that a shape of `events` does not have."""
        super().__init__()
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
        self.identity = identity
        self._table: Table[Route] = Table()
        self._database: Database | None = None
        self._cors = cors
        self._finish = Finish(cors=cors, compress=compress, headers=headers)
        self._errors: dict[type[Exception], Callable[[Any, Request], Response | OrgError]] = {}
        self._problem_types = problem_types
        self._respond: Callable[[Request], Response] = self._routed
        for each in reversed(middleware):
            self._respond = _around(each, self._respond)
        self._is_early = False
        if "AWS_LAMBDA_RUNTIME_API" in os.environ:
            from org_common import startup

            startup.attend()
            self._is_early = startup.is_early()

    def __call__(self, event: Event, context: LambdaContext) -> Event:
        """Answer one event of an accepted shape. Never raises: what went wrong is a problem in the answer."""
        for shape in self.events:
            try:
                request = shape.read(event, context)
                if request is None:
                    continue
            except OrgError as error:
                if error.status >= 500:
                    logger().error("%s", error.detail)
                return shape.answer(problem(error, context.aws_request_id, self._problem_types), event)
            try:
                return shape.answer(self.handle(request), event)
            except ResponseTooLarge as error:
                logger().error("%s %s: %s", request.method, request.path, error.detail)
                return shape.answer(self._finish(request, problem(error, request.id, self._problem_types)), event)
        from org_common.http.unknown import refusal

        refused, seen = refusal(event)
        logger().error("%r accepts events of %s, and was invoked with %s", self, self.events, seen)
        return answer(problem(refused, context.aws_request_id, self._problem_types))

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        try:
            return self._finish(request, self._respond(request))
        except Exception as error:  # noqa: BLE001 - logged in `_problem`
            # A middleware's: what a route raises is a problem before it comes here.
            return self.refuse(request, error)

    def refuse(self, request: Request, error: Exception) -> Response:
        """The answer to a request that ended with this exception."""
        return self._finish(request, self._problem(request, error))

    def _routed(self, request: Request) -> Response:
        try:
            method = request.method
            route, values = self._table.match(method, request.path)
            if route is None:
                return self._options(request)
            identity = None
            if not route.is_public:
                identity = self.identity.identity(request)
                if identity is None:
                    raise Unauthorized
            return route.run(request, values, identity, self.database)
        except Exception as error:  # noqa: BLE001 - logged in `_problem`
            return self._problem(request, error)

    def _problem(self, request: Request, error: Exception) -> Response:
        if self._errors:
            try:
                answered = self._answered(request, error)
            except Exception as another:  # noqa: BLE001 - logged here
                logger().exception("%s %s failed in an error handler", request.method, request.path)
                answered = another if isinstance(another, OrgError) else OrgError()
            if isinstance(answered, Response):
                return answered
            if answered is not None:
                error = answered
        if not isinstance(error, OrgError):
            logger().error("%s %s failed", request.method, request.path, exc_info=error)
            error = OrgError()
        elif error.status >= 500:
            logger().error("%s %s answered %d", request.method, request.path, error.status, exc_info=error)
        return problem(error, request.id, self._problem_types)

    def _answered(self, request: Request, error: Exception) -> Response | OrgError | None:
        for kind in type(error).__mro__:
            handler = self._errors.get(kind)
            if handler is not None:
                answered = handler(error, request)
                return answered if isinstance(answered, OrgError) else checked(answered)
        return None

    def _options(self, request: Request) -> Response:
        """What the path's methods are, and a browser's question before a request from another origin."""
        allowed = self._table.allowed(request.path)
        headers = {"allow": allowed}
        if self._cors is not None and "access-control-request-method" in request.headers:
            self._cors.preflight(headers, allowed)
        return Response(status=204, headers=headers)

    def error(self, kind: type[E]) -> Callable[[Callable[[E, Request], T]], Callable[[E, Request], T]]:
        """Declare what answers an exception of this class or below: a `Response`, or the `OrgError` to make one of.

        @app.error(StockEmpty)
        def stock_empty(error: StockEmpty, request: Request) -> OrgError:
            return Conflict("There are none left.", code="stock_empty")
        """

        def declare(handler: Callable[[E, Request], T]) -> Callable[[E, Request], T]:
            if kind in self._errors:
                raise TypeError(f"error({kind.__name__}) is declared twice")
            self._errors[kind] = handler  # type: ignore[assignment]  # what it answers is checked when it does
            return handler

        return declare

    @property
    def error_handlers(self) -> Mapping[type[Exception], Callable[[Any, Request], Response | OrgError]]:
        """What `error` declared."""
        return self._errors

    def include(self, *routers: Router) -> None:
        """Serve the routes of these routers as well. `TypeError` for a route or a provided type that is there twice."""
        for router in routers:
            for kind, factory in router.provided.items():
                if self.provided.setdefault(kind, factory) is not factory:
                    raise TypeError(f"{self!r} has two factories of {kind.__name__}: leave provide to the app")
            for route in router.routes:
                route.provided = self.provided
                self._add(route)
            router.taken(repr(self))

    def override(self, kind: type[T], value: T) -> AbstractContextManager[T]:
        """Within `with`, handlers that ask for this type get this value: for tests."""
        from org_common.http.override import Override

        return Override(self.provided, kind, value)

    def needs_identity(self, method: str, path: str) -> bool:
        """Such a request meets a route that asks who is calling: in front of others an API has no authorizer."""
        try:
            route, _ = self._table.match(method, path)
        except OrgError:
            return False
        return route is not None and route.rule.caller != "anyone"

    def serves(self, path: str) -> bool:
        """Some route of this app has the path, whatever its method."""
        return self._table.knows(path)

    def database(self) -> Database:
        """The database of this app's routes: the one given to `use`, or the environment's."""
        if self._database is None:
            from org_common.db.database import default

            # Told with the first request, whichever that is, and not by the first list that has a second page.
            self._database = default(pages=any(route.signature.injects("page") for route in self.routes))
        return self._database

    def use(self, database: Database | None) -> None:
        """Take another database than the environment's; None goes back to it. For tests and servers of several apps."""
        self._database = database

    def _add(self, route: Route) -> None:
        try:
            self._table.add(route.method, route.path, route)
        except ValueError as error:
            raise TypeError(str(error)) from error
        self.routes.append(route)
        if self._is_early:
            route.prepare()

    def __repr__(self) -> str:
        return f"App({self.name!r}, {len(self.routes)} routes)"


def _around(middleware: Middleware, respond: Callable[[Request], Response]) -> Callable[[Request], Response]:
    return lambda request: checked(middleware(request, respond))


def logger() -> Logger:
    """Imported when there is something to log: by itself `logging` takes as long as a third of this package."""
    import logging

    return logging.getLogger("org_common")
