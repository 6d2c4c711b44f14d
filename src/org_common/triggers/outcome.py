"""The outcome of one record: its log line, metrics and span, as a request has them."""

from __future__ import annotations

import sys
from collections.abc import Callable

from org_common.events.record import NO_ATTRIBUTES, Record
from org_common.http.observer import IGNORE
from org_common.http.request import Request
from org_common.http.response import build_response
from org_common.pipeline import logger
from org_common.values.errors import OrgError

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.http.observer import Observer
    from org_common.triggers.trigger import Host, Trigger
    from org_common.values.identity import Identity
    from org_common.values.types import Deadline

    # Runs a record: calls its argument with the record once it was read, and returns the sender.
    Run = Callable[[Callable[[Record], None]], Identity | None]

# The field of log lines that says that the message had been handled before.
REPEATED = "repeated"
# The database or another service is down: that says nothing about the message.
_TEMPORARY = (503, 504)


def observed(
    trigger: Trigger, id: str, deadline: Deadline, observer: Observer, run: Run, host: Host
) -> OrgError | None:
    """Run a record, observed like a request; returns what it failed with, None if it is done.

    A line tells why a record was refused, and the database keeps it. `id` names the record until it was read.
    """
    outcome = _Outcome(trigger, id, deadline, observer)
    with observer:
        try:
            sender = run(outcome.read)
        except Exception as error:  # noqa: BLE001 - of any kind: the record comes again
            outcome.read(None)
            found = outcome.failed(error)
            outcome.store(error, found, host)
            return found
        except BaseException as signal:
            if not is_replay(signal):
                raise
            outcome.repeated()
            return None
        outcome.done(sender)
        return None


def is_replay(signal: BaseException) -> bool:
    """Whether the message was handled before: what the first statement raises then."""
    # Of a module that a worker without a database has not imported.
    idempotency = sys.modules.get("org_common.db.idempotency")
    return idempotency is not None and isinstance(signal, idempotency.Replay)


class _Outcome:
    """What the observer of one record learns."""

    def __init__(self, trigger: Trigger, id: str, deadline: Deadline, observer: Observer) -> None:
        self._trigger = trigger
        self._id = id
        self._deadline = deadline
        self._observer = observer
        self._is_read = False
        self._message_id: str | None = None

    def read(self, record: Record | None) -> None:
        """The record was read; None when it could not be."""
        if self._is_read:
            return
        self._is_read = True
        trigger = self._trigger
        headers, id = (NO_ATTRIBUTES, self._id) if record is None else (record.trace, record.id)
        request = Request(trigger.kind, trigger.name, trigger.name, "", headers, b"", id, None, self._deadline)
        self._id = id
        self._observer.request_read(request)
        self._observer.route_matched(trigger, ())
        if record is not None:
            self._message_id = record.outbox_id
            self._bind(attempt=record.attempt, queue=record.queue)

    def _count(self, *, failures: int) -> None:
        if self._observer is not IGNORE:
            from org_common.telemetry import metrics

            metrics.batch(1, failures)

    def done(self, sender: Identity | None) -> None:
        """The record was handled."""
        if sender is not None:
            self._observer.caller_identified(sender)
        self._count(failures=0)
        self._observer.response_finished(build_response(200, {}, b""))

    def repeated(self) -> None:
        """The message had been handled before."""
        self._bind(repeated=True)
        self._count(failures=0)
        self._observer.response_finished(build_response(200, {}, b""))

    def failed(self, error: Exception) -> OrgError:
        """The record failed: log why. Returns the error as its `OrgError`."""
        found = error if isinstance(error, OrgError) else OrgError()
        where = f"{self._trigger.kind} {self._trigger.name}, record {self._id}"
        if found.status >= 500:
            logger().error("%s failed: %s", where, found.code, exc_info=error)
        else:
            logger().warning("%s is refused: %s. %s", where, found.code, self._reason(found))
        self._count(failures=1)
        self._observer.problem_rendered(found.code)
        self._observer.response_finished(build_response(found.status, {}, b""))
        return found

    def store(self, error: Exception, found: OrgError, host: Host) -> None:
        """Store why the record failed. The log has it as well, so a failure to do so changes nothing."""
        if found.status in _TEMPORARY:
            return
        # The message of another exception may hold values.
        reason = self._reason(found) if found is error else type(error).__name__
        try:
            self._trigger.store_refusal(self._id, self._message_id, found.code, reason, self._deadline, host)
        except Exception as fault:  # noqa: BLE001 - of the database, which may be down by now
            logger().warning("the reason of record %s could not be stored: %s", self._id, type(fault).__name__)

    def _reason(self, error: OrgError) -> str:
        return " ".join([error.detail, *self._places(error)])

    def _places(self, error: OrgError) -> list[str]:
        """The fields of the model that are not valid: other keys may be what the sender wrote."""
        fields = self._trigger.fields()
        return [f"{fault.pointer}: {fault.detail}." for fault in error.errors[:3] if fault.pointer in fields]

    def _bind(self, **fields: object) -> None:
        from org_common.telemetry.invocation import current

        invocation = current.get()
        if invocation is not None:
            invocation.fields.update(fields)
