"""SQS gets each message once, in the limits of its API; what it does not accept is named. moto is a fake of AWS."""

import json
import os
from dataclasses import replace
from hashlib import sha256
from random import Random
from typing import Any

import pytest

from org_common.db.delivery import Message, MessageRefused, PartialDelivery
from org_common.sinks.aws import AwsError
from org_common.sinks.sqs import MAX_BYTES, MAX_ENTRIES, SqsSink
from tests.org_common.sinks.messages import delivered, message, numbers, received
from tests.support.aws_faults import FaultyAws, LoseResponse, Refuse

TRACEPARENT = f"00-{'a' * 32}-{'b' * 16}-01"
BUSY = {"Code": "InternalError", "Message": "try again", "SenderFault": False}
INVALID = {"Code": "InvalidMessageContents", "Message": "bad", "SenderFault": True}
DENIED = {"Code": "KMS.AccessDeniedException", "Message": "no", "SenderFault": True}


def sink(**options: Any) -> SqsSink:
    return SqsSink(pauses_s=(0, 0), **options)


def test_messages_arrive_with_their_id_and_queue(faulty: FaultyAws, sqs: Any, mail: str) -> None:
    sink().deliver([message(4711, text="ü", key="k")])

    [found] = received(sqs, mail)
    assert found["Body"] == '{"n":4711,"text":"ü"}'
    assert found["MessageAttributes"] == {
        "org-common-id": {"StringValue": "4711", "DataType": "String"},
        "org-common-queue": {"StringValue": "mail", "DataType": "String"},
    }


def test_trace_of_the_sender_is_an_attribute(faulty: FaultyAws, sqs: Any, mail: str) -> None:
    sink().deliver([replace(message(4711), traceparent=TRACEPARENT)])

    [found] = received(sqs, mail)
    assert found["MessageAttributes"]["traceparent"] == {"StringValue": TRACEPARENT, "DataType": "String"}


def test_ten_go_in_a_call(faulty: FaultyAws, sqs: Any, mail: str) -> None:
    sink().deliver([message(number) for number in range(25)])

    assert [len(call) for call in faulty.calls] == [10, 10, 5]
    assert sorted(numbers(received(sqs, mail))) == list(range(25))


def test_each_queue_gets_its_own(faulty: FaultyAws, sqs: Any, mail: str) -> None:
    other = sqs.create_queue(QueueName="prod-sms")["QueueUrl"]

    sink(queues={"letters": mail}, prefix="prod-").deliver([message(1, "letters"), message(2, "sms")])

    assert numbers(received(sqs, mail)) == [1]
    assert numbers(received(sqs, other)) == [2]


def test_name_of_a_queue_is_looked_up_once(faulty: FaultyAws, sqs: Any, mail: str) -> None:
    one = sink(queues={"letters": "mail"})
    for number in range(3):
        one.deliver([message(number, "letters")])

    assert len(received(sqs, mail)) == 3
    assert list(one._urls) == ["mail"]


@pytest.mark.parametrize("seed", range(4))
def test_call_holds_at_most_ten_messages_and_a_mebibyte(faulty: FaultyAws, mail: str, sqs: Any, seed: int) -> None:
    random = Random(seed)
    messages = [message(number, text="x" * random.choice((10, 200_000, 500_000))) for number in range(12)]

    sink().deliver(messages)

    for call in faulty.calls:
        assert len(call) <= MAX_ENTRIES
        assert sum(size(entry) for entry in call) <= MAX_BYTES
    assert sorted(numbers(received(sqs, mail))) == list(range(12))


def size(entry: dict[str, Any]) -> int:
    attributes = entry["MessageAttributes"].items()
    names = sum(len(name) + len(value["DataType"]) + len(value["StringValue"].encode()) for name, value in attributes)
    return len(entry["MessageBody"].encode()) + names


@pytest.mark.parametrize(("character", "width"), [("x", 1), ("ü", 2), ("\uffff", 6), ("😀", 4)])
def test_largest_message_is_sent_and_a_byte_more_is_refused(
    faulty: FaultyAws, sqs: Any, mail: str, character: str, width: int
) -> None:
    empty = size_of(message(1, text=""))
    count, rest = divmod(MAX_BYTES - empty, width)
    fits, too_large = character * count + "x" * rest, character * count + "x" * (rest + 1)

    error = delivered(sink(), [message(1, text=fits), message(2, text=too_large), message(3)])

    assert error.accepted == {1, 3}
    assert isinstance(error.refused[2], MessageRefused)
    assert "1,048,577 bytes" in str(error.refused[2])
    assert sorted(numbers(received(sqs, mail))) == [1, 3]


