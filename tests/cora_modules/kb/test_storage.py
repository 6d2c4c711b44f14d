"""The files in S3, with a fake that checks neither signatures nor checksums."""

import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from cora_modules.kb import storage
from org_common import Unavailable
from tests.cora_modules.kb.bucket import Bucket


def test_fetch_copies_the_object(bucket: Bucket) -> None:
    content = bytes(range(256)) * 5000
    bucket.put("kb/a", content, "application/pdf")
    into = io.BytesIO()

    fetched, inspected = storage.fetch("kb/a", into), storage.inspect("kb/a")

    assert (into.getvalue(), fetched.size_bytes, fetched.media_type) == (content, len(content), "application/pdf")
    assert fetched == inspected


def test_missing_object_is_said_to_be_missing(bucket: Bucket) -> None:
    with pytest.raises(storage.MissingObject):
        storage.inspect("kb/none")


def test_failing_store_is_unavailable(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(storage.BUCKET, "no-such-bucket")

    with pytest.raises(Unavailable):
        storage.inspect("kb/none")


@pytest.fixture
def own_client(bucket: Bucket) -> Iterator[None]:
    """A client of the test's own environment."""
    yield
    storage.client.cache_clear()


@pytest.mark.parametrize("region", ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1"])
def test_urls_are_signed_with_sigv4_in_every_region(
    own_client: None, monkeypatch: pytest.MonkeyPatch, region: str
) -> None:
    """By default, botocore signs URLs of the first three with SigV2, which does not bind the size."""
    monkeypatch.setenv("AWS_REGION", region)
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    storage.client.cache_clear()

    url = storage.sign_upload("kb/a", media_type="text/plain", size_bytes=1, sha256="00" * 32).url

    query = urlsplit(url).query
    signed = "content-length%3Bcontent-type%3Bhost%3Bif-none-match%3Bx-amz-checksum-sha256"
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in query
    assert f"X-Amz-SignedHeaders={signed}" in query


def test_key_has_identifiers_only() -> None:
    ids = [uuid4() for _ in range(3)]

    assert storage.storage_key(*ids) == f"kb/{ids[0]}/{ids[1]}/{ids[2]}"


def test_broken_connection_is_unavailable(own_client: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection breaks after the headers."""

    class Broken(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", "100")
            self.end_headers()
            self.wfile.write(b"half")

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Broken) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        storage.client.cache_clear()
        with pytest.raises(Unavailable):
            storage.fetch("kb/a", io.BytesIO())
        server.shutdown()


def test_removed_objects_are_gone(bucket: Bucket) -> None:
    for key in ("kb/a", "kb/b"):
        bucket.put(key, b"x")

    storage.remove(["kb/a", "kb/missing"])

    assert bucket.keys() == ["kb/b"]


def test_object_that_the_store_keeps_is_an_error(own_client: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 responds with 200, and with an error for each object that it did not delete."""
    body = b"<DeleteResult><Error><Key>kb/a</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>"

    class Keeping(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Keeping) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        storage.client.cache_clear()
        with pytest.raises(Unavailable, match="1 of 2 files: AccessDenied"):
            storage.remove(["kb/a", "kb/b"])
        server.shutdown()
