"""The request pipeline of one app: middleware, route, error handlers, finishing. Each method is one step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from org_common.handlers.constraints import Constraints
from org_common.handlers.error_handlers import ErrorHandlers, check_arguments
from org_common.http.incoming_request import IncomingRequest, passed_on
from org_common.http.observer import IGNORE
from org_common.http.request import Request
from org_common.http.response import (
    Response,
    build_response,
    check_response,
    error_or_header_error,
    private_copy,
    problem,
    release_to_middleware,
)
from org_common.http.routing import DeclaredTwice, Table
from org_common.route import Route, declared_twice
from org_common.values.errors import OrgError, ResponseTooLarge, Unauthorized

TYPE_CHECKING = False

if TYPE_CHECKING:
    from logging import Logger

    from org_common.auth.from_authorizer import IdentitySource
    from org_common.db.database import Database
    from org_common.http.cors import Cors
    from org_common.http.finish import Finish
    from org_common.http.observer import Observer
    from org_common.http.response import OwnedResponse
    from org_common.telemetry.requests import Telemetry
    from org_common.values.secret import Reference

    # Runs around every request of an app: `next` handles it.
    Middleware = Callable[[Request, Callable[[Request], Response]], Response]

# The time to fetch a secret that only log lines need.
SECRET_S = 2.0


class Pipeline:
    """How one app handles a request. Servers and event sources call it; handlers have no use for it."""

    __slots__ = (
        "_database",
        "_finish",
        "_has_middleware",
        "_identity",
        "_name",
        "_problem_types",
        "_returns_pages",
        "_run_middleware",
        "_telemetry",
        "_telemetry_loaded",
        "constraints",
        "cors",
        "error_handlers",
        "has_streams",
        "table",
    )

    def __init__(
        self,
        name: str,
        *,
        identity: IdentitySource,
        finish: Finish,
        cors: Cors | None,
        middleware: Sequence[Middleware],
        problem_types: str | None,
    ) -> None:
        self.table: Table[Route] = Table()
        self.error_handlers: ErrorHandlers = ErrorHandlers()
        self.constraints: Constraints = Constraints()
        self._database: Database | None = None
        self._returns_pages = False
        self.has_streams: bool = False
        self._name = name
        self._identity = identity
        self._finish = finish
        self.cors: Cors | None = cors
        self._problem_types = problem_types
        self._has_middleware = bool(middleware)
        self._run_middleware: Callable[[IncomingRequest], Response] = self._dispatch
        for wrap in reversed(middleware):
            check_arguments(wrap, ("request", "next"), f"middleware of App({name!r})", "Response")
            self._run_middleware = _around(wrap, self._run_middleware)
        self._telemetry: Telemetry | None = None
        self._telemetry_loaded = False

    def observe(self, invocation_id: str | None) -> Observer:
        """The observer of one request, for `with`. `invocation_id` is Lambda's, None outside of Lambda."""
        if not self._telemetry_loaded:
            self.load_telemetry()
        return IGNORE if self._telemetry is None else self._telemetry.observe(invocation_id)

    def respond(self, request: IncomingRequest, error: Exception | None = None) -> OwnedResponse:
        """The response to a request that came without an event. With an `error`, the request is refused for it."""
        with self.observe(None) as observer:
            request.observer = observer
            request.to_event = request.event = None
            return self.handle(request) if error is None else self.refuse(request, error)

    def handle(self, request: IncomingRequest) -> OwnedResponse:
        """The finished response to a request."""
        observer = request.observer
        observer.request_read(request)
        try:
            response = self._finish.apply(request, self._run_middleware(request))
        except Exception as error:  # noqa: BLE001 - logged by `_problem`
            # Raised by a middleware: what a route raises has become a problem already.
            return self._error_response(request, error)
        observer.response_finished(response)
        return response

    def refuse(self, request: IncomingRequest, error: Exception) -> OwnedResponse:
        """The finished response to a request that failed before it reached the app."""
        request.observer.request_read(request)
        return self._error_response(request, error)

    def refuse_response(self, request: IncomingRequest, error: ResponseTooLarge) -> OwnedResponse:
        """The finished response to a request whose own response cannot be sent."""
        return self._error_response(request, error)

    def refuse_event(self, remains: Request, error: OrgError, observer: Observer) -> OwnedResponse:
        """The finished response to an event that is not a request; `remains` is what could be read of it."""
        rendered = problem(error, remains.id, self._problem_types)
        response = self._finish.apply(remains, rendered)
        observer.problem_rendered(error.code)
        observer.response_finished(response)
        return response

    def finish_before_commit(self, request: IncomingRequest, response: Response) -> Response:
        """Finish a large response while its transaction can still be rolled back.

        Raises `ResponseTooLarge` when it cannot be sent. Middleware must see responses as they were before this step,
        so in an app with middleware a copy is finished and checked.
        """
        finished = self._finish.apply(request, private_copy(response) if self._has_middleware else response)
        if request.to_event is not None and request.event is not None:
            request.to_event(finished, request.event)
        return response if self._has_middleware else finished

    def add(self, route: Route) -> None:
        """Serve this route. Raises `TypeError` when another one has its method and path."""
        try:
            self.table.add(route.method, route.path, route)
        except DeclaredTwice as error:
            raise TypeError(declared_twice(route, error.other)) from error
        self._returns_pages = self._returns_pages or route.signature.injects("page") is not None
        self.has_streams = self.has_streams or route.is_stream
        if self._telemetry is not None:
            self._telemetry.route_declared()

    def database(self) -> Database:
        """The database of this app's routes: the one given to `use`, or the environment's."""
        if self._database is None:
            from org_common.db.database import default

            # Fail at the first request, not at the first second page, when cursor keys are missing.
            self._database = default(pages=self._returns_pages)
        return self._database

    def use(self, database: Database | None) -> None:
        """Use this database instead of the environment's; None goes back."""
        self._database = database

    def find_route(self, method: str, path: str) -> Route | None:
        """The route of such a request; None without one."""
        try:
            return self.table.match(method, path)[0]
        except OrgError:
            return None

    def needs_identity(self, method: str, path: str) -> bool:
        """The route of such a request has a caller: API Gateway runs its authorizer in front of this one."""
        route = self.find_route(method, path)
        return route is not None and not route.is_public

    def streams(self, method: str, path: str) -> bool:
        """The route of such a request returns a `Stream`."""
        route = self.find_route(method, path) if self.has_streams else None
        return route is not None and route.is_stream

    def stream_problem(self, request: IncomingRequest, error: Exception) -> Response:
        """The problem that a stream ends with; the error is logged."""
        return self._problem(request, error)

    def replace_stream(self, request: IncomingRequest, problem: Response) -> OwnedResponse:
        """The finished response in the place of a stream that failed before its first byte."""
        response = self._finish.apply(request, problem)
        request.observer.response_finished(response)
        return response

    def path_value(self, request: Request, parameter: str) -> str | None:
        """The value of a path parameter, `{org_id}`; None for a path without it."""
        try:
            route, values = self.table.match(request.method, request.path)
        except OrgError:
            return None
        names = [] if route is None else [part for part in route.path.split("/") if part.startswith("{")]
        return values[names.index(parameter)] if parameter in names else None

    def load_telemetry(self) -> None:
        """Ask the environment whether requests are logged, measured or traced."""
        from org_common.telemetry.requests import Telemetry

        self._telemetry_loaded = True
        self._telemetry = Telemetry.from_env(self._name, lambda: self._database, _fetch_secret)

    def _dispatch(self, request: IncomingRequest) -> Response:
        try:
            route, values = self.table.match(request.method, request.path)
            if route is None:
                return self._options(request)
            observer = request.observer
            observer.route_matched(route, values)
            identity = None
            if not route.is_public:
                identity = self._identity.identity(request)
                if identity is None:
                    raise Unauthorized
                observer.caller_identified(identity)
            return route.run(request, values, identity, self)
        except Exception as error:  # noqa: BLE001 - logged by `_problem`
            return self._problem(request, error)

    def _error_response(self, request: IncomingRequest, error: Exception) -> OwnedResponse:
        response = self._finish.apply(request, self._problem(request, error))
        request.observer.response_finished(response)
        return response

    def _problem(self, request: IncomingRequest, error: Exception) -> Response:
        if isinstance(error, OrgError) and (error.__cause__ or error.__context__) is not None:
            self._explain(request, error)
        if self.error_handlers.handlers or self.constraints.handlers:
            try:
                result = self.constraints.handle(error, request) or self.error_handlers.handle(error, request)
            except Exception as another:  # noqa: BLE001 - logged here
                logger().exception("%s failed in an error handler", self._route_name(request))
                result = another if isinstance(another, OrgError) else OrgError()
            if isinstance(result, Response):
                return result
            if result is not None:
                error = result
        error = error_or_header_error(error)
        if not isinstance(error, OrgError):
            logger().error("%s failed", self._route_name(request), exc_info=error)
            error = OrgError()
        elif error.status >= 500:
            logger().error("%s responded with %d", self._route_name(request), error.status, exc_info=error)
        elif isinstance(error, ResponseTooLarge):
            logger().error("%s: %s", self._route_name(request), error.detail)
        request.observer.problem_rendered(error.code)
        return problem(error, request.id, self._problem_types)

    def _explain(self, request: Request, error: OrgError) -> None:
        """Log what PostgreSQL said about a request that it refused; the caller learns none of it.

        An error of 500 or more is logged with its exception, by `_problem`.
        """
        log = logger()
        is_logged = error.status < 500 and log.isEnabledFor(WARNING)
        if not is_logged and recorded is None:
            return
        from org_common.telemetry.causes import database_error, explained

        failed = database_error(error)
        if failed is None:
            return
        name = self._route_name(request)
        if is_logged:
            from org_common.telemetry.refusals import log_refusal

            log_refusal(log, name, error, failed)
        if recorded is not None:
            recorded.append("\n".join([f"{name} responded with {error.status}", *explained(failed)]))

    def _options(self, request: Request) -> Response:
        """The methods of a path, and the CORS preflight response."""
        allowed = self.table.allowed(request.path)
        headers = {"allow": allowed}
        if self.cors is not None and "access-control-request-method" in request.headers:
            declared = [name for route in self.table.routes_of(request.path) for name in route.signature.headers]
            self.cors.add_preflight_headers(headers, allowed, declared)
        return build_response(204, headers, b"")

    def _route_name(self, request: Request) -> str:
        """For the log: the route as declared, since a path may hold personal data."""
        route = self.find_route(request.method, request.path)
        return request.method if route is None else f"{request.method} {route.path}"


def _around(
    middleware: Middleware, handle: Callable[[IncomingRequest], Response]
) -> Callable[[IncomingRequest], Response]:
    def wrapped(request: IncomingRequest) -> Response:
        def proceed(passed: Request) -> Response:
            return release_to_middleware(handle(passed_on(passed, request)))

        return check_response(middleware(request, proceed))

    return wrapped


def _fetch_secret(reference: Reference) -> str:
    """For a log line, so the request waits for a short time only."""
    import time

    from org_common.secrets.store import default

    return default().read(reference, deadline_s=time.monotonic() + SECRET_S).reveal()


# Of `logging`, which is not imported before there is something to log.
WARNING = 30
recorded: list[str] | None = None
"""In tests: PostgreSQL's errors that requests ended in, for the report of a test that fails."""


def logger() -> Logger:
    """Imported when there is something to log: `logging` takes a third of the import time of this package."""
    import logging

    return logging.getLogger("org_common")
