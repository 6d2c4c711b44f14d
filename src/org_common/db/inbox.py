"""The transaction of a received message: its sender is looked up, and the message claimed, in the first round trip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import orjson

from org_common.auth.rules import Rule
from org_common.db.connections.connection import Source
from org_common.db.protocol.statement import prepare_own
from org_common.db.scope import WriteScope
from org_common.db.server_transaction import WriteTransaction
from org_common.db.session_setup import SessionSetup, require_statement
from org_common.values.identity import Identity
from org_common.values.types import Deadline

Sender = Literal["user", "service", "outside"]

# No caller's: app.receive() wants exactly these claims, so no handler can call it.
_CLAIMS = b'{"receives":true}'
_RECEIVE = prepare_own(
    "select app.receive(%(sender)s, %(required)s, %(consumer)s, %(queue)s, %(message_id)s, %(body)s)"
)
_REFUSE = prepare_own("select app.refuse_message(%(consumer)s, %(message_id)s, %(record_id)s, %(code)s, %(reason)s)")
# Other records of the batch wait while a refusal is stored.
STORE_S = 3.0


class Received:
    """A message as it was delivered, for the look-up among those that were sent."""

    __slots__ = ("body", "consumer", "message_id", "queue", "required", "sender")

    def __init__(
        self, sender: Sender, consumer: str, queue: str, message_id: str, body: str, *, required: bool = False
    ) -> None:
        self.sender: Sender = sender
        """Of a message of the outbox "user", to run as its sender, or "service"; else "outside"."""
        self.consumer: str = consumer
        """Who handles it once."""
        self.queue: str = queue
        """The queue that `tx.send` must have named."""
        self.message_id: str = message_id
        """The number that the outbox gave the message; the id of its service for one from outside."""
        self.body: str = body
        """The message in JSON, compared with the one that was sent."""
        self.required: bool = required
        """Whether the sender must be a known user today."""


class ReceivingSetup(SessionSetup):
    """The session setup of a message: `app.receive()` in place of the caller's claims, then the access rule."""

    __slots__ = ()

    def __init__(
        self,
        rule: Rule,
        received: Received,
        values: Mapping[str, Any],
        deadline: Deadline,
        search_path: str,
        *,
        set_local: bool = False,
        reset: bool = False,
    ) -> None:
        """`values` are those of the rule's placeholders. Raises `StatementError` when it cannot be bound."""
        self.deadline: Deadline = deadline
        self._role = rule.role.encode()
        self._search_path = search_path.encode()
        self._set_local = set_local
        self._reset = reset
        self._claims = _CLAIMS
        self._identify = _RECEIVE.bind(received)
        self._rule = None if rule.expression is None else require_statement(rule.expression).bind(values)


class Refused:
    """A record that was refused, and why."""

    __slots__ = ("code", "consumer", "message_id", "reason", "record_id")

    def __init__(self, consumer: str, message_id: str | None, record_id: str, code: str, reason: str) -> None:
        self.consumer: str = consumer
        """Who refused it."""
        self.message_id: int | None = None if message_id is None else int(message_id)
        """The number of the outbox that the record names; None for a record from elsewhere."""
        self.record_id: str = _storable(record_id)
        """The id in its log line."""
        self.code: str = code
        """The code of the error."""
        self.reason: str = _storable(reason)
        """For people, without the values of the message."""


class RefusingSetup(SessionSetup):
    """The session setup under which a refusal is stored: without a caller, an access rule or a message."""

    __slots__ = ()

    def __init__(
        self, role: str, deadline: Deadline, search_path: str, *, set_local: bool = False, reset: bool = False
    ) -> None:
        self.deadline: Deadline = deadline
        self._role = role.encode()
        self._search_path = search_path.encode()
        self._set_local = set_local
        self._reset = reset
        self._claims = _CLAIMS
        self._identify = None
        self._rule = None


def store_refusal(source: Source, setup: RefusingSetup, refused: Refused) -> None:
    """Store why a record was refused, in a transaction of its own: that of the record was rolled back."""
    transaction = WriteTransaction(source, setup)
    try:
        transaction.send([_REFUSE.bind(refused)])
        transaction.commit()
    except BaseException:
        transaction.rollback()
        raise


class RecordScope(WriteScope):
    """The lifetime of a record's `Transaction`. The message is claimed even if the handler sends no statement."""

    __slots__ = ()

    def __init__(self, source: Source, setup: ReceivingSetup) -> None:
        super().__init__(source, setup)

    @property
    def claims(self) -> bytes:
        """The claims of the sender, once the first statement was sent."""
        return self.transaction.claims

    def _authorize(self) -> None:
        self.send_all([])


def sender_of(claims: bytes) -> Identity:
    """The sender as `app.receive()` found them."""
    found = orjson.loads(claims)
    return Identity(issuer=found["iss"] or "", subject=found["outer_sub"] or "", expires_at=float("inf"))


def _storable(text: str) -> str:
    """Without what PostgreSQL does not store: NUL and lone surrogates."""
    return text.replace("\0", "").encode(errors="replace").decode()
