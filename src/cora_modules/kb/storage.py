"""The files of documents in S3: presigned uploads and downloads, and the file itself.

botocore is in Lambda's runtime; the first call imports it. `CORA_KB_BUCKET` names the bucket.
"""

import base64
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import quote
from uuid import UUID

from org_common import Unavailable

BUCKET = "CORA_KB_BUCKET"
"""The environment variable with the bucket's name."""
EXPIRY_S = 900
"""How long a presigned URL is valid. At most as long as the credentials of the function that signs it."""
ATTEMPTS = 5
"""How often a call is sent, if it is throttled or S3 fails."""
PIECE = 1 << 20
"""How much of a file is in memory at a time, in bytes."""


class MissingObject(Exception):
    """The bucket has no object with this key."""


class Signed(NamedTuple):
    """A presigned URL."""

    url: str
    headers: dict[str, str]
    """What the client must send with it: the signature covers these headers."""
    expires_at: datetime


class Stored(NamedTuple):
    """What the bucket holds."""

    size_bytes: int
    media_type: str
    sha256: str
    """Of the content as it was read, in hexadecimal digits. Stores that copy the API of S3 may have no checksum."""


def storage_key(org_id: UUID, base_id: UUID, document_id: UUID) -> str:
    """The key of a document's file: identifiers only. The column `storage_key` is the same."""
    return f"kb/{org_id}/{base_id}/{document_id}"


def sign_upload(key: str, *, media_type: str, size_bytes: int, sha256: str) -> Signed:
    """Sign the upload of exactly this file: S3 refuses another size, type or content, and a second upload."""
    checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
    parameters = {
        "ContentLength": size_bytes,
        "ContentType": media_type,
        "ChecksumSHA256": checksum,
        "IfNoneMatch": "*",
    }
    headers = {
        "content-length": str(size_bytes),
        "content-type": media_type,
        "x-amz-checksum-sha256": checksum,
        "if-none-match": "*",
    }
    return _sign("put_object", key, parameters, headers)


def sign_download(key: str, *, filename: str, media_type: str) -> Signed:
    """Sign a download. The browser saves the file, and never opens it as a page of the bucket's origin."""
    disposition = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
    parameters = {"ResponseContentDisposition": disposition, "ResponseContentType": media_type}
    return _sign("get_object", key, parameters, {})


def inspect(key: str) -> Stored:
    """Read an object and say what it is. Raises `MissingObject`, and `Unavailable` if S3 fails."""
    digest, size = hashlib.sha256(), 0
    with _opened(key) as found:
        for piece in found["Body"].iter_chunks(PIECE):
            digest.update(piece)
            size += len(piece)
        return Stored(size, found.get("ContentType", ""), digest.hexdigest())


def fetch(key: str, into: BinaryIO) -> Stored:
    """Copy an object into a file, piece by piece. Raises as `inspect` does."""
    digest, size = hashlib.sha256(), 0
    with _opened(key) as found:
        for piece in found["Body"].iter_chunks(PIECE):
            into.write(piece)
            digest.update(piece)
            size += len(piece)
        return Stored(size, found.get("ContentType", ""), digest.hexdigest())


def remove(keys: Sequence[str]) -> None:
    """Delete objects, at most 1,000; those that are not there are left out. Raises `Unavailable` if S3 keeps one."""
    with _s3_errors():
        objects = [{"Key": key} for key in keys]
        answer = client().delete_objects(Bucket=os.environ[BUCKET], Delete={"Objects": objects, "Quiet": True})
    if answer.get("Errors"):
        first = answer["Errors"][0]
        detail = f"The store did not delete {len(answer['Errors'])} of {len(keys)} files: {first.get('Code')}."
        raise Unavailable(detail, code="store_unavailable")


def _sign(operation: str, key: str, parameters: dict[str, Any], headers: dict[str, str]) -> Signed:
    expires_at = datetime.now(UTC) + timedelta(seconds=EXPIRY_S)
    with _s3_errors():
        url = client().generate_presigned_url(
            operation, Params={"Bucket": os.environ[BUCKET], "Key": key, **parameters}, ExpiresIn=EXPIRY_S
        )
    return Signed(url, headers, expires_at)


@contextmanager
def _opened(key: str) -> Iterator[dict[str, Any]]:
    with _s3_errors():
        found = client().get_object(Bucket=os.environ[BUCKET], Key=key)
        try:
            yield found
        finally:
            found["Body"].close()


@lru_cache
def client() -> Any:
    """A client of S3 that signs with SigV4.

    By default, botocore signs the URLs of some regions with SigV2, which binds neither size nor content.
    """
    import botocore.config  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
    import botocore.session  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

    config = botocore.config.Config(
        signature_version="s3v4",
        connect_timeout=2,
        read_timeout=10,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        # The checksum is one of the parameters; botocore would add a header that no client knows of.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    # botocore reads only AWS_DEFAULT_REGION; Lambda sets both.
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return botocore.session.Session().create_client("s3", region_name=region, config=config)


@contextmanager
def _s3_errors() -> Iterator[None]:
    """Raises `MissingObject` for an object that is not there and `Unavailable` for every other failure."""
    from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        if getattr(error, "response", {}).get("Error", {}).get("Code") == "NoSuchKey":
            raise MissingObject from error
        detail = "The store of documents did not respond as expected. Try again in a moment."
        raise Unavailable(detail, code="store_unavailable") from error
