"""S3: notifications about objects, from S3 itself, through a queue or a topic, or from EventBridge.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

from org_common.values.errors import BadRequest

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from org_common.values.types import Event

SOURCE = "aws:s3"
BRIDGE_SOURCE = "aws.s3"
# The names that EventBridge gives to types of events.
_DETAIL_TYPES = {
    "Object Created": "ObjectCreated",
    "Object Deleted": "ObjectRemoved",
    "Object Restore Initiated": "ObjectRestore",
    "Object Restore Completed": "ObjectRestore",
    "Object Restore Expired": "ObjectRestore",
    "Object Tags Added": "ObjectTagging",
    "Object Tags Deleted": "ObjectTagging",
    "Object ACL Updated": "ObjectAcl",
    "Object Storage Class Changed": "LifecycleTransition",
    "Object Access Tier Changed": "IntelligentTiering",
}


class S3Object:
    """The object that an event is about. Injectable: annotate a parameter of an S3 trigger's handler with it."""

    __slots__ = ("_request", "bucket", "etag", "event", "key", "sequencer", "size", "version_id")
    injected = "s3_object"

    bucket: str
    """The bucket's name."""
    key: str
    """The object's key, decoded."""
    event: str
    """What happened: "ObjectCreated:Put". EventBridge names the operation: "ObjectCreated:PutObject"."""
    size: int | None
    """In bytes; None for a deleted object."""
    etag: str | None
    """The ETag, without quotes; None for a deleted object."""
    version_id: str | None
    """The version, in a bucket with versions."""
    sequencer: str | None
    """Of two events of one key, the later one has the greater string, if you fill up both with zeros on the left."""

    def __init__(
        self,
        bucket: str,
        key: str,
        event: str,
        *,
        size: int | None = None,
        etag: str | None = None,
        version_id: str | None = None,
        sequencer: str | None = None,
        request: str = "",
    ) -> None:
        """`request` tells apart events of one object that have no sequencer."""
        self.bucket = bucket
        self.key = key
        self.event = event
        self.size = size
        self.etag = etag
        self.version_id = version_id
        self.sequencer = sequencer
        self._request = request

    def claim(self) -> str:
        """What the event is claimed by: S3 gives it no id."""
        from hashlib import sha256

        # Only events of created and removed objects have a sequencer: tags can be set twice.
        parts = (self.bucket, self.key, self.version_id or "", self.sequencer or self._request, self.event)
        return sha256("\n".join(parts).encode(errors="surrogatepass")).hexdigest()

    def __repr__(self) -> str:
        return f"S3Object({self.bucket!r}, {self.key!r}, {self.event!r})"


def is_test(event: object) -> bool:
    """Whether it is the event that S3 sends once, when a notification is configured: about no object."""
    return isinstance(event, dict) and event.get("Event") == "s3:TestEvent" and "Records" not in event


def object_of_record(record: Event) -> S3Object:
    """The object of a notification's record. Raises `BadRequest` for a record that lacks a field."""
    from urllib.parse import unquote_plus

    s3 = record.get("s3")
    if not isinstance(s3, dict):
        raise _malformed()
    found = s3.get("object")
    key = found.get("key") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(key, str):
        raise _malformed()
    # In notifications a key is encoded like a form: `a+b%2Bc` is `a b+c`.
    elements = record.get("responseElements")
    id = elements.get("x-amz-request-id") if isinstance(elements, dict) else None
    request = f"{record.get('eventTime')} {id}"
    name = str(record.get("eventName", ""))
    return _object(s3.get("bucket"), unquote_plus(key), name, found, ("eTag", "versionId"), request)


def object_of_event(event: Event) -> S3Object:
    """The object of an event of EventBridge, whose key is not encoded. Raises `BadRequest` if it lacks a field."""
    detail = event["detail"]
    found = detail.get("object") if isinstance(detail, dict) else None
    key = found.get("key") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(key, str):
        raise _malformed()
    kind = _DETAIL_TYPES.get(event["detail-type"], event["detail-type"])
    name, request = f"{kind}:{detail.get('reason', '')}", f"{event.get('time')} {detail.get('request-id')}"
    return _object(detail.get("bucket"), key, name, found, ("etag", "version-id"), request)


def _object(bucket: Any, key: str, event: str, found: Event, names: tuple[str, str], request: str) -> S3Object:
    """`names` are those of the ETag and the version."""
    name = bucket.get("name") if isinstance(bucket, dict) else None
    if not isinstance(name, str):
        raise _malformed()
    size, tag, version_id, sequencer = (found.get(field) for field in ("size", *names, "sequencer"))
    return S3Object(
        name,
        key,
        event.removeprefix("s3:"),
        size=size if isinstance(size, int) else None,
        etag=tag if isinstance(tag, str) else None,
        version_id=version_id if isinstance(version_id, str) else None,
        sequencer=sequencer if isinstance(sequencer, str) else None,
        request=request,
    )


def _malformed() -> BadRequest:
    return BadRequest("The record names no bucket and key.", code="malformed_record")
