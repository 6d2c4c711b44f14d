"""`App`: the routes of one Lambda function, and its entry point."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, overload

from org_common.auth.from_authorizer import FROM_AUTHORIZER
from org_common.events.http_api import HTTP_API, to_event
from org_common.handlers.constraints import at_field
from org_common.http.finish import SECURITY, Finish
from org_common.http.observer import IGNORE
from org_common.pipeline import Pipeline, logger
from org_common.router import Router
from org_common.values.errors import OrgError, ResponseTooLarge

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from org_common.auth.from_authorizer import IdentitySource
    from org_common.config.needs import Needs
    from org_common.db.database import Database
    from org_common.events.event_source import EventSource
    from org_common.http.cors import Cors
    from org_common.http.observer import Observer
    from org_common.http.request import Request
    from org_common.http.response import Response
    from org_common.pipeline import Middleware
    from org_common.route import Route
    from org_common.triggers.dispatch import Triggers
    from org_common.triggers.trigger import Trigger
    from org_common.values.types import Event, LambdaContext

E = TypeVar("E", bound=Exception)
T = TypeVar("T")
# An event of a schedule without an input of its own.
_TICK = {"detail-type": "Scheduled Event", "source": "aws.events"}


class App(Router):
    """The routes of one Lambda function. The app is the function's handler: `app(event, context)`.

        app = App("access-orgs")

        @app.get("/orgs/{org_id}", allow=ORG_USER)
        def get_org(db: Reader, org_id: UUID) -> Org:
            return db.one(Org, GET_ORG, {"org_id": org_id})

    The parameters of a handler are bound by their annotations: path parameters by name, a model from the body, scalars
    from the query string. Injected by type: `Reader`, `Transaction`, `Identity`, `Request`, `Deadline`, `PageRequest`,
    `Precondition`, and each type given to `provide`.
    """

    name: str
    """The function's name in logs, metrics and the list of routes."""
    identity: IdentitySource
    """Who authenticates the caller: the API's authorizer (`FROM_AUTHORIZER`), `Bearer(...)` or `GatewayJwt(...)`."""
    events: tuple[EventSource, ...]
    """What may invoke the function: `HTTP_API`, `REST_API`, `FUNCTION_URL`, `ALB`; `KEEP_WARM` for pings."""
    needs: Needs | None
    """What the function's IAM role must allow."""
    pipeline: Pipeline
    """How requests are handled, for servers: `Asgi`, the test client. Handlers have no use for it."""

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
        """Declare a function. Raises `TypeError` when `identity` relies on an authorizer that an event source lacks.

        - `identity`, `events`, `needs`: see the attributes. They are declared, never guessed from an event.
        - `cors`: which origins may call. Without it no CORS header is sent.
        - `middleware`: called around every request, the first outermost: `middleware(request, next) -> Response`.
        - `headers`: added to every response that does not set them itself; by default security headers.
        - `compress`: compress bodies from 1 KB on, when the caller accepts it.
        - `problem_types`: a URL prefix; the `type` of a problem is the prefix and its code.
        """
        super().__init__()
        self.provided: dict[type, Callable[[Request], Any]] = {}
        _check_events(name, identity, events)
        # Of `KeepWarm`, which is not imported here: few apps use it.
        found: list[Callable[[Event], bool] | None] = [getattr(source, "is_ping", None) for source in events]
        self._is_ping = [is_ping for is_ping in found if is_ping is not None]
        if len(self._is_ping) == len(events):
            raise TypeError(f"App({name!r}): events= is empty, so nothing can invoke it. Example: events=(HTTP_API,)")
        self.name = name
        self.identity = identity
        self.events = tuple(events)
        self.needs = needs
        self.pipeline = Pipeline(
            name,
            identity=identity,
            finish=Finish(cors=cors, compress=compress, headers=headers),
            cors=cors,
            middleware=middleware,
            problem_types=problem_types,
        )
        self._triggers: Triggers | None = None
        self._prepares_early = False
        if "AWS_LAMBDA_RUNTIME_API" in os.environ:
            # During the init phase, which has a complete CPU: the first request may have a tenth of one.
            from org_common.lifecycle import startup

            startup.register_hooks()
            self._prepares_early = startup.is_early()
            self.pipeline.load_telemetry()

    def __call__(self, event: Event, context: LambdaContext) -> Event:
        """Handle one event of an accepted event source, or of a trigger.

        Errors of a request become problem responses. Those of a trigger are raised, unless it can give back the record.
        """
        if self._is_ping and any(is_ping(event) for is_ping in self._is_ping):
            return {}
        if self._triggers is not None and not (isinstance(event, dict) and "requestContext" in event):
            return self._triggers.handle(event, context)
        observer = self.pipeline.observe(context.aws_request_id)
        if observer is IGNORE:
            # It neither opens nor closes anything.
            return self._handle(event, context, observer)
        with observer:
            return self._handle(event, context, observer)

    def _handle(self, event: Event, context: LambdaContext, observer: Observer) -> Event:
        for source in self.events:
            try:
                request = source.read(event, context)
            except OrgError as error:
                if error.status >= 500:
                    logger().error("%s", error.detail)
                return source.to_event(self._refuse_event(error, event, context, observer), event)
            if request is None:
                continue
            request.observer = observer
            request.to_event = source.to_event
            request.event = event
            response = self.pipeline.handle(request)
            try:
                return source.to_event(response, event)
            except ResponseTooLarge as error:
                return source.to_event(self.pipeline.refuse_response(request, error), event)
        return to_event(self._refuse_unknown_event(event, context, observer))

    def _refuse_unknown_event(self, event: Event, context: LambdaContext, observer: Observer) -> Response:
        from org_common.events.unknown import is_delivery, unknown_event_error

        error, description = unknown_event_error(event)
        logger().error("%r accepts events of %s, and was invoked with %s", self, self.events, description)
        if is_delivery(event):
            raise error
        return self._refuse_event(error, event, context, observer)

    def _refuse_event(self, error: OrgError, event: Event, context: LambdaContext, observer: Observer) -> Response:
        from org_common.events.unknown import partial_request

        return self.pipeline.refuse_event(partial_request(event, context), error, observer)

    @property
    def triggers(self) -> Sequence[Trigger]:
        """The declared triggers."""
        return [] if self._triggers is None else self._triggers.declared

    def _add_trigger(self, trigger: Trigger) -> None:
        is_schedule = trigger.kind == "SCHEDULE"
        if is_schedule and any(is_ping(_TICK) for is_ping in self._is_ping):
            raise TypeError(
                f"schedule({trigger.details['expression']!r}): KEEP_WARM takes the events of all schedules. Give your "
                'pings an input of their own: events=(HTTP_API, KeepWarm({"ping": True}))'
            )
        if self._triggers is None:
            from org_common.triggers.dispatch import Triggers

            self._triggers = Triggers(self.name, self.pipeline)
        trigger = self._triggers.add(trigger)
        if self._prepares_early:
            trigger.prepare()

    def error(self, kind: type[E]) -> Callable[[Callable[[E, Request], T]], Callable[[E, Request], T]]:
        """Declare the error handler of an exception class and its subclasses.

        It returns a `Response`, or the `OrgError` to render as a problem.

            @app.error(StockEmpty)
            def stock_empty(error: StockEmpty, request: Request) -> OrgError:
                return Conflict("There are none left.", code="stock_empty")
        """
        if not isinstance(kind, type) or not issubclass(kind, Exception):
            raise TypeError(f"error({kind!r}): name the class of the exceptions. Example: @app.error(KeyError)")

        def declare(handler: Callable[[E, Request], T]) -> Callable[[E, Request], T]:
            self.pipeline.error_handlers.add(kind, handler)  # type: ignore[arg-type]  # the result is checked later
            return handler

        return declare

    @overload
    def constraint(self, name: str) -> Callable[[Callable[[Any, Request], T]], Callable[[Any, Request], T]]: ...

    @overload
    def constraint(self, name: str, field: str, *, detail: str | None = None, code: str | None = None) -> None: ...

    def constraint(
        self, name: str, field: str | None = None, *, detail: str | None = None, code: str | None = None
    ) -> Callable[[Callable[[Any, Request], T]], Callable[[Any, Request], T]] | None:
        """Declare what the violation of a database constraint means: a field of the body, or a handler.

            app.constraint("users_email_key", "email", detail="This address is taken.", code="taken")

            @app.constraint("notes.notes.text")
            def text_is_missing(error: OrgError, request: Request) -> OrgError:
                return Unprocessable("A note needs text.", code="empty_note")

        - `name`: the constraint, `users_email_key`, with its table if several tables have one of that name,
          `access.users.users_email_key`; or a column that must not be null, `notes.notes.text`.
        - `field`: the field's name in the body, `email`, or `address/zip`. The response keeps status and code, and its
          `errors` point to the field, with `detail` and `code`.
        """
        if field is not None:
            self.pipeline.constraints.add(name, at_field(field, detail, code))
            return None

        def declare(handler: Callable[[Any, Request], T]) -> Callable[[Any, Request], T]:
            self.pipeline.constraints.add(name, handler)  # type: ignore[arg-type]  # the result is checked later
            return handler

        return declare

    @property
    def error_handlers(self) -> Mapping[type[Exception], Callable[[Any, Request], Response | OrgError]]:
        """The declared error handlers, by exception class."""
        return self.pipeline.error_handlers.handlers

    def include(self, *routers: Router) -> None:
        """Serve the routes and triggers of these routers too.

        Raises `TypeError` for a route, a trigger or a provided type that exists twice.
        """
        for router in routers:
            for kind, factory in router.provided.items():
                if self.provided.setdefault(kind, factory) is not factory:
                    raise TypeError(
                        f"{self!r} has two factories of {kind.__name__}: call provide() on the app, and on no router"
                    )
            for route in router.routes:
                self._add(route.bound_to(self.provided))
            for trigger in router.triggers:
                self._add_trigger(trigger)
            router.freeze(repr(self))

    def override(self, kind: type[T], value: T) -> AbstractContextManager[T]:
        """Within `with`, handlers get this value for the type: for tests."""
        from org_common.handlers.override import Override

        return Override(self.provided, kind, value)

    def database(self) -> Database:
        """The database of this app's routes: the one given to `use`, or the environment's."""
        return self.pipeline.database()

    def use(self, database: Database | None, *, service: Database | None = None) -> None:
        """Use this database instead of the environment's; None goes back. For tests and servers of several apps.

        `service` is the same database on the login `app_service`, for triggers with `AsService`.
        """
        self.pipeline.use(database)
        if self._triggers is not None:
            self._triggers.use_service(service)

    def _add(self, route: Route) -> None:
        self.pipeline.add(route)
        self.routes.append(route)
        if self._prepares_early:
            route.prepare()

    def __repr__(self) -> str:
        return f"App({self.name!r}, {len(self.routes)} routes)"


