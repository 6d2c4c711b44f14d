"""One trigger: what invokes it, its access rule, its handler, and how a record runs through them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Required, TypedDict

from org_common.auth.rules import PUBLIC, Rule
from org_common.auth.service import AsService
from org_common.events.record import Record
from org_common.events.s3 import S3Object
from org_common.handlers.signature import Signature
from org_common.values.casing import camel
from org_common.values.errors import MAX_FAULTS, BadRequest, Fault, Forbidden, Unprocessable
from org_common.values.types import Deadline

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Protocol

    from org_common.db.database import Database
    from org_common.db.inbox import RecordScope
    from org_common.values.identity import Identity

    class Host(Protocol):
        """What the app offers its triggers."""

        def database(self) -> Database:
            """The database of the app's routes and triggers."""
            ...

        def service_database(self) -> Database:
            """The same database, on the login `app_service`."""
            ...


class TriggerOptions(TypedDict, total=False):
    """What a trigger declares next to its source."""

    allow: Required[Rule | AsService]
    """The access rule, over the fields of the message; the sender of the message is the caller. `AsService` runs it as
    the platform itself. A trigger without one raises `TypeError` at import."""
    retry: bool
    """The handler depends on its input alone: it may run again at once after a deadlock or a lost connection."""
    summary: str
    """One line for the list of triggers; by default the first line of the handler's docstring."""


SERVICE = Rule("SERVICE", "anyone", "app_service")
# What a handler may take, by the type that is injected.
_INJECTED: dict[type, str] = {Record: "record", S3Object: "s3_object"}