def size_of(one: Message) -> int:
    return len(json.dumps(one.message, separators=(",", ":"))) + sum(
        map(len, ("org-common-id", "String", str(one.id), "org-common-queue", "String", one.queue))
    )


# What SQS does not accept


def test_entries_that_fail_are_named_and_the_others_accepted(faulty: FaultyAws, sqs: Any, mail: str) -> None:
    faulty.faults = [lambda entries: {2: INVALID, 5: DENIED}]

    error = delivered(sink(), [message(number) for number in range(10)])

    assert error.accepted == set(range(10)) - {2, 5}
    assert isinstance(error.refused[2], MessageRefused)
    assert not isinstance(error.refused[5], MessageRefused)
    assert str(error.refused[5]) == "KMS.AccessDeniedException: no"
    assert error.down == {}
    assert sorted(numbers(received(sqs, mail))) == sorted(error.accepted)


def test_entries_that_fail_for_a_while_are_sent_again(faulty: FaultyAws, sqs: Any, mail: str) -> None:
    faulty.faults = [lambda entries: dict.fromkeys(range(1, 10), BUSY), lambda entries: dict.fromkeys(range(3), BUSY)]

    sink().deliver([message(number) for number in range(10)])

    assert [len(call) for call in faulty.calls] == [10, 9, 3]
    assert sorted(numbers(received(sqs, mail))) == list(range(10))


def test_entries_that_fail_at_each_attempt_are_reported(faulty: FaultyAws, sqs: Any, mail: str) -> None:
    faulty.faults = [lambda entries: {len(entries) - 1: BUSY}] * 3

    error = delivered(sink(), [message(1), message(2)])

    assert error.accepted == {1}
    assert str(error.refused[2]) == "InternalError: try again"
    assert len(faulty.calls) == 3


@pytest.mark.parametrize("calls", [1, 3])
def test_throttled_call_is_repeated(faulty: FaultyAws, sqs: Any, mail: str, calls: int) -> None:
    faulty.faults = [refuse("RequestThrottled")] * calls

    sink().deliver([message(1), message(2)])

    assert len(faulty.calls) == calls + 1
    assert sorted(numbers(received(sqs, mail))) == [1, 2]


def test_queue_that_stays_throttled_is_down_and_takes_no_more_calls(faulty: FaultyAws, sqs: Any, mail: str) -> None:
    other = sqs.create_queue(QueueName="sms")["QueueUrl"]
    faulty.faults = [lambda entries: {}, *[refuse("RequestThrottled")] * 4]

    error = delivered(sink(), [*[message(number) for number in range(40)], message(99, "sms")])

    assert error.accepted == {*range(10), 99}
    assert error.refused == {}
    assert "RequestThrottled" in str(error.down["mail"])
    assert numbers(received(sqs, other)) == [99]


def test_lost_response_sends_the_batch_again(faulty: FaultyAws, sqs: Any, mail: str) -> None:
    """At least once: SQS has accepted them, and the sink cannot know."""
    faulty.faults = [lose]

    sink().deliver([message(1), message(2)])

    assert sorted(numbers(received(sqs, mail))) == [1, 1, 2, 2]


