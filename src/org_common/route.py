"""One route: its access rule, its handler, and how a request runs through them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Required, TypedDict

from org_common.auth.rules import Rule
from org_common.events.event_source import SURELY_FITS_ANYWHERE_BYTES
from org_common.handlers.binding import Binding
from org_common.handlers.result import ResultWriter, idempotent_stream_error, returns_stream
from org_common.handlers.signature import NO_PROVIDERS, Signature
from org_common.http.request import Request
from org_common.http.response import NO_STORE, Response
from org_common.http.routing import parameters
from org_common.values.errors import OrgError, PreconditionFailed, Unavailable
from org_common.values.identity import Identity
from org_common.values.isolation import DEFAULT_ISOLATION, ISOLATIONS, Isolation

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Protocol

    from org_common.db.database import Database
    from org_common.db.idempotency import IdempotencyKey, StoredResponse
    from org_common.http.incoming_request import IncomingRequest

    class Host(Protocol):
        """What the app offers its routes."""

        def database(self) -> Database:
            """The database of the app's routes."""
            ...

        def finish_before_commit(self, request: IncomingRequest, response: Response) -> Response:
            """Finish a large response. Raises `ResponseTooLarge` when it cannot be sent."""
            ...


class RouteOptions(TypedDict, total=False):
    """What a route declares next to its path."""

    allow: Required[Rule]
    """The access rule. A route without one raises `TypeError` at import."""
    status: int
    """Status of a successful response, 200 by default; a handler that returns None turns 200 into 204."""
    idempotent: bool
    """With the header Idempotency-Key, a retried request gets the stored response and has no further effect."""
    retry: bool
    """The handler depends on its input alone: it may run again after a deadlock or a lost connection."""
    isolation: Isolation
    """Isolation level of its transaction, READ COMMITTED by default. The other levels need `retry=True`."""
    begins_with_statement: bool
    """Assert that the access rule needs no round trip of its own: `TypeError` at import if the handler may do something
    before its first statement, which the rule is sent with. Without it the route finds out at its first request."""
    cache: str
    """The header Cache-Control of a successful response, "no-store" by default. Example: "private, no-cache"."""
    location: str
    """Where a 201 created its resource, if not below the path of the request: "/workspaces/{id}", with the `id` of the
    body."""
    summary: str
    """One line for the list of routes; by default the first line of the handler's docstring."""
    raises: Sequence[type[OrgError]]
    """Errors to document in OpenAPI that the code does not show, such as `Gone` raised by a database function."""


