"""`python benchmarks/ingest.py [KIND …]`: large documents are read, cut and embedded as the worker does, and stored.

Prints megabytes and passages per second of processor time, the highest memory of a fresh process, and the time of the
bare parser over that of reading, and over that of reading and cutting. The budgets: 1,024 MB of memory, and 0.8 of the
bare parser's speed. A Word document has as many megabytes as its XML. `store` stores 2,000 passages in PostgreSQL, and
prints passages per second next to COPY into a table without indexes, generated columns and triggers.

Two thirds of storing are the insertion into the graph of HNSW: 167 passages/s with it, 550 without it, and 666 without
the index of words too (2026-12, on a busy machine). A batch of 500 is one statement already.
"""

from __future__ import annotations

import io
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from contextlib import closing
from pathlib import Path
from uuid import UUID

import psycopg

TYPE_CHECKING = False

if TYPE_CHECKING:
    from cora_modules.kb.chunks import Chunk
    from cora_modules.kb.embedding import Vectors
    from cora_modules.kb.parsing.parsed import Parsed

SIZE = 50_000_000
PAGES = 1000
PASSAGES = 2000
MAX_MB, MIN_RATIO = 1024, 0.8
TYPES = {
    "pdf": "application/pdf",
    "text": "text/plain",
    "emoji": "text/plain",
    "markdown": "text/markdown",
    "html": "text/html",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


def words(count: int, seed: int) -> str:
    """Prose of invented words, in sentences."""
    chosen = random.Random(seed)  # noqa: S311 - the same text in each run
    lexicon = ["".join(chosen.choices("aeioubdgklmnprst", k=chosen.randint(2, 9))) for _ in range(2000)]
    sentences = (" ".join(chosen.choices(lexicon, k=12)).capitalize() + "." for _ in range(count // 12))
    return " ".join(sentences)


def make(kind: str) -> bytes:
    """A file of the kind: 50 MB, or 1,000 pages."""
    paragraph = words(120, 1)
    if kind == "pdf":
        return make_pdf([words(400, page) for page in range(PAGES)])
    if kind == "docx":
        return make_docx(paragraph, SIZE)
    if kind == "html":
        piece = f"<h2>Title</h2><p>{paragraph}</p><ul><li>one</li><li><b>two</b></li></ul>\n"
        return ("<html><body>" + piece * (SIZE // len(piece)) + "</body></html>").encode()
    piece = {"text": f"{paragraph}\n\n", "emoji": f"{paragraph} \U0001f680\n\n"}.get(
        kind, f"## Title\n\n{paragraph}\n\n- one\n\n"
    )
    return (piece * (SIZE // len(piece.encode()))).encode()


def make_pdf(pages: list[str]) -> bytes:
    """A PDF with these texts, thirteen words a line."""
    kids = " ".join(f"{4 + 2 * at} 0 R" for at in range(len(pages)))
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for at, text in enumerate(pages):
        split = text.split()
        lines = [" ".join(split[first : first + 13]) for first in range(0, len(split), 13)]
        stream = zlib.compress(
            b"BT /F1 11 Tf 13 TL 50 780 Td " + b"".join(b"(%s) Tj T* " % line.encode() for line in lines) + b"ET"
        )
        bodies.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R " % (5 + 2 * at)
            + b"/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        bodies.append(b"<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(stream) + stream + b"\nendstream")
    out, places = io.BytesIO(b"%PDF-1.7\n"), []
    out.seek(0, io.SEEK_END)
    for number, body in enumerate(bodies, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n" % number + body + b"\nendobj\n")
    start = out.tell()
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1) + table)
    out.write(b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(bodies) + 1, start))
    return out.getvalue()


def make_docx(paragraph: str, size: int) -> bytes:
    """A Word document whose XML has this size: the archive is much smaller."""
    import docx

    document = docx.Document()
    document.add_heading("Title", 2)
    for _ in range(10):
        document.add_paragraph(paragraph)
    small, large = io.BytesIO(), io.BytesIO()
    document.save(small)
    # The section is repeated in the XML: python-docx needs time that grows with the square of the length.
    with zipfile.ZipFile(small) as source, zipfile.ZipFile(large, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            content = source.read(name)
            if name == "word/document.xml":
                start, end = content.index(b"<w:body>") + len(b"<w:body>"), content.index(b"<w:sectPr")
                section = content[start:end]
                content = content[:start] + section * (size // len(section)) + content[end:]
            archive.writestr(name, content)
    return large.getvalue()


def bare(kind: str, file: io.BufferedReader) -> None:
    """What the parser alone does with the file."""
    if kind == "pdf":
        import pypdf

        for page in pypdf.PdfReader(file).pages:
            page.extract_text()
    elif kind == "docx":
        import docx

        "\n".join(each.text for each in docx.Document(file).paragraphs)
    elif kind == "html":
        import lxml.html

        lxml.html.fromstring(file.read().decode()).text_content()
    elif kind == "markdown":
        from markdown_it import MarkdownIt

        MarkdownIt("commonmark").enable("table").parse(file.read().decode())
    else:
        file.read().decode()


def ours(kind: str, file: io.BufferedReader) -> dict[str, float]:
    """Read, cut and embed, as the worker does. Returns what was measured."""
    from cora_modules.ai.local import WORD_VECTORS, Local
    from cora_modules.kb.chunks import cut
    from cora_modules.kb.embedding import BATCH, Vectors
    from cora_modules.kb.parsing.parse import parse
    from org_common import Deadline

    began = time.process_time()
    parsed = parse(file, TYPES[kind], "a", lambda: None)
    parse_s = time.process_time() - began
    chunks = list(cut(parsed, max_tokens=256, overlap_tokens=32))
    read_s = time.process_time() - began
    vectors, provider = Vectors(), Local(WORD_VECTORS)
    for at in range(0, len(chunks), BATCH):
        texts = [parsed.text[chunk.start : chunk.end] for chunk in chunks[at : at + BATCH]]
        vectors.add(provider.embed(texts, Deadline.after(600)).vectors, len(texts))
    embed_s = time.process_time() - began - read_s
    return {"parse_s": parse_s, "read_s": read_s, "embed_s": embed_s, "chunks": len(chunks)}


def measure(side: str, kind: str, path: str) -> None:
    """Run one side in this process, and print what was measured as JSON."""
    with Path(path).open("rb") as file:
        began = time.process_time()
        found = ours(kind, file) if side == "ours" else {}
        if side == "bare":
            bare(kind, file)
        found["total_s"] = time.process_time() - began
    found["mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(found))


def run(side: str, kind: str, path: Path) -> dict[str, float]:
    command = [sys.executable, __file__, side, kind, str(path)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def size_of(kind: str, path: Path) -> float:
    """In megabytes; of a Word document its XML, of which the archive is a small part."""
    if kind == "docx":
        with zipfile.ZipFile(path) as archive:
            return archive.getinfo("word/document.xml").file_size / 1e6
    return path.stat().st_size / 1e6


def store_passages() -> None:
    """Store a document as the worker does, and copy the same rows into a table that is nothing but a table."""
    from org_common.tools.database.local import provision
    from org_common.tools.database.migrations import load
    from org_common.tools.database.postgres import EmbeddedPostgres
    from org_common.tools.project.project import Project

    parsed, chunks, vectors = random_passages()
    with EmbeddedPostgres.start(durable=False) as server:
        project = Project.find(Path(__file__).parent)
        migrations = load(project.migrations, root=project.root)
        local = provision(server.url, "bench", migrations, extensions=project.extensions)
        stored_s = store_as_worker(local.admin_url, local.service_url, parsed, chunks, vectors)
        with psycopg.connect(local.admin_url) as admin:
            admin.execute("create table bare (seq integer, content text, embedding public.vector)")
            began = time.perf_counter()
            with admin.cursor().copy("copy bare from stdin") as copy:
                for at, chunk in enumerate(chunks):
                    copy.write_row((at, parsed.text[chunk.start : chunk.end], str(vectors[at])))
            admin.commit()
            copied_s = time.perf_counter() - began
    print(
        f"  store     {len(chunks)} passages of {len(vectors[0])} dimensions: {len(chunks) / stored_s:.0f}/s with the "
        f"indexes of vectors and words, COPY {len(chunks) / copied_s:.0f}/s"
    )


def random_passages() -> tuple[Parsed, list[Chunk], Vectors]:
    from cora_modules.kb.chunks import cut
    from cora_modules.kb.embedding import Vectors
    from cora_modules.kb.parsing.parse import parse

    paragraphs = "\n\n".join(words(120, at) for at in range(PASSAGES))
    parsed = parse(io.BytesIO(paragraphs.encode()), "text/plain", "a", lambda: None)
    chunks = list(cut(parsed, max_tokens=256, overlap_tokens=32))[:PASSAGES]
    chosen, vectors = random.Random(2), Vectors()  # noqa: S311 - the same vectors in each run
    for _ in chunks:
        vectors.add([[chosen.gauss(0, 1) for _ in range(256)]], 1)
    return parsed, chunks, vectors


def store_as_worker(admin_url: str, service_url: str, parsed: Parsed, chunks: list[Chunk], vectors: Vectors) -> float:
    """How long it takes, in seconds."""
    from cora_modules.kb.models.ingest import ClaimedDocument
    from cora_modules.kb.result import Result, store
    from org_common import Settings, service_transaction
    from org_common.db.service import service_database

    org_id, base_id, document_id, claim_id = (UUID(int=at) for at in range(1, 5))
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("insert into access.orgs (id, name, slug) values (%s, 'Org', 'org')", [org_id])
        admin.execute(
            "insert into kb.kb_bases (org_id, id, scope, name) values (%s, %s, 'organization', 'Base')",
            [org_id, base_id],
        )
        admin.execute(
            "insert into kb.kb_documents (org_id, base_id, id, filename, media_type, size_bytes, sha256, status, "
            "claim_id, claimed_until) values (%s, %s, %s, 'a', 'text/plain', 1, repeat('0', 64), 'processing', %s, "
            "now() + interval '1 hour')",
            [org_id, base_id, document_id, claim_id],
        )
        row = admin.execute("select id from ai.ai_models where model_id = 'local-word-vectors-256'").fetchone()
    assert row is not None
    document = ClaimedDocument.model_construct(
        document_id=document_id, claim_id=claim_id, org_id=org_id, base_id=base_id
    )
    with closing(service_database(Settings(service_database_url=service_url))) as database:
        began = time.perf_counter()
        with service_transaction(reason="measure storing", database=database, timeout_s=600) as tx:
            store(tx, Result(document, parsed, chunks, vectors, row[0]))
        return time.perf_counter() - began


def main() -> None:
    """Print a line for each kind of file, and one for storing."""
    print(f"ingest: budgets {MAX_MB} MB and {MIN_RATIO} of the bare parser")
    wanted = [name for name in sys.argv[1:] if name != "ingest"] or [*TYPES, "store"]
    for kind in wanted:
        if kind == "store":
            store_passages()
        else:
            read_file(kind)


def read_file(kind: str) -> None:
    with tempfile.NamedTemporaryFile(suffix=kind) as file:
        file.write(make(kind))
        file.flush()
        path = Path(file.name)
        size, mine, alone = size_of(kind, path), run("ours", kind, path), run("bare", kind, path)
    print(
        f"  {kind:9} {size:5.1f} MB  {mine['mb']:5.0f} MB of memory  "
        f"{size / mine['parse_s']:6.1f} MB/s read, {size / mine['read_s']:6.1f} read and cut  "
        f"{mine['chunks'] / mine['read_s']:7.0f} passages/s, {mine['chunks'] / mine['embed_s']:6.0f}/s embedded  "
        f"{alone['total_s'] / mine['parse_s']:5.2f} and {alone['total_s'] / mine['read_s']:5.2f} of the bare parser "
        f"({alone['mb']:.0f} MB)",
        flush=True,
    )


if __name__ == "__main__":
    if sys.argv[1:2] in (["ours"], ["bare"]):
        measure(*sys.argv[1:])
    else:
        main()
