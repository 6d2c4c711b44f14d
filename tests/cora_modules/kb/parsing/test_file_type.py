import io

import pytest

from cora_modules.kb.parsing.bad_file import BadFile
from cora_modules.kb.parsing.file_type import detect
from tests.cora_modules.kb import files

TEXT = "text/plain"


@pytest.mark.parametrize(
    ("content", "media_type", "filename", "found"),
    [
        (files.pdf(["x"]), files.PDF, "a", "pdf"),
        (b"\n" * 1000 + b"%PDF-1.4", files.PDF, "a", "pdf"),
        (files.docx(files.paragraph("x")), files.DOCX, "a", "docx"),
        (b"# A", TEXT, "README.MD", "markdown"),
        (b"# A", "text/markdown", "a", "markdown"),
        (b"<p>x", "text/html", "a", "html"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html>", TEXT, "a.txt", "html"),
        (b"x", "application/xhtml+xml", "a", "html"),
        (b"x", TEXT, "a.txt", "text"),
    ],
)
def test_type_is_found(content: bytes, media_type: str, filename: str, found: str) -> None:
    file = io.BytesIO(content)

    assert detect(file, media_type, filename) == found
    assert file.tell() == 0


@pytest.mark.parametrize(
    ("content", "media_type", "words"),
    [
        (b"\x89PNG\r\n\x1a\n", TEXT, "PNG image"),
        (b"\xff\xd8\xff\xe0", files.PDF, "JPEG image"),
        (b"{\\rtf1", TEXT, "RTF"),
        (b"\x1f\x8b\x08", TEXT, "gzip"),
        (b"MZ\x90", TEXT, "program"),
        (files.pdf(["x"]), TEXT, "is a PDF, and was announced as a text"),
        (files.zipped(mimetype=b"application/vnd.oasis.opendocument.text"), files.DOCX, "OpenDocument"),
        (files.zipped(ppt__slides_xml=b"x"), files.DOCX, "PowerPoint"),
        (files.zipped(a_xml=b"wordprocessingml.document.main"), files.DOCX, "ZIP archive"),
    ],
)
def test_other_types_are_named(content: bytes, media_type: str, words: str) -> None:
    with pytest.raises(BadFile, match=words) as caught:
        detect(io.BytesIO(content), media_type, "a")

    assert caught.value.reason == "wrong_type"


def test_damaged_archive_is_malformed() -> None:
    with pytest.raises(BadFile) as caught:
        detect(io.BytesIO(b"PK\x03\x04" + bytes(100)), files.DOCX, "a")

    assert caught.value.reason == "malformed"
