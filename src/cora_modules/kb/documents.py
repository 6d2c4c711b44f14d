"""Documents of knowledge bases: uploads, downloads and their text."""

from typing import Annotated
from uuid import UUID

from org_common import App, Conflict, Needs, Page, PageRequest, Query, Reader, Transaction

from cora_modules.kb import bases, storage
from cora_modules.kb.models.documents import (
    Document,
    Download,
    NewDocument,
    NewUpload,
    Offset,
    StoredDocument,
    TextPart,
    Upload,
)
from cora_modules.kb.queries import documents as queries
from cora_modules.kb.rules import BASE_READER, BASE_WRITER

app = App("kb-documents", needs=Needs(actions=["s3:GetObject", "s3:PutObject"]))
app.include(bases.router)

DOCUMENTS = "/kb/{base_id}/documents"
DOCUMENT = "/kb/{base_id}/documents/{document_id}"
QUEUE = "ingest"
"""The queue of `cora_modules.kb.ingest`."""


@app.get(DOCUMENTS, allow=BASE_READER)
def list_documents(db: Reader, base_id: UUID, page: PageRequest) -> Page[Document]:
    """List the documents of the base, newest first."""
    by = ("created_at", "id")
    return db.page(Document, queries.LIST_DOCUMENTS, {"base_id": base_id}, page=page, by=by, descending=True)


@app.post(DOCUMENTS, allow=BASE_WRITER, status=201, idempotent=True)
def create_document(tx: Transaction, base_id: UUID, body: NewDocument) -> NewUpload:
    """Announce a file. The response says where to upload it; call `complete` afterwards."""
    document = tx.one(StoredDocument, queries.CREATE_DOCUMENT, {"base_id": base_id, **body.model_dump()})
    signed = storage.sign_upload(
        document.storage_key, media_type=body.media_type, size_bytes=body.size_bytes, sha256=body.sha256
    )
    upload = Upload(method="PUT", url=signed.url, headers=signed.headers, expires_at=signed.expires_at)
    return NewUpload(**document.model_dump(exclude={"storage_key"}), upload=upload)


@app.get(DOCUMENT, allow=BASE_READER)
def get_document(db: Reader, base_id: UUID, document_id: UUID) -> Document:
    """Return one document, with the state of its processing."""
    return db.one(Document, queries.GET_DOCUMENT, {"base_id": base_id, "document_id": document_id})


@app.post(DOCUMENT + "/complete", allow=BASE_WRITER)
def complete_upload(tx: Transaction, base_id: UUID, document_id: UUID) -> Document:
    """Check the uploaded file and queue it for processing. For a document that failed: process it again."""
    values = {"base_id": base_id, "document_id": document_id}
    document = tx.one(StoredDocument, queries.GET_STORED, values)
    if document.status in ("pending", "failed"):
        check_upload(document)
        if tx.value(queries.QUEUE_DOCUMENT, values):
            message = {"documentId": str(document_id), "baseId": str(base_id)}
            tx.send(QUEUE, message, key=str(document_id), org_id=document.org_id)
    return tx.one(Document, queries.GET_DOCUMENT, values)


@app.get(DOCUMENT + "/download", allow=BASE_READER)
def download_document(db: Reader, base_id: UUID, document_id: UUID) -> Download:
    """Return a URL for the file, valid for 15 minutes."""
    document = db.one(StoredDocument, queries.GET_STORED, {"base_id": base_id, "document_id": document_id})
    if document.status == "pending":
        raise Conflict("The file has not been uploaded yet.", code="not_uploaded")
    signed = storage.sign_download(document.storage_key, filename=document.filename, media_type=document.media_type)
    return Download(url=signed.url, expires_at=signed.expires_at)


@app.get(DOCUMENT + "/text", allow=BASE_READER)
def read_text(
    db: Reader,
    base_id: UUID,
    document_id: UUID,
    start: Annotated[Offset, Query()] = 0,
    length: Annotated[int, Query(ge=1, le=100_000)] = 10_000,
) -> TextPart:
    """Return a part of the document's text, such as a passage and its surroundings. A 404 past the end."""
    values = {"base_id": base_id, "document_id": document_id, "start": start, "length": length}
    return db.one(TextPart, queries.READ_TEXT, values)


@app.delete(DOCUMENT, allow=BASE_WRITER)
def delete_document(tx: Transaction, base_id: UUID, document_id: UUID) -> None:
    """Delete a document. Searches find it no longer."""
    tx.value(queries.DELETE_DOCUMENT, {"base_id": base_id, "document_id": document_id})


def check_upload(document: StoredDocument) -> None:
    """Compare the stored file with the announced one. Raises a 409 that says what differs."""
    try:
        stored = storage.inspect(document.storage_key)
    except storage.MissingObject:
        raise Conflict("The file has not been uploaded yet.", code="not_uploaded") from None
    if stored.size_bytes != document.size_bytes:
        raise Conflict(
            f"The uploaded file has {stored.size_bytes} bytes, the announced one {document.size_bytes}.",
            code="other_size",
        )
    if stored.media_type != document.media_type:
        raise Conflict(
            f"The uploaded file has the type {stored.media_type}, the announced one {document.media_type}.",
            code="other_type",
        )
    if stored.sha256 != document.sha256:
        raise Conflict("The uploaded file has other content than the announced one.", code="other_content")
