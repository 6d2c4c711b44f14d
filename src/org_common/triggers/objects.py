"""Object events: which S3 trigger takes one, and the record that it handles."""

from __future__ import annotations

from collections.abc import Collection

from org_common.events import s3
from org_common.events.envelope import is_event
from org_common.events.record import Record
from org_common.values.errors import BadRequest

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from org_common.events.s3 import S3Object


def object_record(found: S3Object, source: str, attempt: int = 1) -> Record:
    """The record of an object event: it has no message but the object."""
    claim = found.claim()
    return Record(claim, source, "", attempt=attempt, claim=claim)


def objects_in(message: Any) -> list[S3Object]:
    """The objects of a notification that came through a queue; none for the test event.

    Raises `BadRequest` for another message.
    """
    if s3.is_test(message):
        return []
    if is_event(message) and message["source"] == s3.BRIDGE_SOURCE:
        return [s3.object_of_event(message)]
    records = message.get("Records") if isinstance(message, dict) else None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise BadRequest("The message is not a notification of S3.", code="malformed_record")
    return [s3.object_of_record(record) for record in records]


def matches(patterns: Collection[str], event: str) -> bool:
    """Whether an event is one of these: "ObjectCreated:Put", or "ObjectCreated:*" for all of a kind."""
    return any(event == pattern or (pattern[-1:] == "*" and event.startswith(pattern[:-1])) for pattern in patterns)


def closest_name(physical: str, declared: Collection[str]) -> str | None:
    """The declared name that a queue, bucket or schedule was deployed under; None without one.

    A deployment may add to a name: `prod-ingest` and `acme-ingest-4711` are `ingest`. The longest declared name wins.
    """
    if physical in declared:
        return physical
    parts = f"-{physical.replace('_', '-')}-"
    found = [name for name in declared if f"-{name.replace('_', '-')}-" in parts]
    return max(found, key=len, default=None)
