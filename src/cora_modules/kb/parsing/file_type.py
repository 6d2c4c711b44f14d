"""What a file is, by its first bytes: the announced type and the name may be wrong."""

import zipfile
import zlib
from typing import BinaryIO, Literal

from cora_modules.kb.parsing.bad_file import BadFile

FileType = Literal["pdf", "docx", "html", "markdown", "text"]

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
MAIN_PART = b"wordprocessingml.document.main"
NAMES: dict[FileType, str] = {
    "pdf": "a PDF",
    "docx": "a Word document (DOCX)",
    "html": "an HTML page",
    "markdown": "a Markdown text",
    "text": "a text",
}
ANNOUNCED: dict[str, FileType] = {
    "application/pdf": "pdf",
    DOCX: "docx",
    "application/xhtml+xml": "html",
    "text/html": "html",
    "text/markdown": "markdown",
    "text/plain": "text",
}
# What zipfile and zlib raise for a damaged archive.
DAMAGED_ARCHIVE = (zipfile.BadZipFile, zlib.error, KeyError, EOFError, NotImplementedError, RuntimeError, OSError)
# The first bytes of files that cannot be processed, and what they are.
_OTHERS = (
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"RIFF", "an image, a sound or a film"),
    (b"{\\rtf", "an RTF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"%!PS", "a PostScript document"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# The stream of an encrypted document of Office 2007 and later, in a file of the older format.
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_PACKAGES = (
    ("xl/", "an Excel workbook"),
    ("ppt/", "a PowerPoint presentation"),
    ("mimetype", "an OpenDocument or EPUB file"),
)


def detect(file: BinaryIO, media_type: str, filename: str) -> FileType:
    """The type of the file. Raises `BadFile` for a file of another type than the announced one."""
    head = file.read(1024)
    file.seek(0)
    if not head:
        raise BadFile("empty", "The file is empty.")
    announced = ANNOUNCED.get(media_type, "text")
    found = _binary_type(file, head)
    if found is None:
        if announced in ("pdf", "docx"):
            raise BadFile("wrong_type", f"The file is not {NAMES[announced]}: it does not begin like one.")
        return _text_type(head, announced, filename)
    if found != announced:
        raise BadFile(
            "wrong_type",
            f"The file is {NAMES[found]}, and was announced as {NAMES[announced]}. Upload it with its own type.",
        )
    return found


def _binary_type(file: BinaryIO, head: bytes) -> FileType | None:
    if b"%PDF-" in head:
        return "pdf"
    if head.startswith(b"PK\x03\x04"):
        return _zip_type(file)
    if head.startswith(_OLE):
        content = file.read()
        file.seek(0)
        if _ENCRYPTED in content:
            raise BadFile("encrypted", "The document is protected by a password. Save it without one.")
        raise BadFile("wrong_type", "The file has the old format of Office, such as .doc. Save it as .docx.")
    for start, name in _OTHERS:
        if head.startswith(start):
            raise BadFile("wrong_type", f"The file is {name}. Upload PDF, Word (DOCX), HTML, Markdown or text.")
    return None


def _zip_type(file: BinaryIO) -> FileType:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            types = b""
            if "[Content_Types].xml" in names and archive.getinfo("[Content_Types].xml").file_size < 1_000_000:
                types = archive.read("[Content_Types].xml")
    except (*DAMAGED_ARCHIVE, ValueError) as error:
        raise BadFile("malformed", "The file is damaged: its archive cannot be opened.") from error
    finally:
        file.seek(0)
    if MAIN_PART in types:
        return "docx"
    for prefix, name in _PACKAGES:
        if any(each.startswith(prefix) for each in names):
            raise BadFile("wrong_type", f"The file is {name}. Upload PDF, Word (DOCX), HTML, Markdown or text.")
    raise BadFile("wrong_type", "The file is a ZIP archive. Upload the documents in it one by one.")


def _text_type(head: bytes, announced: FileType, filename: str) -> FileType:
    if announced == "text":
        if filename.lower().endswith((".md", ".markdown")):
            return "markdown"
        start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
        if start.startswith((b"<!doctype html", b"<html")):
            return "html"
    return announced