class Route:
    """One method of one path, its access rule, and its handler."""

    __slots__ = (
        "_authorizes_first",
        "_binding",
        "_identity_at",
        "_is_unconditional",
        "_isolation",
        "_logs_reads",
        "_needs_authorization",
        "_path_at",
        "_reader_at",
        "_result",
        "_retry",
        "_transaction_at",
        "handler",
        "idempotent",
        "is_public",
        "is_stream",
        "method",
        "path",
        "provided",
        "raises",
        "rule",
        "signature",
        "status",
        "summary",
    )

    def __init__(
        self,
        method: str,
        path: str,
        handler: Callable[..., Any],
        options: RouteOptions,
        provided: Mapping[type, Callable[[Request], Any]] = NO_PROVIDERS,
    ) -> None:
        """Raises `TypeError` that says what is wrong with the declaration and how to fix it.

        `provided` are the factories of the app or router, which may grow later.
        """
        where = f"{method} {path}"
        rule = _checked_rule(where, options)
        try:
            names = parameters(path)
            self.signature: Signature = Signature(handler, names, provided)
            self._binding = Binding(self.signature)
            self._check_response(options)
            self._result = ResultWriter(
                self.signature.result,
                options.get("status", 200),
                options.get("cache", NO_STORE),
                options.get("location"),
            )
        except (TypeError, ValueError) as error:
            raise TypeError(f"{where}: {error}") from error
        self.method: str = method
        self.path: str = path
        self.handler: Callable[..., Any] = handler
        self.rule: Rule = rule
        self.is_public: bool = rule.is_public
        self._needs_authorization = rule.needs_database
        self._logs_reads = rule.role == "app_sys"
        self._is_unconditional = method != "GET" and self.signature.injects("precondition") is None
        self.summary: str = options.get("summary") or (handler.__doc__ or "").strip().partition("\n")[0]
        self.raises: tuple[type[OrgError], ...] = tuple(options.get("raises", ()))
        self.idempotent: bool = options.get("idempotent", False)
        self._retry = options.get("retry", False)
        self._isolation: Isolation = options.get("isolation", DEFAULT_ISOLATION)
        self.provided: Mapping[type, Callable[[Request], Any]] = provided
        self.status: int = options.get("status", 200)
        self.is_stream: bool = returns_stream(self.signature.result)
        # The positions of the injected arguments; None where the handler does not take one.
        self._identity_at = self.signature.injects("identity")
        self._reader_at = self.signature.injects("reader")
        self._transaction_at = self.signature.injects("transaction")
        self._path_at = [(each.name, at) for at, each in enumerate(self.signature.parameters) if each.kind == "path"]
        self._authorizes_first: bool | None = None
        self._check(where, names, options)

    def _check_response(self, options: RouteOptions) -> None:
        status = options.get("status", 200)
        if type(status) is not int or not 200 <= status <= 299:
            raise TypeError(
                f"status={status!r} is not the status of a success, 200 to 299. Raise an error for another, such as "
                "NotFound(), or return Response(status=303, headers=...)"
            )
        if status == 204 and self.signature.result not in (None, type(None)):
            raise TypeError("status=204 has no body, but the handler returns one: annotate it `-> None`")
        raises = options.get("raises", ())
        if not isinstance(raises, (list, tuple)) or not all(
            isinstance(kind, type) and issubclass(kind, OrgError) for kind in raises
        ):
            raise TypeError(f"raises={raises!r} is not a list of error classes. Example: raises=[Gone]")

    def _check(self, where: str, names: list[str], options: RouteOptions) -> None:
        missing = [name for name in self.rule.placeholders if name not in names]
        if missing:
            raise TypeError(
                f"{where}: the access rule needs %({missing[0]})s, and the path has "
                f"{', '.join(names) or 'no parameters'}. Add it to the path: /{{{missing[0]}}}"
            )
        writes = self._transaction_at is not None
        if writes and self.method in ("GET", "HEAD"):
            raise TypeError(f"{where} takes a Transaction, and {self.method} must not write: take a Reader instead")
        if writes and self._reader_at is not None:
            raise TypeError(f"{where} takes a Reader and a Transaction: a Transaction reads too, take it alone")
        for option in ("idempotent", "retry", "isolation"):
            if option in options and not writes:
                raise TypeError(
                    f"{where}: {option}= needs a transaction, and the handler takes none: add `tx: Transaction`"
                )
        if self.idempotent and self.is_public:
            raise TypeError(
                f"{where} is PUBLIC and idempotent=True, and a stored response belongs to a caller: use allow=TOKEN, "
                "or remove idempotent="
            )
        if self.idempotent and self.is_stream:
            raise idempotent_stream_error(where)
        if self._isolation not in ISOLATIONS:
            raise TypeError(
                f"{where}: isolation={self._isolation!r} is not a level. Use one of {', '.join(ISOLATIONS)}"
            )
        if self._isolation != DEFAULT_ISOLATION and not self._retry:
            raise TypeError(f"{where}: isolation={self._isolation!r} causes serialization failures: add retry=True")
        if options.get("begins_with_statement"):
            self._check_prologue(where)
        if self._identity_at is not None and self.is_public:
            raise TypeError(
                f"{where} is PUBLIC and takes an Identity, and PUBLIC routes have no caller: use allow=TOKEN"
            )

    def _check_prologue(self, where: str) -> None:
        if self._reader_at is self._transaction_at is None:
            raise TypeError(
                f"{where}: begins_with_statement=True is about a Reader or a Transaction, and the handler takes neither"
            )
        effect = self.find_effect()
        if effect is not None:
            raise TypeError(
                f"{where}: begins_with_statement=True, but the handler {effect}, before its first statement. Move it "
                "behind the statement, or remove the option: the access rule then takes a round trip of its own"
            )

    def bound_to(self, provided: Mapping[type, Callable[[Request], Any]]) -> Route:
        """A copy of this route for an app that provides these types."""
        for parameter in self.signature.parameters:
            if parameter.kind == "provided" and parameter.annotation not in provided:
                name = parameter.annotation.__name__
                raise TypeError(
                    f"{self.method} {self.path}: the handler {self.handler.__name__!r} takes a {name}, which nothing "
                    f"provides. Above include(), call app.provide({name}, factory)"
                )
        # A binding is compiled with the app's factories, so each app needs its own.
        own = {"provided": provided, "_binding": Binding(self.signature)}
        route = Route.__new__(Route)
        for name in Route.__slots__:
            setattr(route, name, own[name] if name in own else getattr(self, name))
        return route

    @property
    def needs_database(self) -> bool:
        """The handler or the access rule uses the database."""
        return not (self._reader_at is self._transaction_at is None) or self._needs_authorization

    def prepare(self) -> None:
        """Build now what the first request would build: validators, serializer, the import of the database code."""
        self.authorizes_first()
        try:
            self._binding.prepare()
            self._result.prepare()
        except NameError:
            # A model refers to one that is defined below it: it is built at its first use.
            pass
        if self.needs_database:
            __import__("org_common.db.database")

    def run(self, request: IncomingRequest, values: list[str], identity: Identity | None, host: Host) -> Response:
        """Bind the arguments, run the handler, render its result. A transaction commits after rendering."""
        if self._is_unconditional and "if-match" in request.headers:
            # Ignoring it could overwrite a change that the caller wanted to protect.
            raise PreconditionFailed("Conditions are not supported here: leave out If-Match.", code="no_conditions")
        arguments = self._binding.bind(request, values)
        if self._identity_at is not None:
            arguments[self._identity_at] = identity
        if self._transaction_at is not None:
            if self._retry:
                return self._write_with_retry(request, identity, arguments, host)
            return self._write(request, identity, arguments, host)
        if self._needs_authorization or self._reader_at is not None:
            return self._read(request, identity, arguments, host)
        return self._render(request, arguments)

    def find_effect(self) -> str | None:
        """What the handler may do before its first statement; None if it provably does nothing."""
        from org_common.handlers.prologue import find_effect

        return find_effect(self.handler, self.signature.parameters)

    def authorizes_first(self) -> bool:
        """The access rule and the idempotency key take a round trip of their own, before the handler runs."""
        first = self._authorizes_first
        if first is None:
            if self._reader_at is self._transaction_at is None:
                first = self._needs_authorization
            else:
                # Not for rules that the token answers: there is nothing to ask the database.
                first = (self._needs_authorization or self.idempotent) and self.find_effect() is not None
            self._authorizes_first = first
        return first

    def _render(self, request: IncomingRequest, arguments: list[Any]) -> Response:
        if self._binding.provided_at:
            self._binding.provide(arguments, request, self.provided)
        return self._result.render(self.signature.call(*arguments), request)

    def _read(self, request: IncomingRequest, identity: Identity | None, arguments: list[Any], host: Host) -> Response:
        scope, reader = host.database().open_reader(self.rule, identity, self._path_values(arguments), request.deadline)
        try:
            if self._reader_at is not None:
                arguments[self._reader_at] = reader
            if self.authorizes_first():
                # A refused caller must cause no effect.
                scope.ensure_authorized()
            response = self._render(request, arguments)
            scope.ensure_authorized()
        finally:
            scope.close()
        if self._logs_reads:
            from org_common.auth.audit import log_sys_read

            log_sys_read(self.method, self.path, self._path_values(arguments), identity)
        return response

    def _write_with_retry(
        self, request: IncomingRequest, identity: Identity | None, arguments: list[Any], host: Host
    ) -> Response:
        from org_common.db.connections.retry import retry_transaction

        def write() -> Response:
            return self._write(request, identity, arguments, host)

        # Up to three times, while the transaction was rolled back for certain and there is time.
        return retry_transaction(write, request.deadline, lambda: host.database().counters)

    def _write(self, request: IncomingRequest, identity: Identity | None, arguments: list[Any], host: Host) -> Response:
        from org_common.db.idempotency import Replay

        database, path, key = host.database(), self._path_values(arguments), self._idempotency_key(request)
        scope, transaction = database.open_transaction(
            self.rule, identity, path, request.deadline, isolation=self._isolation, key=key
        )
        assert self._transaction_at is not None
        arguments[self._transaction_at] = transaction
        try:
            if self.authorizes_first() and (key is not None or self._needs_authorization):
                # Neither a refused caller nor a repeated request may cause an effect.
                scope.ensure_authorized()
            response = self._render(request, arguments)
            scope.ensure_authorized()
            if key is not None and response.is_stream:
                raise idempotent_stream_error(f"{self.method} {self.path}")
            stored: StoredResponse = (response.status, response.headers, response.body, response.cookies)
            if len(response.body) >= SURELY_FITS_ANYWHERE_BYTES:
                response = host.finish_before_commit(request, response)
            scope.commit(stored)
            return response
        except Replay:
            scope.rollback()
        except BaseException:
            scope.rollback()
            raise
        finally:
            scope.close()
        assert key is not None
        return self._stored_response(key, request, identity, path, database)

    def _path_values(self, arguments: list[Any]) -> dict[str, Any]:
        """The path parameters by name, for the access rule."""
        return {name: arguments[at] for name, at in self._path_at}

    def _idempotency_key(self, request: Request) -> IdempotencyKey | None:
        header = request.headers.get("idempotency-key") if self.idempotent else None
        if header is None:
            return None
        from org_common.db.idempotency import IdempotencyKey

        return IdempotencyKey.of(
            header, method=request.method, path=request.sent_path, query=request.query, body=request.body
        )

    def _stored_response(
        self,
        key: IdempotencyKey,
        request: Request,
        identity: Identity | None,
        path: Mapping[str, Any],
        database: Database,
    ) -> Response:
        scope, _ = database.open_reader(self.rule, identity, path, request.deadline)
        stored = scope.stored_response(key)
        if stored is None:
            # It expired between the two statements.
            raise Unavailable
        status, headers, body, cookies = stored
        return Response(body, status=status, headers={**headers, "idempotent-replayed": "true"}, cookies=cookies)


def declared_twice(route: Route, other: Route) -> str:
    """The message for two routes of one method and path."""
    code = other.handler.__code__
    return (
        f"{route.method} {route.path} is declared twice: the handler {other.handler.__name__!r} in "
        f"{code.co_filename}:{code.co_firstlineno} has it already ({other.method} {other.path}). Remove one of them"
    )


def _checked_rule(where: str, options: RouteOptions) -> Rule:
    """The access rule of a route, whose options have names that exist."""
    rule = options.get("allow")
    if not isinstance(rule, Rule):
        raise TypeError(f"{where} has no access rule: add allow=SIGNED_IN, allow=Check(...) or allow=PUBLIC")
    unknown = options.keys() - RouteOptions.__annotations__.keys()
    if unknown:
        from difflib import get_close_matches

        name = min(unknown)
        close = get_close_matches(name, RouteOptions.__annotations__, 1)
        meant = f" Did you mean {close[0]}?" if close else ""
        names = ", ".join(RouteOptions.__annotations__)
        raise TypeError(f"{where}: unknown option {name!r}.{meant} Options are {names}")
    return rule
