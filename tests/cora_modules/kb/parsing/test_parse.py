import io

import pytest

from cora_modules.kb.parsing.bad_file import BadFile
from cora_modules.kb.parsing.parse import parse
from tests.cora_modules.kb import files
from tests.cora_modules.kb.parsing.nothing import nothing


@pytest.mark.parametrize(
    ("content", "media_type", "filename"),
    [
        ("Bär".encode(), "text/plain", "a.txt"),
        ("Bär".encode("cp1252"), "text/markdown", "a.md"),
        ('<meta charset="iso-8859-1"><p>Bär'.encode("cp1252"), "text/html", "a.html"),
        ("<p>Bär".encode(), "text/html", "a.html"),
        (files.pdf(["Bär"]), files.PDF, "a.pdf"),
        (files.docx(files.paragraph("Bär")), files.DOCX, "a.docx"),
    ],
)
def test_each_type_has_its_parser(content: bytes, media_type: str, filename: str) -> None:
    assert parse(io.BytesIO(content), media_type, filename, nothing).text == "Bär"


@pytest.mark.parametrize(
    ("content", "media_type"),
    [(b" ", "text/plain"), (b"<p></p>", "text/html"), (files.docx("<w:p/>"), files.DOCX), (b"\n", "text/markdown")],
)
def test_file_without_text_fails(content: bytes, media_type: str) -> None:
    with pytest.raises(BadFile) as caught:
        parse(io.BytesIO(content), media_type, "a", nothing)

    assert caught.value.reason == "no_text"
