"""Queues, buckets and the event bus of the local server: they invoke the project's triggers, through a fake of AWS."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from org_common.app import App
from org_common.db import relay
from org_common.sinks.eventbridge import SOURCE, EventBridgeSink
from org_common.sinks.sqs import SqsSink
from org_common.telemetry.line import visible
from org_common.tools.serve.fake_aws import REGION, FakeAws
from org_common.tools.serve.poller import EventSourceMapping, Poller
from org_common.triggers.objects import closest_name

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.triggers.trigger import Trigger
    from org_common.values.types import Event, LambdaContext

# A message that failed comes again after this time, and goes to the dead-letter queue after so many attempts.
VISIBILITY_S, ATTEMPTS = 30, 5
# S3 and EventBridge invoke a function asynchronously: at most three times.
ASYNC_ATTEMPTS = 3
RELAY_S = 0.5
# In the names of queues and rules.
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")
DEAD_LETTERS_S = 2.0
# Delivered messages that are remembered, and characters of a dead letter that are shown.
RECENT, BODY = 200, 2000


def has_queues(apps: Sequence[App]) -> bool:
    """Whether a trigger of these apps is invoked by a queue, a bucket or an event bus."""
    return any(trigger.kind in ("SQS", "S3", "EVENT") for app in apps for trigger in app.triggers)


class LocalQueues:
    """The queues, buckets and events of the apps' triggers. Each queue has a poller and a dead-letter queue.

    Queues are standard queues, without an order: the FIFO queues of the fake redeliver in the wrong one.
    """

    def __init__(
        self,
        aws: FakeAws,
        apps: Sequence[App],
        service_url: str,
        *,
        visibility_s: int = VISIBILITY_S,
        say: Callable[[str], None] | None = None,
    ) -> None:
        """`service_url` is the URL of `app_service`, for the relay. `say` prints a line, by default on stderr."""
        self._aws, self._apps, self._service_url = aws, apps, service_url
        self._visibility_s = visibility_s
        self._say = say or _print
        self._sqs = aws.client("sqs")
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self.dead: dict[str, str] = {}
        """The URL of each dead-letter queue, by its name."""
        self.pollers: dict[str, Poller] = {}
        """The poller of each queue, by the queue's name."""
        self.recent: deque[relay.Message] = deque(maxlen=RECENT)
        """The messages that the relay has delivered last, oldest first."""
        self.delivered: int = 0
        """How many it has delivered."""

    def start(self) -> None:
        """Create queues, buckets and rules, and start the relay and the pollers as threads."""
        for app in self._apps:
            for trigger in app.triggers:
                if trigger.queue is not None:
                    self._add(trigger.queue, EventSourceMapping(self._create(trigger.queue), app))
            self._add_buckets(app)
            self._add_events(app)
        sink = _CreatingSink(self._aws, self._create, self._of_bus(), set(self.pollers), self._note)
        self._start("relay", lambda: relay.follow(self._service_url, sink, pause_s=RELAY_S, stop=self._stop))
        for name, poller in self.pollers.items():
            self._start(name, lambda poller=poller: poller.run(self._stop))  # type: ignore[misc]
        self._start("dead letters", self._show_dead_letters)
        names = ", ".join(self.pollers)
        self._say(f"Queues (standard, without an order): {names}. To use them: AWS_ENDPOINT_URL={self._aws.url}")
        if any(trigger.kind == "SQS" for app in self._apps for trigger in app.triggers):
            self._say(
                "If a queue is a FIFO queue in AWS: here, messages of one key may change places, a failed one does not "
                "stop those behind it, and no repeated one is dropped. Test the order with Client.deliver(fifo=True)"
            )

    def _note(self, messages: Sequence[relay.Message]) -> None:
        self.recent.extend(messages)
        self.delivered += len(messages)

    def status(self) -> list[dict[str, Any]]:
        """Each queue with its dead letters, by name."""
        names = sorted(dead.removesuffix("-dlq") for dead in self.dead)
        return [
            {
                "name": name,
                **self._depth(str(self._sqs.get_queue_url(QueueName=name)["QueueUrl"])),
                "dead": [_letter(each) for each in self._peek(self.dead[f"{name}-dlq"])],
            }
            for name in names
        ]

    def _depth(self, url: str) -> dict[str, int]:
        attributes = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return {
            "waiting": int(attributes["ApproximateNumberOfMessages"]),
            "in_flight": int(attributes["ApproximateNumberOfMessagesNotVisible"]),
        }

    def stop(self) -> None:
        """Stop the threads after their current batch."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _start(self, name: str, work: Callable[[], object]) -> None:
        thread = threading.Thread(target=work, name=f"org-common {name}", daemon=True)
        thread.start()
        self._threads.append(thread)

    def _add(self, name: str, mapping: EventSourceMapping) -> None:
        if name not in self.pollers:
            self.pollers[name] = Poller(self._sqs, mapping)

    def _create(self, name: str, attempts: int = ATTEMPTS) -> str:
        """Create a queue with its dead-letter queue; returns its URL. Changes nothing if it exists."""
        dead = self._sqs.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
        self.dead[f"{name}-dlq"] = dead
        redrive = {"deadLetterTargetArn": self._arn(dead), "maxReceiveCount": attempts}
        attributes = {"VisibilityTimeout": str(self._visibility_s), "RedrivePolicy": json.dumps(redrive)}
        return str(self._sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])

    def _arn(self, url: str) -> str:
        attributes = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        return str(attributes["QueueArn"])

    def _add_buckets(self, app: App) -> None:
        buckets: dict[str, list[Trigger]] = {}
        for trigger in app.triggers:
            if trigger.kind == "S3":
                buckets.setdefault(trigger.name, []).append(trigger)
        s3 = self._aws.client("s3")
        existing = {each["Name"] for each in s3.list_buckets()["Buckets"]}
        for name in buckets.keys() - existing:
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        # The demo's buckets may have longer names, as deployed ones do.
        for bucket in sorted(buckets.keys() | existing):
            declared = closest_name(bucket, buckets)
            triggers = [] if declared is None else buckets[declared]
            if triggers:
                self._notify(s3, bucket, [(self._queue_of_bucket(app, trigger), trigger) for trigger in triggers])

    def _notify(self, s3: Any, bucket: str, triggers: Sequence[tuple[str, Trigger]]) -> None:
        """Send the bucket's events to the queues with these URLs, in addition to those of other apps."""
        arns = [self._arn(url) for url, _ in triggers]
        ours = [
            {"QueueArn": arn, "Events": [f"s3:{event}" for event in trigger.details["events"]]}
            for arn, (_, trigger) in zip(arns, triggers, strict=True)
        ]
        known = s3.get_bucket_notification_configuration(Bucket=bucket).get("QueueConfigurations", [])
        others = [
            {"QueueArn": each["QueueArn"], "Events": each["Events"]} for each in known if each["QueueArn"] not in arns
        ]
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [*others, *ours]}
        )

    def _queue_of_bucket(self, app: App, trigger: Trigger) -> str:
        """The URL of the trigger's queue, or of one in place of S3's own invocations."""
        if trigger.queue is not None:
            return self._create(trigger.queue)
        return self._add_async(app, f"{trigger.name.replace('.', '-')}-s3")

    def _add_async(self, app: App, name: str) -> str:
        """The URL of a queue whose messages are the events of asynchronous invocations."""
        url = self._create(name, ASYNC_ATTEMPTS)

        def invoke(event: Event, context: LambdaContext) -> None:
            for record in event["Records"]:
                app(json.loads(record["body"]), context)

        self._add(name, EventSourceMapping(url, invoke, batch_size=1))
        return url

    def _add_events(self, app: App) -> None:
        """A rule on the default bus for each event that the app takes."""
        triggers = [trigger for trigger in app.triggers if trigger.kind == "EVENT"]
        if not triggers:
            return
        events = self._aws.client("events")
        arn = self._arn(self._add_async(app, f"{_NOT_IN_NAMES.sub('-', app.name)}-events"))
        for at, trigger in enumerate(triggers):
            rule = f"{_NOT_IN_NAMES.sub('-', app.name)}-{at}"
            pattern = {"source": [trigger.details["source"]], "detail-type": [trigger.name]}
            events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
            events.put_targets(Rule=rule, Targets=[{"Id": "app", "Arn": arn}])

    def _of_bus(self) -> set[str]:
        """The queues of the outbox whose messages triggers take from the bus."""
        triggers = [trigger for app in self._apps for trigger in app.triggers if trigger.kind == "EVENT"]
        return {trigger.name for trigger in triggers if trigger.details["source"] == SOURCE}

    def _show_dead_letters(self) -> None:
        seen: set[str] = set()
        while not self._stop.wait(min(DEAD_LETTERS_S, self._visibility_s)):
            for name, url in list(self.dead.items()):
                # They stay visible, so that a user can move them back.
                for message in self._peek(url):
                    if message["MessageId"] not in seen:
                        seen.add(message["MessageId"])
                        self._say(visible(f"dead letter in {name}: {message['MessageId']} {message['Body'][:200]}"))

    def _peek(self, url: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0
        ).get("Messages", [])
        return found


