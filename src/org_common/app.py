"""The app: routes in, answers out. The only file that knows every step of a request."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from org_common.auth.from_authorizer import FROM_AUTHORIZER
from org_common.events.http_api import HTTP_API, to_event
from org_common.handlers.failures import Failures
from org_common.http.finish import SECURITY, Finish
from org_common.http.request import Request
from org_common.http.response import Response, checked, problem, sendable, shared
from org_common.http.routing import Table
from org_common.route import Route
from org_common.router import Router
from org_common.telemetry.invocation import current
from org_common.values.errors import OrgError, ResponseTooLarge, Unauthorized

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from logging import Logger

    from org_common.auth.from_authorizer import IdentitySource
    from org_common.config.needs import Needs
    from org_common.db.database import Database
    from org_common.events.event_source import EventSource
    from org_common.http.cors import Cors
    from org_common.telemetry.invocation import Watch
    from org_common.telemetry.requests import Telemetry
    from org_common.values.types import Event, LambdaContext

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
    ("https://errors.example/") makes the `type` of a problem its code behind that. `needs` is what the
    function's role must allow.
    """

    def __init__(
        self,
        name: str,
        *,
        identity: IdentitySource = FROM_AUTHORIZER,
        events: Sequence[EventSource] = (HTTP_API,),
        cors: Cors | None = None,
        middleware: Sequence[Middleware] = (),
        headers: Mapping[str, str] = SECURITY,
        compress: bool = True,
        problem_types: str | None = None,
        needs: Needs | None = None,
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
        self.needs = needs
        self.identity = identity
        self._table: Table[Route] = Table()
        self._database: Database | None = None
        self._cors = cors
        self._finish = Finish(cors=cors, compress=compress, headers=headers)
        self._failures = Failures()
        self._problem_types = problem_types
        self._respond: Callable[[Request], Response] = self._routed
        for each in reversed(middleware):
            self._respond = _around(each, self._respond)
        self._telemetry: Telemetry | None = None
        self._is_observed = False
        self._is_early = False
        if "AWS_LAMBDA_RUNTIME_API" in os.environ:
            # Now, in the init, which has a whole CPU: the first request may have a tenth of one.
            from org_common.lifecycle import startup

            startup.register_hooks()
            self._is_early = startup.is_early()
            self._observe()

    def __call__(self, event: Event, context: LambdaContext) -> Event:
        """Answer one event of an accepted shape. Never raises: what went wrong is a problem in the answer."""
        if not self._is_observed:
            self._observe()
        if self._telemetry is None:
            return self._reply(event, context, None)
        with self._telemetry.watch(context.aws_request_id) as watch:
            return self._reply(event, context, watch)

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        return self._seen(request, None)

    def refuse(self, request: Request, error: Exception) -> Response:
        """The answer to a request that ended with this exception before it came here."""
        return self._seen(request, error)

    def _reply(self, event: Event, context: LambdaContext, watch: Watch | None) -> Event:
        for shape in self.events:
            try:
                request = shape.read(event, context)
                if request is None:
                    continue
            except OrgError as error:
                if error.status >= 500:
                    logger().error("%s", error.detail)
                return shape.to_event(self._unread(error, event, context, watch), event)
            request.event = (shape, event)
            try:
                return shape.to_event(self._watched(request, watch), event)
            except ResponseTooLarge as error:
                return shape.to_event(self._refused(request, error, watch), event)
        from org_common.events.unknown import unknown_event_error

        refused, seen = unknown_event_error(event)
        logger().error("%r accepts events of %s, and was invoked with %s", self, self.events, seen)
        return to_event(self._unread(refused, event, context, watch))

    def _seen(self, request: Request, error: Exception | None) -> Response:
        if not self._is_observed:
            self._observe()
        if self._telemetry is None:
            return self._watched(request, None, error)
        with self._telemetry.watch(None) as watch:
            return self._watched(request, watch, error)

    def _watched(self, request: Request, watch: Watch | None, error: Exception | None = None) -> Response:
        if watch is not None:
            watch.request(request)
        if error is not None:
            return self._refused(request, error, watch)
        try:
            response = self._finish.apply(request, self._respond(request))
        except Exception as raised:  # noqa: BLE001 - logged in `_problem`
            # By a middleware: what a route raises is a problem before it comes here.
            return self._refused(request, raised, watch)
        if watch is not None:
            watch.answered(response)
        return response

    def _refused(self, request: Request, error: Exception, watch: Watch | None) -> Response:
        response = self._finish.apply(request, self._problem(request, error))
        if watch is not None:
            watch.answered(response)
        return response

    def _unread(self, error: OrgError, event: Event, context: LambdaContext, watch: Watch | None) -> Response:
        """The answer to an event that is no request."""
        from org_common.events.unknown import partial_request

        told = problem(error, context.aws_request_id, self._problem_types)
        response = self._finish.apply(partial_request(event, context), told)
        if watch is not None:
            watch.problem(error.code)
            watch.answered(response)
        return response

    def _routed(self, request: Request) -> Response:
        try:
            route, values = self._table.match(request.method, request.path)
            if route is None:
                return self._options(request)
            invocation = current.get()
            watch = None if invocation is None else invocation.watch
            if watch is not None:
                watch.route(route, values)
            identity = None
            if not route.is_public:
                identity = self.identity.identity(request)
                if identity is None:
                    raise Unauthorized
                if watch is not None:
                    watch.caller(identity)
            return route.run(request, values, identity, self.database, self._fit)
        except Exception as error:  # noqa: BLE001 - logged in `_problem`
            return self._problem(request, error)

    def _problem(self, request: Request, error: Exception) -> Response:
        if self._failures.handlers:
            try:
                answered = self._failures.answered(error, request)
            except Exception as another:  # noqa: BLE001 - logged here
                logger().exception("%s failed in an error handler", self._name(request))
                answered = another if isinstance(another, OrgError) else OrgError()
            if isinstance(answered, Response):
                return answered
            if answered is not None:
                error = answered
        error = sendable(error)
        if not isinstance(error, OrgError):
            logger().error("%s failed", self._name(request), exc_info=error)
            error = OrgError()
        elif error.status >= 500:
            logger().error("%s answered %d", self._name(request), error.status, exc_info=error)
        elif isinstance(error, ResponseTooLarge):
            logger().error("%s: %s", self._name(request), error.detail)
        invocation = current.get()
        if invocation is not None and invocation.watch is not None:
            invocation.watch.problem(error.code)
        return problem(error, request.id, self._problem_types)

    def _fit(self, request: Request, response: Response) -> None:
        """`ResponseTooLarge` when it could not be sent, as it would go out."""
        if request.event is not None:
            shape, event = request.event
            copy = Response(response.body, status=response.status, headers=response.headers, cookies=response.cookies)
            shape.to_event(self._finish.apply(request, copy), event)

    def _options(self, request: Request) -> Response:
        """What the path's methods are, and a browser's question before a request from another origin."""
        allowed = self._table.allowed(request.path)
        headers = {"allow": allowed}
        if self._cors is not None and "access-control-request-method" in request.headers:
            self._cors.add_preflight_headers(headers, allowed)
        return Response(status=204, headers=headers)

    def error(self, kind: type[E]) -> Callable[[Callable[[E, Request], T]], Callable[[E, Request], T]]:
        """Declare what answers an exception of this class or below: a `Response`, or the `OrgError` to make one of.

        @app.error(StockEmpty)
        def stock_empty(error: StockEmpty, request: Request) -> OrgError:
            return Conflict("There are none left.", code="stock_empty")
        """

        def declare(handler: Callable[[E, Request], T]) -> Callable[[E, Request], T]:
            self._failures.add(kind, handler)  # type: ignore[arg-type]  # what it answers is checked when it does
            return handler

        return declare

    @property
    def error_handlers(self) -> Mapping[type[Exception], Callable[[Any, Request], Response | OrgError]]:
        """What `error` declared."""
        return self._failures.handlers

    def include(self, *routers: Router) -> None:
        """Serve the routes of these routers as well. `TypeError` for a route or a provided type that is there twice."""
        for router in routers:
            for kind, factory in router.provided.items():
                if self.provided.setdefault(kind, factory) is not factory:
                    raise TypeError(f"{self!r} has two factories of {kind.__name__}: leave provide to the app")
            for route in router.routes:
                self._add(route.given(self.provided))
            router.taken(repr(self))

    def override(self, kind: type[T], value: T) -> AbstractContextManager[T]:
        """Within `with`, handlers that ask for this type get this value: for tests."""
        from org_common.handlers.override import Override

        return Override(self.provided, kind, value)

    def route_of(self, method: str, path: str) -> Route | None:
        """What answers such a request; None where nothing does."""
        try:
            return self._table.match(method, path)[0]
        except OrgError:
            return None

    def needs_identity(self, method: str, path: str) -> bool:
        """Such a request meets a route that asks who is calling: in front of others an API has no authorizer."""
        route = self.route_of(method, path)
        return route is not None and not route.is_public

    def serves(self, path: str) -> bool:
        """Some route of this app has the path, whatever its method."""
        return self._table.knows(path)

    def methods(self, path: str) -> str:
        """Those of a path, as `Allow` has them; empty for an unknown path."""
        return self._table.allowed(path)

    def database(self) -> Database:
        """The database of this app's routes: the one given to `use`, or the environment's."""
        if self._database is None:
            from org_common.db.database import default

            # Told with the first request, whichever that is, and not by the first list that has a second page.
            self._database = default(pages=any(route.signature.injects("page") is not None for route in self.routes))
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
        if self._telemetry is not None:
            self._telemetry.declared()
        if self._is_early:
            route.prepare()

    def _name(self, request: Request) -> str:
        """For the log: the route as it is declared, since a path may hold what must not be there."""
        route = self.route_of(request.method, request.path)
        return request.method if route is None else f"{request.method} {route.path}"

    def _observe(self) -> None:
        from org_common.telemetry.requests import Telemetry

        self._is_observed = True
        self._telemetry = Telemetry.of(self.name, lambda: self._database)

    def __repr__(self) -> str:
        return f"App({self.name!r}, {len(self.routes)} routes)"


def _around(middleware: Middleware, respond: Callable[[Request], Response]) -> Callable[[Request], Response]:
    return lambda request: checked(middleware(request, lambda given: shared(respond(given))))


def logger() -> Logger:
    """Imported when there is something to log: by itself `logging` takes as long as a third of this package."""
    import logging

    return logging.getLogger("org_common")
