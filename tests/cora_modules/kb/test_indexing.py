"""The worker: from an uploaded file to passages, and what happens when something fails on the way."""

from typing import Any

import pytest

from cora_modules.ai.provider import ProviderError
from cora_modules.kb.indexing import MAX_ATTEMPTS
from org_common import Conflict, Deadline, Unavailable
from tests.cora_modules.access.world import ACME
from tests.cora_modules.kb import files
from tests.cora_modules.kb.uploads import MARKDOWN, TEXT, Uploads, raising, scripted
from tests.cora_modules.kb.world import HANDBOOK

pytestmark = pytest.mark.db


def test_uploaded_document_is_indexed(uploads: Uploads) -> None:
    document_id = uploads.add(MARKDOWN)

    uploads.process(document_id)

    document, chunks, text = uploads.world.document(document_id), uploads.chunks(document_id), uploads.text(document_id)
    assert (document["status"], document["chunk_count"], document["text_length"]) == ("indexed", 2, len(TEXT))
    assert (document["claim_id"], document["error"], document["page_count"]) == (None, None, None)
    assert text == TEXT
    assert [(chunk["seq"], chunk["heading"]) for chunk in chunks] == [(0, "Fuel"), (1, "Crew")]
    assert all(text[chunk["start_char"] : chunk["end_char"]] == chunk["content"] for chunk in chunks)
    assert {chunk["language"] for chunk in chunks} <= {"english", "simple"}


def test_pages_of_a_pdf_are_cited(uploads: Uploads) -> None:
    content = files.pdf(["Methane burns.", "Four people fly."], outline=[("Fuel", 0), ("Crew", 1)])
    document_id = uploads.add(content, files.PDF, "a.pdf")

    uploads.process(document_id)

    found = [(chunk["page"], chunk["heading"], chunk["content"]) for chunk in uploads.chunks(document_id)]
    assert found == [(1, "Fuel", "Methane burns."), (2, "Crew", "Four people fly.")]
    boxes = [[round(side, 1) for side in chunk["box"]] for chunk in uploads.chunks(document_id)]
    assert boxes == [[50.0, 777.8, 126.4, 788.8], [50.0, 777.8, 125.8, 788.8]]
    assert uploads.world.document(document_id)["page_count"] == 2


def test_use_of_the_model_is_recorded_once(uploads: Uploads) -> None:
    uploads.process(uploads.add(MARKDOWN))

    (call,) = uploads.calls()
    assert (call["org_id"], call["user_id"], call["error_kind"]) == (ACME, None, None)
    assert call["tokens_in"] > 0


@pytest.mark.parametrize("values", [{"status": "pending"}, {"deleted_at": "now"}])
def test_forged_message_has_no_effect(uploads: Uploads, values: dict[str, object]) -> None:
    """Messages are hints: the database says what is to be done."""
    document_id = uploads.add(MARKDOWN, values=values)
    before = uploads.world.snapshot()

    uploads.process(document_id)
    uploads.process(HANDBOOK)

    assert uploads.world.snapshot() == before


