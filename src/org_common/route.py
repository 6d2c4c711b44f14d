"""One route: its rule, its handler, and how a request runs through them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Required, TypedDict

from org_common.auth.rules import Rule
from org_common.handlers.binding import Binding
from org_common.handlers.result import ResultWriter
from org_common.handlers.signature import NO_PROVIDERS, Signature
from org_common.http.request import Request
from org_common.http.response import NO_STORE, Response
from org_common.http.routing import parameters
from org_common.values.errors import OrgError, PreconditionFailed, Unavailable
from org_common.values.identity import Identity

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.db.database import Database
    from org_common.db.idempotency import IdempotencyKey
    from org_common.db.reader import Reader
    from org_common.db.transaction import Isolation

ISOLATIONS = ("read committed", "repeatable read", "serializable")
# Shorter ones fit through whatever there is, a load balancer too.
SURELY_FITS_BYTES = 150_000


class RouteOptions(TypedDict, total=False):
    """What a route declares besides its path."""

    allow: Required[Rule]
    """Who may: a route without a rule does not start."""
    status: int
    """Of a success, 200 by default; a handler that answers None makes a 200 a 204."""
    idempotent: bool
    """With the header Idempotency-Key a request that comes again gets the answer of the first and has no effect."""
    retry: bool
    """The handler is a function of its input alone: it may run again after a deadlock or a lost connection."""
    isolation: Literal["read committed", "repeatable read", "serializable"]
    """Of its transaction, READ COMMITTED by default. The others go with `retry=True`."""
    cache: str
    """The header Cache-Control of a success, "no-store" by default. Example: "private, no-cache"."""
    summary: str
    """One line for the list of routes; by default the first line of the handler's docstring."""
    raises: Sequence[type[OrgError]]
    """Errors for the OpenAPI document that it cannot know of: what a function in the database answers, `Gone` say."""


