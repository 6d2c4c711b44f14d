"""Keys are decoded as their way encodes them: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html"""

from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common.events.s3 import is_test, object_of_event, object_of_record
from org_common.values.errors import BadRequest

KEYS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)


def record(key: object, **found: object) -> dict[str, Any]:
    return {
        "eventName": "s3:ObjectCreated:Put",
        "s3": {"bucket": {"name": "uploads"}, "object": {"key": key, **found}},
    }


@given(KEYS)
def test_key_of_a_notification(key: str) -> None:
    assert object_of_record(record(quote_plus(key))).key == key


@given(KEYS)
def test_key_of_an_event_is_not_encoded(key: str) -> None:
    event = {"detail-type": "Object Created", "detail": {"bucket": {"name": "b"}, "object": {"key": key}}}

    assert object_of_event(event).key == key


def test_fields() -> None:
    found = object_of_record(record("k", size=7, eTag="e", versionId="v", sequencer="0A"))

    assert (found.bucket, found.size, found.etag, found.version_id, found.sequencer) == ("uploads", 7, "e", "v", "0A")
    assert found.event == "ObjectCreated:Put"
    assert repr(found) == "S3Object('uploads', 'k', 'ObjectCreated:Put')"


@pytest.mark.parametrize("found", [{"size": "7", "eTag": 1, "versionId": [], "sequencer": None}, {}])
def test_fields_are_optional(found: dict[str, object]) -> None:
    read = object_of_record(record("k", **found))

    assert (read.size, read.etag, read.version_id, read.sequencer) == (None, None, None, None)


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"s3": None},
        {"s3": {}},
        {"s3": {"bucket": {"name": "b"}}},
        {"s3": {"bucket": {"name": "b"}, "object": {}}},
        {"s3": {"bucket": {"name": "b"}, "object": {"key": 1}}},
        {"s3": {"bucket": {"name": None}, "object": {"key": "k"}}},
        {"s3": {"bucket": "b", "object": {"key": "k"}}},
    ],
)
def test_malformed_record(broken: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        object_of_record(broken)


def test_test_event() -> None:
    assert is_test({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"})
    assert not is_test({"Records": []})
    assert not is_test(None)