def _check_events(name: str, identity: IdentitySource, events: Sequence[EventSource]) -> None:
    """`TypeError` for event sources that the app would not read, or whose callers it would all refuse."""
    if not isinstance(events, (tuple, list)):
        raise TypeError(f"App({name!r}): events={events!r} is not a tuple. Example: events=(HTTP_API,)")
    if not events:
        raise TypeError(f"App({name!r}): events= is empty, so nothing can invoke it. Example: events=(HTTP_API,)")
    for at, source in enumerate(events):
        if isinstance(source, type) or not hasattr(source, "has_authorizer"):
            raise TypeError(f"App({name!r}): events= has {source!r}, which is not an event source. Example: HTTP_API")
        for other in events[:at]:
            # Several `KeepWarm` do not take each other's events.
            if type(other) is type(source) and not hasattr(source, "is_ping"):
                raise TypeError(
                    f"App({name!r}): events= has {other!r} and {source!r}, and {other!r} would take all events of "
                    "both. Keep one; for two base paths declare two apps"
                )
        if identity.needs_authorizer and not source.has_authorizer:
            raise TypeError(
                f"App({name!r}): identity={identity!r} relies on an authorizer, and {source!r} has none. "
                f"Remove {source!r} from events=, or verify tokens in the app: identity=Bearer(...)"
            )
