"""Documents: announced, uploaded, checked and queued; downloaded, read and deleted."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from org_common.testing.client import Answer
from tests.cora_modules.access.world import pointers
from tests.cora_modules.kb.bucket import Bucket, send
from tests.cora_modules.kb.world import HANDBOOK, RULES, KbWorld

pytestmark = pytest.mark.db

DOCUMENTS = f"/kb/{HANDBOOK}/documents"
CONTENT = "Jede Rakete hat Düsen.\r\n".encode()
NEW: dict[str, object] = {
    "filename": "Düsen & Co.txt",
    "mediaType": "text/plain",
    "sizeBytes": len(CONTENT),
    "sha256": hashlib.sha256(CONTENT).hexdigest().upper(),
}


def create(world: KbWorld, name: str = "dave", values: dict[str, object] | None = None) -> Answer:
    return world.as_(name).post(DOCUMENTS, {**NEW, **(values or {})})


def complete(world: KbWorld, document: dict[str, Any], name: str = "dave") -> Answer:
    return world.as_(name).send("POST", f"{DOCUMENTS}/{document['id']}/complete")


def signed_headers(url: str) -> set[str]:
    return set(parse_qs(urlsplit(url).query)["X-Amz-SignedHeaders"][0].split(";"))


def test_new_document_waits_for_its_upload(world: KbWorld, bucket: Bucket) -> None:
    response = create(world)

    body = response.json()
    assert (response.status, body["status"], body["sha256"]) == (201, "pending", hashlib.sha256(CONTENT).hexdigest())
    assert response.headers["location"] == f"{DOCUMENTS}/{body['id']}"
    assert "storageKey" not in body
    assert (world.messages(), bucket.keys()) == ([], [])


def test_upload_is_signed_for_size_type_and_content(world: KbWorld, bucket: Bucket) -> None:
    upload = create(world).json()["upload"]

    query = parse_qs(urlsplit(upload["url"]).query)
    checksum = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    assert upload["headers"] == {
        "content-length": str(len(CONTENT)),
        "content-type": "text/plain",
        "if-none-match": "*",
        "x-amz-checksum-sha256": checksum,
    }
    assert signed_headers(upload["url"]) == {"host", *upload["headers"]}
    assert (upload["method"], query["X-Amz-Algorithm"], query["X-Amz-Expires"]) == (
        "PUT",
        ["AWS4-HMAC-SHA256"],
        ["900"],
    )


def test_completed_upload_is_queued(world: KbWorld, bucket: Bucket) -> None:
    document = create(world).json()
    assert send(document["upload"], CONTENT) == 200

    response = complete(world, document)

    message = {"documentId": document["id"], "baseId": str(HANDBOOK)}
    assert (response.status, response.json()["status"]) == (200, "uploaded")
    assert [(each["queue"], each["message"]) for each in world.messages()] == [("ingest", message)]


def test_completing_twice_queues_once(world: KbWorld, bucket: Bucket) -> None:
    document = create(world).json()
    send(document["upload"], CONTENT)

    first, second = complete(world, document), complete(world, document)

    assert (first.status, second.status, second.json()) == (200, 200, first.json())
    assert len(world.messages()) == 1


@pytest.mark.parametrize(
    ("content", "media_type", "code"),
    [
        (None, "", "not_uploaded"),
        (CONTENT[:-1], "text/plain", "other_size"),
        (CONTENT, "text/html", "other_type"),
        (CONTENT[::-1], "text/plain", "other_content"),
    ],
)
def test_other_file_than_announced_is_not_queued(
    world: KbWorld, bucket: Bucket, content: bytes | None, media_type: str, code: str
) -> None:
    """The fake S3 accepts what S3 itself refuses: `complete` looks at the stored file."""
    document = create(world).json()
    if content is not None:
        bucket.put(
            str(world.kb_rows("kb_documents", f"id = '{document['id']}'")[0]["storage_key"]), content, media_type
        )

    response = complete(world, document)

    assert (response.status, response.json()["code"]) == (409, code)
    assert world.messages() == []
    assert world.as_("dave").get(f"{DOCUMENTS}/{document['id']}").json()["status"] == "pending"


def test_failed_document_can_be_processed_again(world: KbWorld, bucket: Bucket) -> None:
    document = create(world).json()
    send(document["upload"], CONTENT)
    failed = "status = 'failed', error_code = 'no_text', error = 'No text.', attempts = 3"
    world.admin.execute(f"update kb.kb_documents set {failed} where id = %s", [document["id"]])

    body = complete(world, document).json()

    assert (body["status"], body["error"], body["errorCode"]) == ("uploaded", None, None)
    assert len(world.messages()) == 1


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"filename": ""}, "#/filename"),
        ({"filename": "../etc/passwd"}, "#/filename"),
        ({"filename": "a\nb"}, "#/filename"),
        ({"filename": "x" * 256}, "#/filename"),
        ({"mediaType": "image/png"}, "#/mediaType"),
        ({"sizeBytes": 52_428_801}, "#/sizeBytes"),
        ({"sizeBytes": -1}, "#/sizeBytes"),
        ({"sha256": "0" * 63}, "#/sha256"),
        ({"sha256": "g" * 64}, "#/sha256"),
        ({"storageKey": "kb/x"}, "#/storageKey"),
    ],
)
def test_wrong_values_are_422(readonly_world: KbWorld, values: dict[str, object], pointer: str) -> None:
    response = create(readonly_world, values=values)

    assert (response.status, pointers(response)) == (422, [("body", pointer)])


def test_repeated_request_with_a_key_announces_one_document(world: KbWorld, bucket: Bucket) -> None:
    headers = {"idempotency-key": "k-1"}
    dave = world.as_("dave")

    first, second = (dave.send("POST", DOCUMENTS, body=NEW, headers=headers) for _ in range(2))

    assert first.json() == second.json()
    assert len(world.kb_rows("kb_documents", "filename = 'Düsen & Co.txt'")) == 1


def test_download_saves_the_file_under_its_name(world: KbWorld, bucket: Bucket) -> None:
    document = create(world).json()
    send(document["upload"], CONTENT)
    assert world.as_("frank").get(f"{DOCUMENTS}/{document['id']}/download").json()["code"] == "not_uploaded"
    complete(world, document)

    url = world.as_("frank").get(f"{DOCUMENTS}/{document['id']}/download").json()["url"]

    query = parse_qs(urlsplit(url).query)
    assert query["response-content-disposition"] == ["attachment; filename*=UTF-8''D%C3%BCsen%20%26%20Co.txt"]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]


def test_list_is_newest_first_and_has_live_documents_only(world: KbWorld, bucket: Bucket) -> None:
    first, second = create(world).json(), create(world).json()
    world.as_("dave").send("DELETE", f"{DOCUMENTS}/{first['id']}")

    items = world.as_("frank").get(DOCUMENTS).json()["items"]

    assert [item["id"] for item in items] == [second["id"], str(RULES)]


def test_text_is_read_in_parts(world: KbWorld) -> None:
    text = "".join(chr(ord("a") + at % 26) for at in range(250_000)) + "\U0001f680"
    world.admin.execute("delete from kb.kb_texts where document_id = %s", [RULES])
    (base,) = world.kb_rows("kb_bases", f"id = '{HANDBOOK}'")
    for at in range(0, len(text), 100_000):
        part = text[at : at + 100_000]
        world.add_kb(
            "kb_texts", org_id=base["org_id"], base_id=HANDBOOK, document_id=RULES, start_char=at, content=part
        )
    path, frank = f"{DOCUMENTS}/{RULES}/text", world.as_("frank")

    spans = [(0, 10), (99_990, 20), (100_000, 1), (149_999, 100_000), (249_990, 100), (0, 100_000)]
    parts = {span: frank.send("GET", path, query=f"start={span[0]}&length={span[1]}").json() for span in spans}

    for (start, length), part in parts.items():
        assert part == {
            "start": start,
            "end": min(start + length, len(text)),
            "content": text[start : start + length],
        }
    assert frank.send("GET", path, query=f"start={len(text)}").status == 404


def test_deleted_document_is_gone_with_its_text(world: KbWorld) -> None:
    path = f"{DOCUMENTS}/{RULES}"
    dave = world.as_("dave")

    assert dave.send("DELETE", path).status == 204

    assert {dave.get(path).status, dave.get(f"{path}/text").status, dave.send("DELETE", path).status} == {404}
    assert world.kb_rows("kb_texts", f"document_id = '{RULES}'") == []
    assert world.document(RULES)["deleted_by"] == world.users["dave"]


def test_refused_caller_gets_no_url_and_sends_no_message(readonly_world: KbWorld, bucket: Bucket) -> None:
    """A URL would be in the response, and a message in the outbox."""
    responses = [create(readonly_world, name) for name in ("frank", "bob", "stranger")]
    responses += [complete(readonly_world, {"id": RULES}, name) for name in ("frank", "bob", "stranger")]

    assert [response.status for response in responses] == [403, 404, 403] * 2
    assert [b"X-Amz" in response.body for response in responses] == [False] * 6
    assert readonly_world.messages() == []