class _CreatingSink:
    """Sends to SQS; creates the queue of a message that has none, so that a missing consumer blocks nothing.

    Messages of the queues `of_bus` go to the event bus, and to SQS only if the queue is `polled`, too.
    """

    def __init__(
        self,
        aws: FakeAws,
        create: Callable[[str], str],
        of_bus: set[str],
        polled: set[str],
        note: Callable[[Sequence[relay.Message]], None],
    ) -> None:
        self._sink = SqsSink(region=REGION, endpoint_url=aws.url)
        self._bus = EventBridgeSink(region=REGION, endpoint_url=aws.url)
        self._of_bus, self._polled = of_bus, polled
        self._create, self._note = create, note
        self._known: set[str] = set()

    def deliver(self, messages: Sequence[relay.Message]) -> None:
        # First: if SQS then fails, the events are put again, and have no second effect.
        if events := [message for message in messages if message.queue in self._of_bus]:
            self._bus.deliver(events)
        queued = [message for message in messages if message.queue not in self._of_bus - self._polled]
        for queue in {message.queue for message in queued} - self._known:
            self._create(queue)
            self._known.add(queue)
        self._sink.deliver(queued)
        self._note(messages)


def _letter(message: dict[str, Any]) -> dict[str, str]:
    return {"id": message["MessageId"], "body": message["Body"][:BODY]}


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
