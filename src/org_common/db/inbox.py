"""The transaction of a received message: its sender is looked up, and the message claimed, in the first round trip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import orjson

from org_common.auth.rules import Rule
from org_common.db.connections.connection import Source
from org_common.db.protocol.statement import prepare_own
from org_common.db.scope import WriteScope
from org_common.db.session_setup import SessionSetup, require_statement
from org_common.values.identity import Identity
from org_common.values.types import Deadline

Sender = Literal["user", "service", "outside"]

# No caller's: app.receive() wants exactly these claims, so no handler can call it.
_CLAIMS = b'{"receives":true}'
_RECEIVE = prepare_own(
    "select app.receive(%(sender)s, %(required)s, %(consumer)s, %(queue)s, %(message_id)s, %(body)s)"
)


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
