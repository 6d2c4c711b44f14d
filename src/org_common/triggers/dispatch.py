"""The triggers of one app: which of them an event is for, and what Lambda gets back."""

from __future__ import annotations

from functools import partial
from typing import Any

from org_common.events import envelope, s3, schedule, sqs
from org_common.events.record import Record
from org_common.pipeline import Pipeline, logger
from org_common.triggers.batch import run_batch
from org_common.triggers.objects import closest_name, matches, object_record, objects_in
from org_common.triggers.outcome import is_replay, observed
from org_common.triggers.trigger import Trigger, check_unique
from org_common.values.errors import OrgError
from org_common.values.types import Deadline

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.db.database import Database
    from org_common.events.s3 import S3Object
    from org_common.triggers.outcome import Run
    from org_common.values.types import Event, LambdaContext


class Triggers:
    """The triggers of one app. They offer each other's handlers the databases."""

    __slots__ = ("_app", "_pipeline", "_service", "declared")

    def __init__(self, app: str, pipeline: Pipeline) -> None:
        self._app = app
        self._pipeline = pipeline
        self._service: Database | None = None
        self.declared: list[Trigger] = []
        """In the order of their declaration."""

    def add(self, trigger: Trigger) -> Trigger:
        """Serve this trigger; returns it as it is served. Raises `TypeError` for one that exists already."""
        check_unique(trigger, self.declared)
        served = trigger.of_app(self._app)
        self.declared.append(served)
        return served

    def use_service(self, database: Database | None) -> None:
        """Use this database, on the login `app_service`, instead of the environment's; None goes back."""
        self._service = database

    def database(self) -> Database:
        """The database of the app's routes and triggers."""
        return self._pipeline.database()

    def service_database(self) -> Database:
        """The same database, on the login `app_service`."""
        if self._service is not None:
            return self._service
        from org_common.db import service

        return service.default()

    def handle(self, event: Event, context: LambdaContext) -> Event:
        """Handle an event that is not a request. Raises for an event that no trigger takes, and for a failure.

        Lambda takes any returned value for a success and deletes the message, so nothing that failed may return.
        """
        try:
            return self._handle(event, context)
        except UnknownEvent:
            error = self._describe_unknown(event)
        except RecordFailed as failed:
            # Logged already, with its record.
            error = failed.error
        except OrgError as refusal:
            logger().error("App(%r): %s", self._app, refusal.detail)
            error = refusal
        raise error from None

    def _handle(self, event: Event, context: LambdaContext) -> Event:
        deadline = Deadline.after(context.get_remaining_time_in_millis() / 1000)
        records = event.get("Records") if isinstance(event, dict) else None
        if isinstance(records, list):
            return self._handle_records(event, records, deadline, context)
        if s3.is_test(event) and self._of("S3"):
            logger().info("ignored the test event of S3")
            return {}
        if envelope.is_event(event):
            self._handle_bridge_event(event, deadline, context)
        else:
            # A schedule with an input of its own sends that alone.
            self._tick(event, deadline, context)
        return {}

    def _handle_records(self, event: Event, records: list[Any], deadline: Deadline, context: LambdaContext) -> Event:
        sources = {str(record.get("eventSource")) if isinstance(record, dict) else None for record in records}
        if sources == {s3.SOURCE}:
            for found in [s3.object_of_record(record) for record in records]:
                self._handle_object(found, deadline, context)
            return {}
        if sqs.SOURCE not in sources and (records or not self._of("SQS", "S3")):
            raise UnknownEvent
        ids = sqs.item_ids(event)
        queues = {sqs.queue_name(record) for record in records}
        if len(queues) > 1:
            raise OrgError("The batch has records of several queues.", code="malformed_batch")
        if not records:
            return {"batchItemFailures": []}
        trigger = self._trigger_of_queue(*queues)
        return run_batch(
            records,
            ids,
            deadline,
            lambda at: self._observed(
                trigger, ids[at], deadline, context, partial(self._handle_message, trigger, records[at], deadline)
            ),
        )

    def _trigger_of_queue(self, queue: str) -> Trigger:
        queues = {trigger.queue: trigger for trigger in self.declared if trigger.queue is not None}
        name = closest_name(queue.removesuffix(".fifo"), queues)
        if name is None:
            raise OrgError(
                f"No trigger takes messages of the queue {queue!r}. Declared are {', '.join(queues) or 'none'}.",
                code="unknown_queue",
            )
        return queues[name]

    def _handle_message(self, trigger: Trigger, record: Event, deadline: Deadline, read: Any) -> Any:
        message = sqs.read_record(record, opens_events=trigger.kind != "S3")
        read(message)
        if trigger.kind != "S3":
            return trigger.run(message, None, deadline, self)
        for found in objects_in(envelope.parse(message.body)):
            self._check_takes(trigger, found)
            try:
                trigger.run(object_record(found, message.queue, message.attempt), found, deadline, self)
            except BaseException as signal:
                # Each object has a transaction of its own: those before a failed one are done.
                if not is_replay(signal):
                    raise
        return None

    def _handle_object(self, found: S3Object, deadline: Deadline, context: LambdaContext) -> None:
        buckets = {trigger.name: trigger for trigger in self._of("S3") if trigger.queue is None}
        name = closest_name(found.bucket, buckets)
        if name is None:
            raise OrgError(
                f"No trigger takes events of the bucket {found.bucket!r}. Declared are {', '.join(buckets) or 'none'}.",
                code="unknown_bucket",
            )
        same = [trigger for trigger in self._of("S3") if trigger.queue is None and trigger.name == name]
        trigger = next((each for each in same if matches(each.details["events"], found.event)), same[0])
        self._check_takes(trigger, found)
        self._run_one(trigger, object_record(found, found.bucket), found, deadline, context)

    def _check_takes(self, trigger: Trigger, found: S3Object) -> None:
        if not matches(trigger.details["events"], found.event):
            raise OrgError(
                f"No trigger takes {found.event} of the bucket {found.bucket!r}. Declared are "
                f"{', '.join(trigger.details['events'])}.",
                code="unknown_event",
            )

    def _handle_bridge_event(self, event: Event, deadline: Deadline, context: LambdaContext) -> None:
        for trigger in self._of("EVENT"):
            if trigger.name == event["detail-type"] and trigger.details["source"] == event["source"]:
                self._run_one(trigger, _record_of(event, context), None, deadline, context)
                return
        if event["source"] == s3.BRIDGE_SOURCE and self._of("S3"):
            self._handle_object(s3.object_of_event(event), deadline, context)
        elif schedule.is_tick(event):
            self._tick(event, deadline, context)
        else:
            raise UnknownEvent

    def _tick(self, event: Event, deadline: Deadline, context: LambdaContext) -> None:
        triggers = {trigger.name: trigger for trigger in self._of("SCHEDULE")}
        if not triggers or not isinstance(event, dict):
            raise UnknownEvent
        names = [closest_name(name, triggers) for name in schedule.schedule_names(event)]
        found = next((name for name in names if name is not None), None)
        if found is None and not envelope.is_event(event) and _is_of_another_service(event):
            # An input may be any object; another service would take the result for a receipt.
            raise UnknownEvent
        if found is None and len(triggers) > 1:
            raise OrgError(
                f"The event names none of the schedules {', '.join(triggers)}. An input names one as "
                f'{{"schedule": "{next(iter(triggers))}"}}.',
                code="unknown_schedule",
            )
        trigger = triggers[found or next(iter(triggers))]
        self._run_one(trigger, _record_of(event, context), None, deadline, context)

    def _run_one(
        self, trigger: Trigger, record: Record, found: S3Object | None, deadline: Deadline, context: LambdaContext
    ) -> None:
        """Raises what the record failed with: Lambda then retries the event."""

        def run(read: Any) -> Any:
            read(record)
            return trigger.run(record, found, deadline, self)

        error = self._observed(trigger, record.id, deadline, context, run)
        if error is not None:
            raise RecordFailed(error)

    def _observed(
        self, trigger: Trigger, id: str, deadline: Deadline, context: LambdaContext, run: Run
    ) -> OrgError | None:
        return observed(trigger, id, deadline, self._pipeline.observe(context.aws_request_id), run, self)

    def _of(self, *kinds: str) -> list[Trigger]:
        return [trigger for trigger in self.declared if trigger.kind in kinds]

    def _describe_unknown(self, event: Event) -> OrgError:
        from org_common.events.unknown import unknown_event_error

        error, description = unknown_event_error(event)
        taken = ", ".join(f"{trigger.kind} {trigger.name}" for trigger in self.declared)
        logger().error("App(%r) has the triggers %s, and was invoked with %s", self._app, taken, description)
        return error


class UnknownEvent(Exception):
    """No trigger takes the event."""


class RecordFailed(Exception):
    """The only record of an event failed, and a log line says why."""

    def __init__(self, error: OrgError) -> None:
        super().__init__(error.code)
        self.error = error


def _is_of_another_service(event: Event) -> bool:
    from org_common.events.unknown import is_of_another_service

    return is_of_another_service(event)


def _record_of(event: Event, context: LambdaContext) -> Record:
    """The record of an event of EventBridge, or of a schedule with an input of its own."""
    # The same when Lambda retries an event that has no id.
    claim = context.aws_request_id
    if envelope.is_event(event):
        opened = envelope.open_event(event)
        claim = opened.id or claim
    else:
        # An `id` in the input of a schedule may be the same each day, so it claims nothing.
        id = event.get("id")
        opened = envelope.Envelope(envelope.dump(event), id=id if isinstance(id, str) else None)
    id = opened.id or claim
    names = schedule.schedule_names(event)
    return Record(
        opened.outbox_id or id,
        names[0] if names else str(event.get("detail-type", "")),
        opened.body,
        outbox_id=opened.outbox_id,
        claim=claim[:200],
        sent_ms=envelope.time_ms(event.get("time")),
        trace=opened.trace(),
    )