class Trigger:
    """A source of records, its access rule, and its handler."""

    __slots__ = (
        "_body",
        "_consumer",
        "_needs_database",
        "_parse",
        "_retry",
        "_sender",
        "_sender_at",
        "_transaction_at",
        "_waits",
        "allow",
        "details",
        "handler",
        "kind",
        "method",
        "name",
        "outside",
        "path",
        "rule",
        "signature",
        "summary",
    )

    def __init__(
        self,
        kind: str,
        name: str | None,
        handler: Callable[..., Any],
        options: TriggerOptions,
        *,
        outside: bool,
        details: dict[str, Any],
    ) -> None:
        """`name` is by default that of the handler.

        Raises `TypeError` that says what is wrong with the declaration and how to fix it.
        """
        name = getattr(handler, "__name__", "") if name is None else name
        if not isinstance(name, str) or not name:
            raise TypeError(f'{kind}: {name!r} is not a name. Example: @app.sqs("ingest", allow=SIGNED_IN)')
        where = f"{kind} {name}"
        self.kind: str = kind
        """"SQS", "S3", "EVENT" or "SCHEDULE"."""
        self.name: str = name
        """The queue, the bucket, the detail-type, or the name of the schedule."""
        self.method: str = kind
        """The kind, where log lines and spans have the method of a request."""
        self.path: str = name
        """The name, where they have its path."""
        self.details: dict[str, Any] = details
        """What else the declaration says about the source."""
        self.outside: bool = outside
        """The messages come from elsewhere than `tx.send`: they have no caller."""
        self.allow: Rule | AsService = _checked_rule(where, options, outside=outside)
        self.handler: Callable[..., Any] = handler
        self.summary: str = options.get("summary") or (handler.__doc__ or "").strip().partition("\n")[0]
        try:
            self.signature: Signature = Signature(handler, [], _INJECTED)
            self._sender_at = self.signature.injects("identity")
            self._check_parameters()
        except TypeError as error:
            raise TypeError(f"{where}: {error}") from error
        self.rule: Rule = self.allow if isinstance(self.allow, Rule) else SERVICE
        """The access rule; without a caller for `AsService`."""
        self._sender: str = "outside" if outside else "user" if isinstance(self.allow, Rule) else "service"
        self._consumer = where
        self._retry = options.get("retry", False)
        self._transaction_at = self.signature.injects("transaction")
        self._body = next((each for each in self.signature.parameters if each.kind == "body"), None)
        self._needs_database = self._transaction_at is not None or not outside
        self._parse: Callable[[bytes, list[Fault]], Any] | None = None
        self._waits: bool | None = None
        self._check_placeholders(where)

    def of_app(self, app: str) -> Trigger:
        """The trigger as this app serves it: each app handles a message once. `TypeError` if the names are too long."""
        consumer = f"{app} {self._consumer}"
        if len(consumer) > 200:
            raise TypeError(
                f"{self._consumer}: the names of the app and of the trigger have more than 200 characters together"
            )
        served = Trigger.__new__(Trigger)
        for name in self.__slots__:
            setattr(served, name, consumer if name == "_consumer" else getattr(self, name))
        return served

    @property
    def queue(self) -> str | None:
        """The queue that its records come through; None for those that come directly."""
        return self.name if self.kind == "SQS" else self.details.get("queue")

    @property
    def is_service(self) -> bool:
        """It runs as `app_service`."""
        return self.rule is SERVICE

    def declared(self) -> list[Any]:
        """What the declaration says about the source, for lists."""
        values = self.details.values()
        return [", ".join(value) if isinstance(value, tuple) else value for value in values]

    def fields(self) -> set[str]:
        """The JSON pointers of the message's fields."""
        return set() if self._body is None else {f"#/{camel(name)}" for name in self._body.annotation.model_fields}

    def prepare(self) -> None:
        """Build now what the first record would build."""
        if self._needs_database:
            __import__("org_common.db.database")
            __import__("org_common.db.inbox")
        self.waits_for_claim()
        if self._body is not None and self._parse is None:
            from org_common.handlers.schema import body_parser

            self._parse = body_parser(self._body.annotation)

    def waits_for_claim(self) -> bool:
        """The message is claimed, and the access rule checked, in a round trip of their own before the handler runs."""
        if self._waits is None:
            from org_common.handlers.prologue import find_effect

            self._waits = (
                self._transaction_at is None or find_effect(self.handler, self.signature.parameters) is not None
            )
        return self._waits

    def run(self, record: Record, found: S3Object | None, deadline: Deadline, host: Host) -> Identity | None:
        """Handle one record in one transaction, or outside of one if the handler takes an `Identity`.

        Returns the sender, None without one. Raises `Replay` when it was handled before.
        """
        arguments = self._bind(record, found, deadline)
        if not self._needs_database:
            self.signature.call(*arguments)
            return None
        if not self._retry:
            return self._run(record, arguments, deadline, host)
        from org_common.db.connections.retry import retry_transaction

        return retry_transaction(
            lambda: self._run(record, arguments, deadline, host), deadline, lambda: self._database(host).counters
        )

    def _run(self, record: Record, arguments: list[Any], deadline: Deadline, host: Host) -> Identity | None:
        from org_common.db.inbox import Received, sender_of

        if not self.outside and record.outbox_id is None:
            raise Forbidden(
                "The message has no org-common-id, so tx.send did not write it. Declare the trigger with outside=True "
                "if its messages come from elsewhere.",
                code="unknown_sender",
            )
        received = Received(
            self._sender,  # type: ignore[arg-type]  # one of the three
            self._consumer,
            self.name,
            record.claim if self.outside else record.outbox_id or "",
            "" if self.outside else record.body,
            required=self.rule.caller == "user",
        )
        values = {name: getattr(self._body_of(arguments), name) for name in self.rule.placeholders}
        if self._sender_at is not None:
            return self._run_outside(
                lambda: self._database(host).open_record(self.rule, received, values, deadline)[0], arguments
            )
        scope, transaction = self._database(host).open_record(self.rule, received, values, deadline)
        if self._transaction_at is not None:
            arguments[self._transaction_at] = transaction
        try:
            if self.waits_for_claim():
                # Neither a refused message nor a repeated one may cause an effect.
                scope.ensure_authorized()
            self.signature.call(*arguments)
            scope.ensure_authorized()
            scope.commit()
        except BaseException:
            scope.rollback()
            raise
        finally:
            scope.close()
        return sender_of(scope.claims) if self._sender == "user" else None

    def _run_outside(self, open_scope: Callable[[], RecordScope], arguments: list[Any]) -> Identity:
        """Run a handler that takes the sender: authorized in a transaction before it, and claimed in one after it."""
        from org_common.db.database import committing
        from org_common.db.inbox import sender_of

        assert self._sender_at is not None
        scope = open_scope()
        try:
            scope.ensure_authorized()
            arguments[self._sender_at] = sender = sender_of(scope.claims)
        finally:
            # The claim, too: until the handler has succeeded, the message may be delivered again.
            scope.rollback()
            scope.close()
        self.signature.call(*arguments)
        scope = open_scope()
        with committing(scope):
            scope.ensure_authorized()
        return sender

    def store_refusal(
        self, record_id: str, message_id: str | None, code: str, reason: str, deadline: Deadline, host: Host
    ) -> None:
        """Store why a record was refused, for `org-common outbox refused`. A handler without a database stores nothing.

        `message_id` is the number of the outbox that the record names.
        """
        if not self._needs_database:
            return
        from org_common.db.inbox import Refused

        refused = Refused(self._consumer, None if self.outside else message_id, record_id, code, reason)
        self._database(host).store_refusal(self.rule, refused, deadline)

    def _database(self, host: Host) -> Database:
        return host.service_database() if self.is_service else host.database()

    def _bind(self, record: Record, found: S3Object | None, deadline: Deadline) -> list[Any]:
        values: dict[str, Any] = {"record": record, "s3_object": found, "deadline": deadline}
        # Known once the message is looked up.
        values.update(transaction=None, identity=None)
        parameters = self.signature.parameters
        return [self._read_body(record.body) if each.kind == "body" else values[each.kind] for each in parameters]

    def _read_body(self, text: str) -> Any:
        assert self._body is not None
        if not self._body.required and not text:
            return self._body.default
        if self._parse is None:
            self.prepare()
            assert self._parse is not None
        faults: list[Fault] = []
        try:
            value = self._parse(text.encode(), faults)
        except UnicodeEncodeError:
            # JSON of the event can carry a lone surrogate, UTF-8 cannot.
            raise BadRequest("The message is not valid Unicode.", code="invalid_text") from None
        if faults:
            raise Unprocessable(errors=faults[:MAX_FAULTS])
        return value

    def _body_of(self, arguments: list[Any]) -> Any:
        at = self.signature.injects("body")
        return None if at is None else arguments[at]

    def _check_parameters(self) -> None:
        allowed = ["a Model (the message)", "Record", "Transaction", "Deadline"]
        kinds = {"body", "record", "transaction", "deadline"}
        if self.kind == "S3":
            allowed[0], kinds = "S3Object", {"s3_object", "record", "transaction", "deadline"}
        if not self.outside and isinstance(self.allow, Rule):
            allowed.append("Identity (the sender)")
            kinds.add("identity")
        if self._sender_at is not None and self.signature.injects("transaction") is not None:
            raise TypeError(
                f"the handler {self.handler.__name__!r} takes a Transaction, which is open while it runs, and an "
                "Identity, for work while none is open. Remove one of them"
            )
        for parameter in self.signature.parameters:
            parameter.kind = _INJECTED.get(parameter.annotation, parameter.kind)
            if parameter.kind not in kinds:
                advice = " A Transaction reads, too." if parameter.kind == "reader" else ""
                raise TypeError(
                    f"the handler {self.handler.__name__!r} takes {parameter.name!r}, and a trigger's handler takes "
                    f"{', '.join(allowed)}.{advice}"
                )
        if self.signature.result not in (None, type(None)):
            raise TypeError(
                f"the handler {self.handler.__name__!r} returns a value, and there is no response: annotate it "
                "`-> None`"
            )

    def _check_placeholders(self, where: str) -> None:
        fields: Sequence[str] = ()
        if self._body is not None:
            fields = list(self._body.annotation.__pydantic_fields__)
            if self.rule.placeholders and not self._body.required:
                raise TypeError(
                    f"{where}: the access rule needs the message: remove the default of {self._body.name!r}"
                )
        missing = [name for name in self.rule.placeholders if name not in fields]
        if missing:
            raise TypeError(
                f"{where}: the access rule needs %({missing[0]})s, and the message has "
                f"{', '.join(fields) or 'no model'}. Add it to the model of the message: `{missing[0]}: UUID`"
            )