def test_message_that_spoils_its_call_is_found(faulty: FaultyAws, sqs: Any, mail: str) -> None:
    def spoiled(entries: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
        if any(json.loads(entry["MessageBody"])["n"] == 3 for entry in entries):
            raise Refuse("com.amazonaws.sqs#InvalidMessageContents")
        return {}

    faulty.faults = [spoiled] * 20

    error = delivered(sink(), [message(number) for number in range(10)])

    assert error.accepted == set(range(10)) - {3}
    assert isinstance(error.refused[3], MessageRefused)


@pytest.mark.parametrize("code", ["AccessDeniedException", "AWS.SimpleQueueService.NonExistentQueue"])
def test_error_of_the_queue_is_an_outage_and_not_the_messages(faulty: FaultyAws, mail: str, code: str) -> None:
    faulty.faults = [refuse(code)] * 4

    error = delivered(sink(), [message(1), message(2)])

    assert (error.accepted, error.refused) == (frozenset(), {})
    assert code.rpartition(".")[2] in str(error.down["mail"])
    assert len(faulty.calls) == 1, "another attempt would fail as well"


def test_unknown_queue_is_an_outage_that_names_it(faulty: FaultyAws) -> None:
    error = delivered(sink(), [message(1, "nowhere")])

    assert isinstance(error.down["nowhere"], AwsError)
    assert "does not exist" in str(error.down["nowhere"])


def test_endpoint_that_is_out_of_reach_is_an_outage(faulty: FaultyAws) -> None:
    one = SqsSink(endpoint_url="http://127.0.0.1:1", queues={"mail": "http://127.0.0.1:1/1/mail"})

    assert "EndpointConnectionError" in str(delivered(one, [message(1)]).down["mail"])


# FIFO


def test_group_is_a_digest_of_the_key_and_the_id_deduplicates(faulty: FaultyAws, sqs: Any, mail_fifo: str) -> None:
    one = sink(queues={"mail": "mail.fifo"})
    one.deliver([message(1, key=None), message(2, key=None)])
    one.deliver([Message(3, "mail", "org/ü", {"n": 3})])
    one.deliver([Message(3, "mail", "org/ü", {"n": 3})])

    found = received(sqs, mail_fifo)
    attributes = {json.loads(each["Body"])["n"]: each["Attributes"] for each in found}
    assert len(found) == 3
    assert attributes[3]["MessageGroupId"] == sha256("org/ü".encode()).hexdigest()
    assert attributes[3]["MessageDeduplicationId"] == "3"
    assert len({each["MessageGroupId"] for each in attributes.values()}) == 3


@pytest.mark.parametrize("seed", range(8))
def test_no_message_of_a_group_overtakes_one_that_failed(
    faulty: FaultyAws, sqs: Any, mail_fifo: str, seed: int
) -> None:
    random = Random(seed)
    one = sink(queues={"mail": "mail.fifo"})
    messages = [Message(id, "mail", random.choice(["a", "b", "c", None]), {"n": id}) for id in range(1, 41)]
    faulty.faults = [
        lambda entries: {
            at: random.choice([BUSY, INVALID, DENIED]) for at in range(len(entries)) if random.random() < 0.1
        }
    ] * 60

    error = delivered_or_all(one, messages)

    for key in "abc":
        line = [each.id for each in messages if each.key == key]
        sent = [id for id in line if id in error[0]]
        failed = [id for id in line if id in error[1]]
        assert sent == line[: len(sent)], "a prefix of the key's messages"
        assert failed in ([], line[len(sent) : len(sent) + 1]), "and then the one that failed"
    assert all(len({entry["MessageGroupId"] for entry in call}) == len(call) for call in faulty.calls)
    assert {json.loads(each["Body"])["n"] for each in received(sqs, mail_fifo)} == error[0]


def delivered_or_all(one: SqsSink, messages: list[Message]) -> tuple[set[int], set[int]]:
    try:
        one.deliver(messages)
    except PartialDelivery as error:
        return set(error.accepted), set(error.refused)
    return {each.id for each in messages}, set()


def test_one_key_does_not_hold_up_the_others_of_a_fifo_queue(faulty: FaultyAws, mail_fifo: str) -> None:
    """One message of a key in a call, and the calls are filled with other keys."""
    messages = [Message(id, "mail", f"k{id % 10}", {"n": id}) for id in range(50)]

    sink(queues={"mail": "mail.fifo"}).deliver(messages)

    assert [len(call) for call in faulty.calls] == [10] * 5


# Processes


def test_forked_process_has_connections_of_its_own(faulty: FaultyAws, sqs: Any, mail: str) -> None:
    one = sink()
    one.deliver([message(1)])
    before = faulty.connections
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            one.deliver([message(2)])
            code = 0
        finally:
            os._exit(code)
    one.deliver([message(3)])

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert sorted(numbers(received(sqs, mail))) == [1, 2, 3]
    assert faulty.connections == before + 1


def refuse(code: str) -> Any:
    def fault(entries: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
        raise Refuse(code)

    return fault


def lose(entries: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    raise LoseResponse
