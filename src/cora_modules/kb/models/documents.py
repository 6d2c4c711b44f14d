"""Documents of a knowledge base, their uploads and downloads."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from org_common import Model
from pydantic import Field, StringConstraints

Status = Literal["pending", "uploaded", "processing", "indexed", "failed"]
"""`pending` waits for the upload, `uploaded` for a worker; `indexed` is found by searches."""
MediaType = Literal[
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/xhtml+xml",
    "text/html",
    "text/markdown",
    "text/plain",
]
"""What a document can be: PDF, Word (DOCX), HTML, Markdown or plain text."""
Filename = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f/\\]+$")]
"""A file name without a folder, 1 to 255 characters."""
Sha256 = Annotated[str, StringConstraints(to_lower=True, pattern=r"^[0-9A-Fa-f]{64}$")]
"""A SHA-256 hash in 64 hexadecimal digits."""
Offset = Annotated[int, Field(ge=0, le=2_000_000_000)]
"""A position in the text of a document, in characters (Unicode code points)."""


class Document(Model):
    """A document as the readers of its base see it."""

    id: UUID
    org_id: UUID
    base_id: UUID
    filename: str
    media_type: str
    size_bytes: int
    sha256: str
    status: Status
    error_code: str | None
    """Why it failed, for programs. `encrypted`, `malformed` and others: see the README."""
    error: str | None
    """The same as a sentence for its user."""
    page_count: int | None
    """None for a document without pages, and until it is indexed."""
    text_length: int | None
    """The length of the text that was found in it, in characters."""
    chunk_count: int
    """How many passages searches can find."""
    indexed_at: datetime | None
    created_at: datetime
    updated_at: datetime


class StoredDocument(Document):
    """A document with the place of its file."""

    storage_key: str


class NewDocument(Model):
    """A file to upload."""

    filename: Filename
    media_type: MediaType
    size_bytes: Annotated[int, Field(ge=0, le=52_428_800)]
    """At most 50 MiB."""
    sha256: Sha256
    """Of the file's content. The store refuses an upload that differs."""


class Upload(Model):
    """Where to send the file."""

    method: Literal["PUT"]
    url: str
    headers: dict[str, str]
    """Send exactly these: the URL is signed for them."""
    expires_at: datetime


class NewUpload(Document):
    """A document that waits for its file."""

    upload: Upload


class Download(Model):
    """Where to get the file."""

    url: str
    expires_at: datetime


class TextPart(Model):
    """A part of the text of a document."""

    start: int
    """The position of its first character in the text of the document."""
    end: int
    """The position after its last character."""
    content: str