def check_unique(trigger: Trigger, declared: Sequence[Trigger]) -> None:
    """`TypeError` if one of the declared triggers takes the same records."""
    for other in declared:
        queue = trigger.queue
        is_same = (other.kind, other.name, other.details) == (trigger.kind, trigger.name, trigger.details)
        if is_same or (queue is not None and queue == other.queue):
            code = other.handler.__code__
            raise TypeError(
                f"{trigger.kind} {trigger.name} is declared twice: the handler {other.handler.__name__!r} in "
                f"{code.co_filename}:{code.co_firstlineno} has it already. Remove one of them"
            )


def _checked_rule(where: str, options: TriggerOptions, *, outside: bool) -> Rule | AsService:
    """The access rule of a trigger, whose options have names that exist."""
    rule = options.get("allow")
    if not isinstance(rule, (Rule, AsService)):
        raise TypeError(
            f"{where} has no access rule: add allow=SIGNED_IN or allow=OrgCheck(...) for the sender of the message, or "
            'allow=AsService("why")'
        )
    unknown = options.keys() - TriggerOptions.__annotations__.keys()
    if unknown:
        raise TypeError(
            f"{where}: unknown option {min(unknown)!r}. Options are {', '.join(TriggerOptions.__annotations__)}"
        )
    if outside and isinstance(rule, Rule) and rule is not PUBLIC:
        raise TypeError(
            f"{where}: allow={rule!r} is about a caller, and messages from elsewhere have none: use "
            'allow=AsService("why"), or allow=PUBLIC for a handler that runs as anon'
        )
    if rule is PUBLIC and not outside:
        raise TypeError(
            f"{where}: with allow=PUBLIC the handler has no caller: declare the messages as outside=True, or name a "
            "rule for their sender, such as allow=SIGNED_IN"
        )
    return rule
