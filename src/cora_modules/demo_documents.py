"""Documents of the tour, made here: a PDF, a Word document and a Markdown file about invented rockets and pumps."""

import hashlib
import io
import zipfile
from typing import NamedTuple

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
    'wordprocessingml.document.main+xml"/></Types>'
)


class DemoDocument(NamedTuple):
    """A file to upload."""

    filename: str
    media_type: str
    content: bytes

    @property
    def announcement(self) -> dict[str, object]:
        """The body of the request that announces it."""
        digest = hashlib.sha256(self.content).hexdigest()
        return {
            "filename": self.filename,
            "mediaType": self.media_type,
            "sizeBytes": len(self.content),
            "sha256": digest,
        }


def pdf(*pages: str) -> bytes:
    """A PDF with one line of text on each page."""
    kids = " ".join(f"{4 + 2 * at} 0 R" for at in range(len(pages)))
    bodies = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for at, page in enumerate(pages):
        drawn = f"BT /F1 11 Tf 50 780 Td ({page}) Tj ET"
        bodies.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {5 + 2 * at} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        bodies.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")
    content, places = "%PDF-1.7\n", []
    for number, body in enumerate(bodies, 1):
        places.append(len(content))
        content += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(bodies) + 1
    trailer = f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(content)}\n%%EOF\n"
    return f"{content}xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}".encode("ascii")


def docx(*paragraphs: str) -> bytes:
    """A Word document with these paragraphs, which have no characters that XML escapes."""
    body = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("[Content_Types].xml", _TYPES)
        archive.writestr("word/document.xml", f'<w:document xmlns:w="{_WORD}"><w:body>{body}</w:body></w:document>')
    return file.getvalue()


ROCKETS = (
    DemoDocument(
        "engine.pdf",
        "application/pdf",
        pdf("The main engine burns kerosene and liquid oxygen.", "The second stage relights twice in orbit."),
    ),
    DemoDocument("safety.docx", DOCX, docx("Visitors of the launch pad wear a yellow helmet at all times.")),
    DemoDocument(
        "countdown.md", "text/markdown", b"# Countdown\n\nThe countdown starts seven hours before the launch.\n"
    ),
)
"""Of Acme."""
PUMPS = (
    DemoDocument("pumps.md", "text/markdown", b"# Pumps\n\nThe main pump runs at forty bar and is oiled monthly.\n"),
)
"""Of Globex."""
