"""Files of each type, made here: licence-free, small, and with what parsers lose silently."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

import pypdf

from cora_modules.kb.parsing.file_type import DOCX

PDF = "application/pdf"
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
MC = "http://schemas.openxmlformats.org/markup-compatibility/2006"

__all__ = ["DOCX", "PDF"]


def pdf(
    pages: Sequence[str],
    *,
    outline: Sequence[tuple[str, int]] = (),
    objects: Sequence[bytes] = (),
    extra: bytes = b"",
    resources: bytes = b"",
    streams: Mapping[int, bytes] | None = None,
) -> bytes:
    """A PDF with one line of text for each line of a page. `extra` goes into the dictionary of each page,
    `resources` into that of its resources.

    `objects` are numbered from 4 on: 1 to 3 are the catalog, the page tree and the font. `outline` has titles and
    the numbers of their pages, from 0. `streams` replaces the packed content of pages.
    """
    first = 4 + len(objects)
    kids = " ".join(f"{first + 2 * at} 0 R" for at in range(len(pages)))
    bodies: list[bytes] = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        *objects,
    ]
    for at, page in enumerate(pages):
        content = b"BT /F1 11 Tf 13 TL 50 780 Td " + b"".join(_line(line) for line in page.split("\n")) + b"ET"
        packed = (streams or {}).get(at) or zlib.compress(content)
        bodies.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {first + 2 * at + 1} 0 R "
            "/Resources << /Font << /F1 3 0 R >> ".encode()
            + resources
            + b" >> "
            + extra
            + b" >>"
        )
        bodies.append(f"<< /Length {len(packed)} /Filter /FlateDecode >>\nstream\n".encode() + packed + b"\nendstream")
    content = _assemble(bodies)
    return content if not outline else _with_outline(content, outline)


def _line(text: str) -> bytes:
    return (
        b"(" + text.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)") + b") Tj T* "
    )


def _assemble(bodies: Sequence[bytes]) -> bytes:
    out, places = io.BytesIO(b"%PDF-1.7\n"), []
    out.seek(0, io.SEEK_END)
    for number, body in enumerate(bodies, 1):
        places.append(out.tell())
        out.write(f"{number} 0 obj\n".encode() + body + b"\nendobj\n")
    start = out.tell()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(bodies) + 1
    trailer = f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    out.write(f"xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}".encode())
    return out.getvalue()


def _with_outline(content: bytes, outline: Sequence[tuple[str, int]]) -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(content))
    for title, page in outline:
        writer.add_outline_item(title=title, page_number=page)
    return _written(writer)


def encrypted_pdf(page: str, password: str) -> bytes:
    """A PDF that opens with the password; with "" it opens without one, and its flag says that it is encrypted."""
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf([page])))
    writer.encrypt(password, "owner", algorithm="AES-256")
    return _written(writer)


def _written(writer: pypdf.PdfWriter) -> bytes:
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def scanned_pdf() -> bytes:
    """A page that is an image."""
    image = (
        b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 1 >>"
    )
    page = pdf([""], objects=[image + b"\nstream\n\x00\nendstream"])
    return page.replace(b"/Font << /F1 3 0 R >>", b"/XObject << /I 4 0 R >>")


def bomb_pdf() -> bytes:
    """200 kB that unpack to 200 MB."""
    return pdf(["x"], streams={0: zlib.compress(b" " * 200_000_000, 9)})


def paragraph(text: str, *, style: str | None = None) -> str:
    """A paragraph of a Word document."""
    properties = "" if style is None else f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>'
    return f'<w:p>{properties}<w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'


def docx(body: str, **parts: bytes) -> bytes:
    """A Word document with this body, in XML. `parts` are further files, with __ for / and a dot before `xml`."""
    out = io.BytesIO()
    types = (
        '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        'wordprocessingml.document.main+xml"/></Types>'
    )
    styles = (
        f'<w:styles xmlns:w="{W}"><w:style w:styleId="Kop1"><w:name w:val="heading 1"/></w:style>'
        '<w:style w:styleId="Kop2"><w:name w:val="Heading 2"/></w:style>'
        '<w:style w:styleId="Own"><w:name w:val="Own"/><w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style></w:styles>'
    )
    document = f'<w:document xmlns:w="{W}" xmlns:mc="{MC}"><w:body>{body}</w:body></w:document>'
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", types)
        archive.writestr("word/styles.xml", styles)
        archive.writestr("word/document.xml", document)
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return out.getvalue()


def zipped(**files: bytes) -> bytes:
    """An archive. Names have __ for / and a dot before `xml`."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return out.getvalue()
