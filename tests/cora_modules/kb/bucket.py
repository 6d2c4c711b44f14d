"""A bucket of a fake S3, seen from outside the module."""

from __future__ import annotations

import urllib.request
from typing import Any, ClassVar

from tests.support.aws import REGION, FakeAws


class Bucket:
    """The bucket of the documents, on a fake of S3 that checks neither signatures nor checksums."""

    NAME: ClassVar[str] = "documents"

    def __init__(self, aws: FakeAws) -> None:
        self.aws = aws
        self.client: Any = aws.client("s3")
        self.client.create_bucket(Bucket=self.NAME, CreateBucketConfiguration={"LocationConstraint": REGION})

    def put(self, key: str, content: bytes, media_type: str = "text/plain") -> None:
        self.client.put_object(Bucket=self.NAME, Key=key, Body=content, ContentType=media_type)

    def keys(self) -> list[str]:
        return [found["Key"] for found in self.client.list_objects_v2(Bucket=self.NAME).get("Contents", [])]

    def clear(self) -> None:
        for key in self.keys():
            self.client.delete_object(Bucket=self.NAME, Key=key)


def send(upload: dict[str, Any], content: bytes) -> int:
    """Upload as a browser does: the method, URL and headers of the response. Returns the status."""
    request = urllib.request.Request(upload["url"], data=content, method=upload["method"], headers=upload["headers"])
    with urllib.request.urlopen(request, timeout=10) as response:
        status: int = response.status
    return status
