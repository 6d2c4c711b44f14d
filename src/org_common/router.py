"""`Router`: routes and triggers declared in one file, served by the app that includes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, Unpack

from org_common.handlers.signature import Later
from org_common.route import Route, RouteOptions, declared_twice

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.http.request import Request
    from org_common.triggers.trigger import Trigger, TriggerOptions

H = TypeVar("H", bound=Callable[..., Any])
T = TypeVar("T")


class Router:
    """Routes and triggers for a function that is split over several files. `prefix` is put in front of each path.

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
        self._declared_triggers: list[Trigger] = []

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

    def sqs(self, queue: str, *, outside: bool = False, **options: Unpack[TriggerOptions]) -> Callable[[H], H]:
        """Declare the handler of a queue's messages. It runs as the sender of each message, in one transaction.

            @app.sqs("ingest", allow=OrgCheck("org_user"))
            def ingest(tx: Transaction, document: NewDocument) -> None: ...

        - `queue`: the name that `tx.send` gives. The queue in AWS may have more around it: `prod-ingest.fifo`.
        - `outside`: the messages come from elsewhere than `tx.send`, so they have no sender.
        """
        return self._trigger("SQS", queue, options, outside=outside, details={})

    def schedule(
        self, expression: str, *, timezone: str = "UTC", name: str | None = None, **options: Unpack[TriggerOptions]
    ) -> Callable[[H], H]:
        """Declare a handler that runs on a schedule: `rate(1 day)` or `cron(0 3 * * ? *)`, in `timezone`.

        `name` is the schedule's, by default that of the handler. A model in the signature is the schedule's input.
        """
        from org_common.events.schedule import check_expression

        check_expression(expression)
        return self._trigger(
            "SCHEDULE", name, options, outside=True, details={"expression": expression, "timezone": timezone}
        )

    def s3(
        self,
        bucket: str,
        *,
        events: Sequence[str] = ("ObjectCreated:*",),
        queue: str | None = None,
        **options: Unpack[TriggerOptions],
    ) -> Callable[[H], H]:
        """Declare the handler of a bucket's events. It takes an `S3Object`.

        - `events`: their names, where "ObjectCreated:*" is all of a kind.
        - `queue`: the queue that the bucket sends them to; None if S3 or EventBridge invokes the function.
        """
        details = {"events": tuple(events), "queue": queue}
        return self._trigger("S3", bucket, options, outside=True, details=details)

    def event(self, *, source: str, detail_type: str, **options: Unpack[TriggerOptions]) -> Callable[[H], H]:
        """Declare the handler of an event bus's events. A model in its signature is the detail.

        Events with the source "org-common" are messages that `tx.send` wrote to the queue `detail_type`: the handler
        runs as their sender.
        """
        outside = source != "org-common"
        return self._trigger("EVENT", detail_type, options, outside=outside, details={"source": source})

    @property
    def triggers(self) -> Sequence[Trigger]:
        """The declared triggers."""
        return self._declared_triggers

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
            self._check_open(f"{method} {self.prefix}{path}")
            self._add(Route(method, f"{self.prefix}{path}" or "/", handler, options, self.provided))
            return handler

        return declare

    def _add(self, route: Route) -> None:
        for other in self.routes:
            if (route.method, route.path) == (other.method, other.path):
                raise TypeError(declared_twice(route, other))
        self.routes.append(route)

    def _trigger(
        self, kind: str, name: str | None, options: TriggerOptions, *, outside: bool, details: dict[str, Any]
    ) -> Callable[[H], H]:
        from org_common.triggers.trigger import Trigger

        def declare(handler: H) -> H:
            trigger = Trigger(kind, name, handler, options, outside=outside, details=details)
            self._check_open(f"{kind} {trigger.name}")
            self._add_trigger(trigger)
            return handler

        return declare

    def _add_trigger(self, trigger: Trigger) -> None:
        from org_common.triggers.trigger import check_unique

        check_unique(trigger, self._declared_triggers)
        self._declared_triggers.append(trigger)

    def _check_open(self, what: str) -> None:
        if self._included_by is not None:
            raise TypeError(
                f"{what} is declared too late: {self._included_by} includes this router already. Call include below "
                "the routes and triggers"
            )

    def freeze(self, owner: str) -> None:
        """Refuse further routes and triggers: the app that includes this router would not serve them."""
        self._included_by = owner
