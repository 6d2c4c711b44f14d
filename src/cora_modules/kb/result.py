"""The result of processing a document, and how it is stored: all of it in one transaction, or nothing."""

from typing import Any, NamedTuple
from uuid import UUID

import orjson
from org_common import Transaction, get_logger

from cora_modules.kb.chunks import Chunk
from cora_modules.kb.embedding import Vectors
from cora_modules.kb.language import detect_language
from cora_modules.kb.models.ingest import ClaimedDocument
from cora_modules.kb.parsing.parsed import Parsed
from cora_modules.kb.queries import ingest as queries

ROWS = 500
"""Chunks in one statement."""
PART = 100_000
"""Characters in one part of the text. `queries.documents.READ_TEXT` relies on it."""
PARTS = 20
"""Parts of the text in one statement."""


class Result(NamedTuple):
    """What a worker found in a document."""

    document: ClaimedDocument
    parsed: Parsed
    chunks: list[Chunk]
    vectors: Vectors
    model_id: UUID


def store(tx: Transaction, result: Result) -> None:
    """Replace the text and the passages of the document.

    Raises `Conflict` with the code `claim_lost` if the document is no longer this worker's, and `model_changed` if the
    base is searched with another model by now.
    """
    document, text = result.document, result.parsed.text
    claim = {"document_id": document.document_id, "claim_id": document.claim_id}
    model = {"model_id": result.model_id, "dimensions": result.vectors.dimensions}
    tx.value(queries.BEGIN_RESULT, {**claim, **model})
    for at in range(0, len(text), PART * PARTS):
        starts = list(range(at, min(at + PART * PARTS, len(text)), PART))
        contents = [text[start : start + PART] for start in starts]
        tx.value(queries.ADD_TEXTS, {**claim, "starts": starts, "contents": contents})
    # HNSW has no place for a zero vector, and no search by meaning finds a text without one.
    kept = [at for at in range(len(result.chunks)) if any(result.vectors[at])]
    if len(kept) < len(result.chunks):
        get_logger(__name__).info("%d passages have no vector", len(result.chunks) - len(kept))
    language = detect_language(text)
    for first in range(0, len(kept), ROWS):
        tx.value(queries.ADD_CHUNKS, _rows(result, kept[first : first + ROWS], first, language))
    counts = {"text_length": len(text), "chunk_count": len(kept), "page_count": result.parsed.page_count}
    tx.value(queries.FINISH_RESULT, {**claim, **counts})


def _rows(result: Result, places: list[int], first_seq: int, language: str) -> dict[str, Any]:
    chunks = [result.chunks[at] for at in places]
    return {
        "base_id": result.document.base_id,
        "document_id": result.document.document_id,
        "model_id": result.model_id,
        "language": language,
        "first_seq": first_seq,
        "contents": [result.parsed.text[chunk.start : chunk.end] for chunk in chunks],
        "tokens": [chunk.tokens for chunk in chunks],
        "pages": [chunk.page for chunk in chunks],
        "headings": [chunk.heading for chunk in chunks],
        "starts": [chunk.start for chunk in chunks],
        "ends": [chunk.end for chunk in chunks],
        "embeddings": [orjson.dumps(result.vectors[at]).decode() for at in places],
        "boxes": [None if chunk.box is None else "{{{},{},{},{}}}".format(*chunk.box) for chunk in chunks],
    }
