"""Uploaded documents, and providers that do something on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from cora_modules.ai.models.resolved_model import ResolvedModel
from cora_modules.ai.provider import ChatRequest, Embeddings, Provider, Purpose, Reply
from cora_modules.ai.provider_for import provider_for
from cora_modules.kb.indexing import Worker
from org_common import Database, Deadline
from tests.cora_modules.access.world import ACME
from tests.cora_modules.kb.bucket import Bucket
from tests.cora_modules.kb.world import HANDBOOK, KbWorld

TEXT = "# Fuel\n\nThe engine burns methane.\n\n# Crew\n\nFour people fly.\r\nÄpfel 🍏 sind an Bord.\u2028Ende."
MARKDOWN = TEXT.encode()


class Uploads:
    """Uploads documents to Acme's handbook, as the routes do."""

    def __init__(self, world: KbWorld, bucket: Bucket, service: Database) -> None:
        self.world = world
        self.bucket = bucket
        self.service = service

    def add(
        self,
        content: bytes,
        media_type: str = "text/markdown",
        filename: str = "a.md",
        values: dict[str, object] | None = None,
    ) -> UUID:
        """A document that waits for the worker."""
        row = {
            "org_id": ACME,
            "base_id": HANDBOOK,
            "filename": filename,
            "media_type": media_type,
            "size_bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "status": "uploaded",
        }
        document = self.world.add_kb("kb_documents", **{**row, **(values or {})})
        self.bucket.put(document["storage_key"], content, media_type)
        id: UUID = document["id"]
        return id

    def worker(self, find_provider: Callable[[ResolvedModel], Provider] = provider_for) -> Worker:
        return Worker(self.service, find_provider)

    def process(self, document_id: UUID, seconds: float = 60) -> None:
        self.worker().process(document_id, Deadline.after(seconds))

    def chunks(self, document_id: UUID) -> list[dict[str, Any]]:
        return sorted(self.world.kb_rows("kb_chunks", f"document_id = '{document_id}'"), key=lambda row: row["seq"])

    def text(self, document_id: UUID) -> str:
        parts = self.world.kb_rows("kb_texts", f"document_id = '{document_id}'")
        return "".join(part["content"] for part in sorted(parts, key=lambda row: row["start_char"]))

    def calls(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.world.admin.execute(
            "select * from ai.ai_calls order by created_at"
        ).fetchall()
        return rows


class Scripted(Provider):
    """The embedded model behind a script: what each call does before it answers."""

    def __init__(self, model: ResolvedModel, *steps: Callable[[], None]) -> None:
        self._provider = provider_for(model)
        self._steps = list(steps)

    def embed(self, texts: Sequence[str], deadline: Deadline, *, purpose: Purpose = "document") -> Embeddings:
        if self._steps:
            self._steps.pop(0)()
        return self._provider.embed(texts, deadline, purpose=purpose)

    def chat(self, request: ChatRequest, deadline: Deadline) -> Reply:
        raise NotImplementedError


def scripted(*steps: Callable[[], None]) -> Callable[[ResolvedModel], Provider]:
    return lambda model: Scripted(model, *steps)


def raising(error: BaseException) -> Callable[[], None]:
    def step() -> None:
        raise error

    return step