BAD_FILES = {
    "empty": (b"", "text/plain", "a.txt", "empty", "empty"),
    "blank": (b" \n\t\r\n", "text/plain", "a.txt", "no_text", "no text"),
    "binary": (b"a\x00b", "text/plain", "a.txt", "wrong_type", "not a text"),
    "png as pdf": (b"\x89PNG\r\n\x1a\n", files.PDF, "a.pdf", "wrong_type", "PNG image"),
    "text as pdf": (b"hello", files.PDF, "a.pdf", "wrong_type", "not a PDF"),
    "pdf as docx": (files.pdf(["x"]), files.DOCX, "a.docx", "wrong_type", "is a PDF"),
    "zip as docx": (files.zipped(a_xml=b"x"), files.DOCX, "a.docx", "wrong_type", "ZIP archive"),
    "xlsx as docx": (
        files.zipped(xl__workbook_xml=b"x"),
        files.DOCX,
        "a.docx",
        "wrong_type",
        "Excel",
    ),
    "cut pdf": (files.pdf(["x"])[:250], files.PDF, "a.pdf", "malformed", "damaged"),
    "cut docx": (files.docx(files.paragraph("x"))[:-60], files.DOCX, "a.docx", "malformed", "damaged"),
    "broken xml": (files.docx("<w:p>"), files.DOCX, "a.docx", "malformed", "damaged"),
    "encrypted pdf": (files.encrypted_pdf("x", "secret"), files.PDF, "a.pdf", "encrypted", "password"),
    "encrypted docx": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le"),
        files.DOCX,
        "a.docx",
        "encrypted",
        "password",
    ),
    "old doc": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), files.DOCX, "a.docx", "wrong_type", ".docx"),
    "zip bomb": (files.docx("<w:p/>", word__media_xml=bytes(260_000_000)), files.DOCX, "a.docx", "too_large", "250 MB"),
    "pdf bomb": (files.bomb_pdf(), files.PDF, "a.pdf", "too_large", "unpacked"),
    "scanned": (files.scanned_pdf(), files.PDF, "a.pdf", "scanned", "OCR"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_file_fails_with_a_reason_and_no_retry(uploads: Uploads, case: str) -> None:
    content, media_type, filename, code, words = BAD_FILES[case]
    document_id = uploads.add(content, media_type, filename)

    uploads.process(document_id)

    document = uploads.world.document(document_id)
    assert (document["status"], document["error_code"]) == ("failed", code)
    assert words in document["error"]
    assert (uploads.chunks(document_id), uploads.text(document_id), uploads.calls()) == ([], "", [])


def test_file_that_was_replaced_fails(uploads: Uploads) -> None:
    document_id = uploads.add(MARKDOWN)
    uploads.bucket.put(uploads.world.document(document_id)["storage_key"], MARKDOWN[::-1])

    uploads.process(document_id)

    assert uploads.world.document(document_id)["error_code"] == "changed"


def test_missing_file_fails(uploads: Uploads) -> None:
    document_id = uploads.add(MARKDOWN)
    uploads.bucket.clear()

    uploads.process(document_id)

    assert uploads.world.document(document_id)["error_code"] == "missing"


@pytest.mark.parametrize("kind", ["throttled", "unavailable", "timeout", "cut"])
def test_throttled_provider_is_tried_again_for_as_long_as_it_takes(uploads: Uploads, kind: Any) -> None:
    document_id = uploads.add(MARKDOWN)
    throttled = uploads.worker(scripted(raising(ProviderError(kind, "later"))))

    for _ in range(MAX_ATTEMPTS + 1):
        with pytest.raises(ProviderError):
            throttled.process(document_id, Deadline.after(60))
        assert uploads.world.document(document_id)["status"] == "uploaded"
    uploads.process(document_id)

    assert uploads.world.document(document_id)["status"] == "indexed"
    assert [call["error_kind"] for call in uploads.calls()] == [kind] * (MAX_ATTEMPTS + 1) + [None]


def test_message_that_never_succeeds_fails_its_document_and_goes_to_the_dead_letter_queue(uploads: Uploads) -> None:
    document_id = uploads.add(MARKDOWN)
    broken = uploads.worker(scripted(raising(ProviderError("refused", "no such model"))))

    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(ProviderError):
            broken.process(document_id, Deadline.after(60))
    # From now on each delivery raises, until SQS has enough.
    for _ in range(3):
        with pytest.raises(Conflict, match="did not come to an end"):
            broken.process(document_id, Deadline.after(60))

    document = uploads.world.document(document_id)
    assert (document["status"], document["error_code"]) == ("failed", "exhausted")
    assert str(MAX_ATTEMPTS) in document["error"]


def test_store_that_fails_is_tried_again(uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    document_id = uploads.add(MARKDOWN)
    with monkeypatch.context() as environ:
        environ.setenv("CORA_KB_BUCKET", "no-such-bucket")
        for _ in range(MAX_ATTEMPTS + 1):
            with pytest.raises(Unavailable):
                uploads.process(document_id)

    uploads.process(document_id)

    assert uploads.world.document(document_id)["status"] == "indexed"


def test_document_is_given_back_before_the_deadline(uploads: Uploads) -> None:
    document_id = uploads.add(MARKDOWN)

    with pytest.raises(Unavailable, match="time was over"):
        uploads.process(document_id, seconds=4)

    document = uploads.world.document(document_id)
    assert (document["status"], document["attempts"], document["claim_id"]) == ("uploaded", 1, None)
    assert uploads.chunks(document_id) == []


def test_document_of_another_worker_is_left_to_it(uploads: Uploads) -> None:
    document_id = uploads.add(MARKDOWN)

    def second_delivery() -> None:
        with pytest.raises(Unavailable, match="Another worker"):
            uploads.process(document_id)

    uploads.worker(scripted(second_delivery)).process(document_id, Deadline.after(60))

    assert len(uploads.chunks(document_id)) == 2
    assert len(uploads.calls()) == 1


def test_worker_that_outlived_its_claim_stores_nothing(uploads: Uploads) -> None:
    """Two workers at the same time: the one that claimed last stores, also if it is the first to end."""
    document_id = uploads.add(MARKDOWN)

    def expire_and_deliver_again() -> None:
        uploads.world.admin.execute(
            "update kb.kb_documents set claimed_until = now() - interval '1 s' where claim_id is not null"
        )
        uploads.process(document_id)
        stored.extend(uploads.chunks(document_id))

    stored: list[dict[str, Any]] = []
    uploads.worker(scripted(expire_and_deliver_again)).process(document_id, Deadline.after(60))

    assert uploads.chunks(document_id) == stored
    assert len(stored) == 2


@pytest.mark.parametrize("what", ["document", "base"])
def test_document_that_is_deleted_meanwhile_is_not_stored(uploads: Uploads, what: str) -> None:
    document_id = uploads.add(MARKDOWN)
    path = f"/kb/{HANDBOOK}" if what == "base" else f"/kb/{HANDBOOK}/documents/{document_id}"

    def delete() -> None:
        assert uploads.world.as_("dave").send("DELETE", path).status == 204

    uploads.worker(scripted(delete)).process(document_id, Deadline.after(60))

    assert what == "base" or uploads.chunks(document_id) == []
    assert uploads.world.as_("dave").get(f"/kb/{HANDBOOK}/documents/{document_id}").status == 404


def test_no_transaction_is_open_while_vectors_are_computed(uploads: Uploads) -> None:
    states: list[str] = []

    def look() -> None:
        rows = uploads.world.admin.execute(
            "select state from pg_stat_activity where usename = 'app_service' and datname = current_database()"
        )
        states.extend(row["state"] for row in rows)

    uploads.worker(scripted(look)).process(uploads.add(MARKDOWN), Deadline.after(60))

    assert set(states) == {"idle"}


def test_processing_again_replaces_the_passages(uploads: Uploads) -> None:
    document_id = uploads.add(MARKDOWN)
    uploads.process(document_id)
    ids = {chunk["id"] for chunk in uploads.chunks(document_id)}
    uploads.world.admin.execute("update kb.kb_documents set status = 'uploaded' where id = %s", [document_id])

    uploads.process(document_id)

    again = uploads.chunks(document_id)
    assert [chunk["seq"] for chunk in again] == [0, 1]
    assert ids.isdisjoint(chunk["id"] for chunk in again)
    assert uploads.text(document_id) == TEXT
