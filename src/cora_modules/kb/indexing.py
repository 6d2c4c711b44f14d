"""From an uploaded file to passages with vectors: fetch, parse, cut, embed, and store in one transaction.

No transaction is open but for the claim, the result, and the record of the model's use. A worker that is killed leaves
a claim that ends with its time; the next delivery of the message begins again.
"""

import tempfile
from collections.abc import Callable
from typing import BinaryIO
from uuid import UUID, uuid4

from org_common import Conflict, Database, Deadline, Unavailable, get_logger, service_transaction

from cora_modules.ai.models.resolved_model import ResolvedModel
from cora_modules.ai.models_in_use import resolve_model
from cora_modules.ai.provider import Provider, ProviderError
from cora_modules.ai.provider_for import provider_for
from cora_modules.kb import storage
from cora_modules.kb.chunks import Chunk, cut
from cora_modules.kb.embedding import embed
from cora_modules.kb.models.ingest import Claim, ClaimedDocument
from cora_modules.kb.parsing.bad_file import BadFile
from cora_modules.kb.parsing.parse import parse
from cora_modules.kb.parsing.parsed import Parsed
from cora_modules.kb.queries import ingest as queries
from cora_modules.kb.result import Result, store

MAX_ATTEMPTS = 4
"""How many workers may begin a document. One less than the `maxReceiveCount` of the queue: see the README."""
SPARE_S = 5.0
"""Time left of the deadline to give a document back."""

FindProvider = Callable[[ResolvedModel], Provider]


class OutOfTime(Exception):
    """The deadline is near."""


class Worker:
    """Processes documents as app_service. `database` is on that login, by default the one of the settings."""

    def __init__(self, database: Database | None = None, find_provider: FindProvider = provider_for) -> None:
        self._database = database
        self._find_provider = find_provider

    def process(self, document_id: UUID, deadline: Deadline) -> None:
        """Process a document. What it raises brings the message back to the queue."""
        document = self._claim(document_id, deadline)
        if document is None:
            return
        try:
            self._index(document, deadline)
        except BadFile as error:
            self._fail(document, error)
        except ProviderError as error:
            self._release(document, counts=not error.is_temporary)
            raise
        except Unavailable:
            self._release(document, counts=False)
            raise
        except OutOfTime as error:
            self._release(document, counts=True)
            raise Unavailable("The time was over before the document was.", code="out_of_time") from error
        except Conflict as error:
            # Deleted, or claimed by another worker, after this one had exceeded its time.
            if error.code == "claim_lost":
                return
            self._release(document, counts=error.code != "model_changed")
            raise
        except Exception:
            self._release(document, counts=True)
            raise

    def _claim(self, document_id: UUID, deadline: Deadline) -> ClaimedDocument | None:
        claim_id = uuid4()
        values = {
            "document_id": document_id,
            "claim_id": claim_id,
            "lease_s": int(deadline.left_s()) + 1,
            "max_attempts": MAX_ATTEMPTS,
        }
        with service_transaction(reason="claim a document", database=self._database) as tx:
            claim = tx.one(Claim, queries.CLAIM, values)
        if claim.outcome == "busy":
            raise Unavailable("Another worker has this document.", code="busy")
        if claim.outcome == "exhausted":
            raise Conflict(f"{MAX_ATTEMPTS} attempts at this document did not come to an end.", code="exhausted")
        if claim.outcome == "done":
            return None
        return ClaimedDocument(document_id=document_id, claim_id=claim_id, **claim.model_dump(exclude={"outcome"}))

    def _index(self, document: ClaimedDocument, deadline: Deadline) -> None:
        def check() -> None:
            if deadline.left_s() < SPARE_S:
                raise OutOfTime

        parsed, chunks = read(document, check)
        with service_transaction(reason="find the embedding model", database=self._database) as tx:
            model = resolve_model(tx, document.org_id, "embedding", document.active_model_id)
        texts = (parsed.text[chunk.start : chunk.end] for chunk in chunks)
        provider = self._find_provider(model)
        vectors = embed(texts, provider, model, document.org_id, deadline, check, database=self._database)
        check()
        result = Result(document, parsed, chunks, vectors, model.id)
        with service_transaction(reason="store a document", database=self._database, timeout_s=deadline.left_s()) as tx:
            store(tx, result)

    def _fail(self, document: ClaimedDocument, error: BadFile) -> None:
        get_logger(__name__).info("the document %s failed: %s", document.document_id, error.reason)
        values = {
            "document_id": document.document_id,
            "claim_id": document.claim_id,
            "reason": error.reason,
            "message": str(error),
        }
        with service_transaction(reason="fail a document", database=self._database) as tx:
            tx.value(queries.FAIL, values)

    def _release(self, document: ClaimedDocument, *, counts: bool) -> None:
        """Give it back. If that fails too, the claim ends with its time."""
        values = {"document_id": document.document_id, "claim_id": document.claim_id, "counts": counts}
        try:
            with service_transaction(reason="give back a document", database=self._database) as tx:
                tx.value(queries.RELEASE, values)
        except Exception:  # noqa: BLE001 - the reason to give it back is what the caller must see
            get_logger(__name__).warning("the document %s was not given back", document.document_id, exc_info=True)


def process(document_id: UUID, deadline: Deadline) -> None:
    """Process a document with the settings of the environment."""
    Worker().process(document_id, deadline)


def read(document: ClaimedDocument, check: Callable[[], None]) -> tuple[Parsed, list[Chunk]]:
    """The text of a document and its passages. Raises `BadFile`, and what `check` raises."""
    with tempfile.TemporaryFile() as file:
        _fetch(document, file)
        check()
        parsed = parse(file, document.media_type, document.filename, check)
    chunks = list(cut(parsed, max_tokens=document.chunk_tokens, overlap_tokens=document.overlap_tokens))
    check()
    return parsed, chunks


def _fetch(document: ClaimedDocument, file: BinaryIO) -> None:
    try:
        stored = storage.fetch(document.storage_key, file)
    except storage.MissingObject:
        raise BadFile("missing", "The file is no longer in the store. Upload it again.") from None
    if stored.sha256 != document.sha256:
        raise BadFile("changed", "The stored file is not the one that was announced. Upload it again.")
    file.seek(0)
