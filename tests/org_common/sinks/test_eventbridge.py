"""EventBridge gets each message as an event; what it does not accept is named. moto is a fake of AWS."""

import json
from dataclasses import replace
from typing import Any

import pytest

from org_common.db.delivery import Message, MessageRefused
from org_common.sinks.eventbridge import MAX_CALL_BYTES, EventBridgeSink
from tests.org_common.sinks.messages import delivered, message, received
from tests.support.aws import FakeAws
from tests.support.aws_faults import FaultyAws, LoseResponse, Refuse

BUSY = {"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}
MALFORMED = {"ErrorCode": "MalformedDetail", "ErrorMessage": "bad"}
DENIED = {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "no"}


@pytest.fixture
def events(aws: FakeAws, sqs: Any, mail: str) -> str:
    """The URL of a queue that gets all events of the source org-common."""
    client = aws.client("events")
    arn = sqs.get_queue_attributes(QueueUrl=mail, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client.put_rule(Name="all", EventPattern=json.dumps({"source": ["org-common"]}))
    client.put_targets(Rule="all", Targets=[{"Id": "mail", "Arn": arn}])
    return mail


def sink() -> EventBridgeSink:
    return EventBridgeSink(pauses_s=(0, 0))


def test_event_has_the_id_the_queue_and_the_message(faulty: FaultyAws, sqs: Any, events: str) -> None:
    sink().deliver([message(4711, "möwe", text="ü\uffff")])

    [found] = [json.loads(each["Body"]) for each in received(sqs, events)]
    assert (found["source"], found["detail-type"]) == ("org-common", "möwe")
    assert found["detail"] == {"id": 4711, "queue": "möwe", "message": {"n": 4711, "text": "ü\uffff"}}


def test_trace_of_the_sender_is_in_the_detail_and_for_x_ray(faulty: FaultyAws, sqs: Any, events: str) -> None:
    trace, span = "58406520a006649127e371903a2de979", "b7ad6b7169203331"
    sink().deliver([replace(message(1), traceparent=f"00-{trace}-{span}-01")])

    [found] = [json.loads(each["Body"]) for each in received(sqs, events)]
    assert found["detail"] == {"id": 1, "queue": "mail", "traceparent": f"00-{trace}-{span}-01", "message": {"n": 1}}
    [[entry]] = faulty.calls
    assert entry["TraceHeader"] == "Root=1-58406520-a006649127e371903a2de979;Parent=b7ad6b7169203331;Sampled=1"


def test_ten_go_in_a_call_and_large_ones_alone(faulty: FaultyAws) -> None:
    large = {"text": "x" * 200_000}
    sink().deliver([*[message(number) for number in range(25)], *[Message(n, "mail", None, large) for n in range(3)]])

    assert [len(call) for call in faulty.calls] == [10, 10, 6, 1, 1]
    assert all(sum(len(entry["Detail"]) for entry in call) <= MAX_CALL_BYTES for call in faulty.calls)


def test_entries_that_fail_are_named_and_the_others_accepted(faulty: FaultyAws, sqs: Any, events: str) -> None:
    faulty.faults = [lambda entries: {0: MALFORMED, 2: DENIED, 3: BUSY}]

    error = delivered(sink(), [message(number) for number in range(5)])

    assert error.accepted == {1, 3, 4}, "what was throttled was sent again"
    assert isinstance(error.refused[0], MessageRefused)
    assert not isinstance(error.refused[2], MessageRefused)
    assert str(error.refused[2]) == "NotAuthorizedForSourceException: no"
    assert len(received(sqs, events)) == 3


def test_entry_that_is_throttled_at_each_attempt_is_reported(faulty: FaultyAws) -> None:
    faulty.faults = [lambda entries: {len(entries) - 1: BUSY}] * 3

    error = delivered(sink(), [message(1), message(2)])

    assert (set(error.accepted), str(error.refused[2])) == ({1}, "ThrottlingException: slow down")


def test_entry_that_spoils_its_call_is_found(faulty: FaultyAws, sqs: Any, events: str) -> None:
    def spoiled(entries: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
        if any(json.loads(entry["Detail"])["id"] == 3 for entry in entries):
            raise Refuse("ValidationException")
        return {}

    faulty.faults = [spoiled] * 20

    error = delivered(sink(), [message(number) for number in range(10)])

    assert error.accepted == set(range(10)) - {3}
    assert isinstance(error.refused[3], MessageRefused)


def test_bus_that_is_out_of_reach_is_an_outage_of_each_queue(faulty: FaultyAws) -> None:
    def refuse(entries: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
        raise Refuse("AccessDeniedException")

    faulty.faults = [lambda entries: {}, refuse]

    error = delivered(sink(), [*[message(number) for number in range(10)], message(11), message(12, "sms")])

    assert error.accepted == set(range(10))
    assert sorted(error.down) == ["mail", "sms"]
    assert len(faulty.calls) == 2


def test_lost_response_puts_the_batch_again(faulty: FaultyAws, sqs: Any, events: str) -> None:
    def lose(entries: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
        raise LoseResponse

    faulty.faults = [lose]

    sink().deliver([message(1)])

    assert len(received(sqs, events)) == 2


def test_message_that_is_too_large_is_refused(faulty: FaultyAws) -> None:
    error = delivered(sink(), [message(1, text="x" * 1_048_576), message(2)])

    assert error.accepted == {2}
    assert "EventBridge accepts 1,048,576" in str(error.refused[1])
