"""The message in an envelope of SNS or EventBridge; anything else is the message itself."""

import json
from typing import Any

import pytest

from org_common.events.envelope import open_envelope, open_event, outbox_id_of, time_ms

TOPIC = {"Type": "Notification", "MessageId": "22b80b92", "TopicArn": "arn:aws:sns:eu-central-1:123456789012:t"}
EVENT = {"version": "0", "id": "17793124", "detail-type": "Order Placed", "source": "shop", "detail": {"n": 1}}
SENT = {"source": "org-common", "detail-type": "ingest", "detail": {"id": 7, "queue": "ingest", "message": {"n": 1}}}


def opened(message: object, **options: Any) -> tuple[str, str | None, str | None]:
    envelope = open_envelope(message if isinstance(message, str) else json.dumps(message), **options)
    return envelope.body, envelope.id, envelope.outbox_id


def test_raw_message() -> None:
    for body in ("", "text", "[1]", '{"n": 1}', '{"Type": "Notification"', '{"detail-type": 1, "detail": 2}'):
        assert opened(body) == (body, None, None)


def test_topic() -> None:
    attributes = {"org-common-id": {"Type": "String", "Value": "7"}, "other": {"Type": "Binary"}, "broken": 1}

    assert opened({**TOPIC, "Message": '{"n": 1}'}) == ('{"n": 1}', "22b80b92", None)
    assert opened({**TOPIC, "Message": "{}", "MessageAttributes": attributes}) == ("{}", "22b80b92", "7")


def test_event() -> None:
    assert opened(EVENT) == ('{"n":1}', "17793124", None)
    assert opened(EVENT, opens_events=False) == (json.dumps(EVENT), None, None)


def test_message_of_the_outbox_on_a_bus() -> None:
    assert opened(SENT) == ('{"n":1}', None, "7")
    assert opened({**TOPIC, "Message": json.dumps({**SENT, "id": "e"})}) == ('{"n":1}', "e", "7")


def test_numbers_keep_their_digits() -> None:
    body = '{"source": "shop", "detail-type": "x", "detail": {"n": 123456789012345678901234567890}}'

    assert opened(body)[0] == '{"n":123456789012345678901234567890}'


def test_envelopes_are_not_opened_for_ever() -> None:
    message = "end"
    for _ in range(4):
        message = json.dumps({**TOPIC, "Message": message})

    assert json.loads(open_envelope(message).body)["Type"] == "Notification"


@pytest.mark.parametrize(
    "broken",
    [
        {**TOPIC, "Message": 1},
        {**TOPIC, "Type": "Notification "},
        {"Type": "SubscriptionConfirmation", "TopicArn": "Notification", "Message": "x"},
        {**EVENT, "source": 1},
        {**EVENT, "detail-type": None},
    ],
)
def test_what_only_looks_like_one(broken: dict[str, Any]) -> None:
    assert opened(broken)[0] == json.dumps(broken)


@pytest.mark.parametrize(
    ("value", "id"),
    [
        *[("7", "7"), (7, "7"), ("007", "7"), (str(2**63 - 1), str(2**63 - 1)), ("0", "0")],
        *[(value, None) for value in ("", "-1", "+1", " 1", "1 ", "1.0", "1e3", "\u0661", "x", str(2**63), "9" * 99)],
        *[(value, None) for value in (None, True, 1.0, -1, [1], {"a": 1})],
    ],
)
def test_outbox_id(value: Any, id: str | None) -> None:
    assert outbox_id_of(value) == id


def test_detail_that_is_a_string() -> None:
    assert open_event({**EVENT, "detail": "{}"}).body == "{}"


@pytest.mark.parametrize(
    ("time", "ms"), [("2025-11-30T12:00:00Z", 1764504000000), ("noon", None), (None, None), (1764504000, None)]
)
def test_time(time: object, ms: int | None) -> None:
    assert time_ms(time) == ms


def test_claim_of_an_envelope_holds_for_its_content() -> None:
    """A forged envelope cannot claim another message: the content is part of the claim."""
    one, other, raw = (
        open_envelope(json.dumps({**TOPIC, "Message": "one"})),
        open_envelope(json.dumps({**TOPIC, "Message": "other"})),
        open_envelope("one"),
    )

    assert one.claim() != other.claim()
    assert one.claim() == open_envelope(json.dumps({**TOPIC, "Message": "one", "Timestamp": "later"})).claim()
    assert raw.claim() is None