class Route:
    """One method of one path, its rule, and the handler behind them."""

    __slots__ = (
        "_authorized",
        "_binding",
        "_identity_at",
        "_is_unconditional",
        "_isolation",
        "_path_at",
        "_reader_at",
        "_result",
        "_retry",
        "_transaction_at",
        "handler",
        "idempotent",
        "is_public",
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
        """`TypeError` says what is wrong with the declaration, and the fix. `provided`: the app's own, as it grows."""
        where = f"{method} {path}"
        rule = options.get("allow")
        if not isinstance(rule, Rule):
            raise TypeError(f"{where} has no access rule: add allow=SIGNED_IN, allow=Check(...) or allow=PUBLIC")
        unknown = options.keys() - RouteOptions.__annotations__.keys()
        if unknown:
            raise TypeError(
                f"{where}: there is no option {min(unknown)!r}. Options are {', '.join(RouteOptions.__annotations__)}"
            )
        try:
            names = parameters(path)
            self.signature = Signature(handler, names, provided)
            self._binding = Binding(self.signature)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{where}: {error}") from error
        self.method = method
        self.path = path
        self.handler = handler
        self.rule = rule
        self.is_public = rule.is_public
        self._authorized = rule.needs_database
        self._is_unconditional = method != "GET" and self.signature.injects("precondition") is None
        self.summary = options.get("summary") or (handler.__doc__ or "").strip().partition("\n")[0]
        self.raises = tuple(options.get("raises", ()))
        self.idempotent = options.get("idempotent", False)
        self._retry = options.get("retry", False)
        self._isolation: Isolation = options.get("isolation", "read committed")
        self.provided = provided
        self.status = options.get("status", 200)
        self._result = ResultWriter(self.signature.result, self.status, options.get("cache", NO_STORE))
        # The positions of the arguments that take them, None where none does.
        self._identity_at = self.signature.injects("identity")
        self._reader_at = self.signature.injects("reader")
        self._transaction_at = self.signature.injects("transaction")
        self._path_at = [(each.name, at) for at, each in enumerate(self.signature.parameters) if each.kind == "path"]
        self._check(where, names, options)

    def _check(self, where: str, names: list[str], options: RouteOptions) -> None:
        lacking = [name for name in self.rule.placeholders if name not in names]
        if lacking:
            raise TypeError(
                f"{where}: the rule asks for %({lacking[0]})s, and the path has "
                f"{', '.join(names) or 'no parameters'}. Name it in the path: /{{{lacking[0]}}}"
            )
        writes = self._transaction_at is not None
        if writes and self.method in ("GET", "HEAD"):
            raise TypeError(f"{where} takes a Transaction, and a {self.method} only reads: take a Reader instead")
        if writes and self._reader_at is not None:
            raise TypeError(f"{where} takes a Reader and a Transaction: a Transaction reads as well, take only that")
        for option in ("idempotent", "retry", "isolation"):
            if option in options and not writes:
                raise TypeError(
                    f"{where}: {option}= is about a transaction, and the handler takes none: add `tx: Transaction`"
                )
        if self.idempotent and self.is_public:
            raise TypeError(
                f"{where} is PUBLIC and idempotent=True, and a stored answer belongs to a caller: use allow=TOKEN, or "
                "leave out idempotent="
            )
        if self._isolation not in ISOLATIONS:
            raise TypeError(f"{where}: isolation={self._isolation!r} is none of {', '.join(ISOLATIONS)}")
        if self._isolation != ISOLATIONS[0] and not self._retry:
            raise TypeError(f"{where}: isolation={self._isolation!r} ends in serialization failures: add retry=True")
        if self._identity_at is not None and self.is_public:
            raise TypeError(f"{where} is PUBLIC and takes an Identity, which nobody vouches for: use allow=TOKEN")

    def given(self, provided: Mapping[type, Callable[[Request], Any]]) -> Route:
        """The same route in an app that provides these."""
        # A binding is compiled with what is provided, so each app has one of its own.
        own = {"provided": provided, "_binding": Binding(self.signature)}
        route = Route.__new__(Route)
        for name in Route.__slots__:
            setattr(route, name, own[name] if name in own else getattr(self, name))
        return route

    @property
    def needs_database(self) -> bool:
        """It reads, writes, or its rule does."""
        return not (self._reader_at is self._transaction_at is None) or self._authorized

    def prepare(self) -> None:
        """Have at hand what the first request would make: validators, serializer, the way to the database."""
        try:
            self._binding.prepare(self.provided)
            self._result.prepare()
        except NameError:
            # A model that names another one further down: it can be built when that is there.
            pass
        if self.needs_database:
            __import__("org_common.db.database")

    def run(
        self,
        request: Request,
        values: list[str],
        identity: Identity | None,
        database: Callable[[], Database],
        fit: Callable[[Request, Response], None],
    ) -> Response:
        """Bind, run and render. What the handler wrote is committed after its answer was rendered.

        `fit` raises for an answer that could not be sent: asked of long ones, before anything is committed.
        """
        if self._is_unconditional and "if-match" in request.headers:
            # Ignored, it would overwrite what its caller wanted to spare.
            raise PreconditionFailed("Conditions are not supported here: leave out If-Match.", code="no_conditions")
        arguments = self._binding.bind(request, values, self.provided)
        if self._identity_at is not None:
            arguments[self._identity_at] = identity
        at = self._transaction_at
        if at is not None:
            source = database()

            def write() -> Response:
                return self._write(at, request, identity, source, arguments, fit)

            if not self._retry:
                return write()
            from org_common.db.connections.retry import rerun

            # Up to three times, while the transaction was rolled back for certain and there is time.
            return rerun(write, request.deadline, lambda: source.counters)
        if self._authorized or self._reader_at is not None:
            return self._read(self._reader_at, request, identity, database(), arguments)
        return self._result.render(self.signature.call(*arguments), request)

    def _read(
        self, at: int | None, request: Request, identity: Identity | None, database: Database, arguments: list[Any]
    ) -> Response:
        handle = database.reader(self.rule, identity, self._path(arguments), request.deadline)
        try:
            if at is not None:
                arguments[at] = handle
            else:
                # Nothing of the handler's will take the rule along, so it is asked before the handler runs.
                handle.ensure_authorized()
            response = self._result.render(self.signature.call(*arguments), request)
            handle.ensure_authorized()
            return response
        finally:
            handle.close()

    def _write(
        self,
        at: int,
        request: Request,
        identity: Identity | None,
        database: Database,
        arguments: list[Any],
        fit: Callable[[Request, Response], None],
    ) -> Response:
        from org_common.db.idempotency import Replay

        path = self._path(arguments)
        key = self._key(request)
        handle = database.transaction(self.rule, identity, path, request.deadline, isolation=self._isolation, key=key)
        arguments[at] = handle
        try:
            response = self._result.render(self.signature.call(*arguments), request)
            handle.ensure_authorized()
            if len(response.body) >= SURELY_FITS_BYTES:
                fit(request, response)
            handle.commit(response.status, response.headers, response.body, response.cookies)
            return response
        except Replay:
            handle.rollback()
        except BaseException:
            handle.rollback()
            raise
        finally:
            handle.close()
        return self._replayed(key, database.reader(self.rule, identity, path, request.deadline))

    def _path(self, arguments: list[Any]) -> dict[str, Any]:
        """The values of the path, for the rule."""
        return {name: arguments[at] for name, at in self._path_at}

    def _key(self, request: Request) -> IdempotencyKey | None:
        header = request.headers.get("idempotency-key") if self.idempotent else None
        if header is None:
            return None
        from org_common.db.idempotency import IdempotencyKey

        return IdempotencyKey.of(
            header, method=request.method, path=request.sent_path, query=request.query, body=request.body
        )

    def _replayed(self, key: IdempotencyKey | None, handle: Reader) -> Response:
        stored = handle.stored_answer(key) if key is not None else None
        if stored is None:
            # It has expired in this moment.
            raise Unavailable
        status, headers, body, cookies = stored
        return Response(body, status=status, headers={**headers, "idempotent-replayed": "true"}, cookies=cookies)
