"""The data of these tests: the workspaces of the tests of ws, with knowledge bases and documents."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from psycopg import sql

from cora_modules.ai import word_vectors
from cora_modules.kb import documents, search, vectors
from org_common.testing.client import Client, Person
from tests.cora_modules.access.world import ACME, GLOBEX, ModuleClient
from tests.cora_modules.ws.world import IDS, PEOPLE, PLANS, ROCKETS, WsWorld

# Values that appear nowhere by chance: a response that contains one has leaked it.
HANDBOOK = UUID("0198a000-dddd-7000-8000-00000000ac01")
ROCKET_BASE = UUID("0198a000-dddd-7000-8000-00000000ac02")
GONE_BASE = UUID("0198a000-dddd-7000-8000-00000000ac03")
GLOBEX_BASE = UUID("0198a000-dddd-7000-8000-000000610b01")
PLANS_BASE = UUID("0198a000-dddd-7000-8000-000000610b02")
BASES = (
    (ACME, HANDBOOK, "organization", None, "Handbook Qx3"),
    (ACME, ROCKET_BASE, "workspace", ROCKETS, "Engines Qx3"),
    (ACME, GONE_BASE, "organization", None, "Gone Qx3"),
    (GLOBEX, GLOBEX_BASE, "organization", None, "Globex base"),
    (GLOBEX, PLANS_BASE, "workspace", PLANS, "Plans base"),
)
# One indexed document in each base.
DOCUMENTS = {base_id: UUID(str(base_id).replace("-dddd-", "-eeee-")) for _, base_id, *_ in BASES}
RULES = DOCUMENTS[HANDBOOK]
ENGINES = DOCUMENTS[ROCKET_BASE]
CONTENT = b"The engines of Qx3 burn methane."
SHA256 = hashlib.sha256(CONTENT).hexdigest()
# `/kb/search` comes before `/kb/{baseId}`.
APPS = (search.app, documents.app, vectors.app)
# Embedding models of every platform. The bases have vectors of the first, and stale ones of the second.
WORD_MODEL = UUID("0198a000-0000-7000-8000-0000000a1002")
LEXICAL_MODEL = UUID("0198a000-0000-7000-8000-0000000a1003")
TABLES = "select relname from pg_class where relnamespace = 'kb'::regnamespace and relkind in ('r', 'p')"

__all__ = ["IDS", "PEOPLE"]


class KbClient(ModuleClient):
    """A client of all apps of the module."""

    def __init__(self, person: Person | None) -> None:
        super().__init__(person)
        self._clients = [(app, Client(app, person=person)) for app in APPS]


class KbWorld(WsWorld):
    """The world of ws, with knowledge bases."""

    @contextmanager
    def served(self) -> Iterator[None]:
        for app in APPS:
            app.use(self.database)
        yield
        for app in APPS:
            app.use(None)

    def as_(self, name: str | Person) -> Client:
        return KbClient(name if isinstance(name, Person) else PEOPLE[name])

    def all_tables(self) -> list[tuple[str, str]]:
        return [*[("kb", name) for name in self.kb_tables()], ("ai", "ai_calls"), *super().all_tables()]

    def kb_tables(self) -> list[str]:
        return sorted(row["relname"] for row in self.admin.execute(TABLES))

    def snapshot(self) -> dict[str, list[dict[str, Any]]]:
        """Every row of every table of the module, and the messages that wait."""
        tables = {table: sorted(self.kb_rows(table), key=str) for table in self.kb_tables()}
        return {**tables, "outbox": self.messages(), "ai_calls": self.calls()}

    def kb_rows(self, table: str, where: str = "true") -> list[dict[str, Any]]:
        """The rows of a table of the module, as the superuser sees them."""
        query = sql.SQL("select * from kb.{} where {}").format(sql.Identifier(table), sql.SQL(where))
        return self.admin.execute(query).fetchall()

    def document(self, document_id: UUID | str) -> dict[str, Any]:
        """One document, as the superuser sees it."""
        (found,) = self.kb_rows("kb_documents", f"id = '{document_id}'")
        return found

    def messages(self) -> list[dict[str, Any]]:
        """The messages in the outbox."""
        return self.admin.execute("select queue, key, message from app.outbox order by id").fetchall()

    def calls(self) -> list[dict[str, Any]]:
        """The calls of models that were recorded."""
        return self.admin.execute("select * from ai.ai_calls order by id").fetchall()

    def add_chunk(
        self,
        base_id: UUID,
        content: str,
        *,
        org_id: UUID = ACME,
        seq: int = 0,
        model_id: UUID = WORD_MODEL,
        language: str = "english",
        **more: object,
    ) -> UUID:
        """Insert a chunk of the base's document with the word vector of its content. Returns its id."""
        values: dict[str, object] = {
            "tokens": 3,
            "start_char": seq * 1000,
            "end_char": seq * 1000 + len(content),
            "embedding": str(word_vectors.embed([content])[0]),
            **more,
        }
        added = self.add_kb(
            "kb_chunks",
            org_id=org_id,
            base_id=base_id,
            document_id=DOCUMENTS[base_id],
            model_id=model_id,
            seq=seq,
            content=content,
            language=language,
            **values,
        )
        id: UUID = added["id"]
        return id

    def add_kb(self, table: str, **values: object) -> dict[str, Any]:
        """Insert a row into a table of the module."""
        columns = sql.SQL(", ").join(map(sql.Identifier, values))
        marks = sql.SQL(", ").join(sql.Placeholder() * len(values))
        statement = sql.SQL("insert into kb.{} ({}) values ({}) returning *")
        query = statement.format(sql.Identifier(table), columns, marks)
        inserted = self.admin.execute(query, list(values.values())).fetchone()
        assert inserted is not None
        return inserted

    def secrets(self) -> set[str]:
        """What only readers of Acme's bases may read."""
        names = [name for org_id, _, _, _, name in BASES if org_id == ACME]
        ids = [str(id) for id in (HANDBOOK, ROCKET_BASE, GONE_BASE, RULES, ENGINES)]
        return {*ids, *names, "Rules Qx3.txt", "secret text qx3"}

    def _seed(self) -> None:
        super()._seed()
        for org_id, base_id, scope, ws_id, name in BASES:
            self.add_kb("kb_bases", org_id=org_id, id=base_id, scope=scope, ws_id=ws_id, name=name)
            self.add_kb(
                "kb_documents",
                org_id=org_id,
                id=DOCUMENTS[base_id],
                base_id=base_id,
                filename="Rules Qx3.txt",
                media_type="text/plain",
                size_bytes=len(CONTENT),
                sha256=SHA256,
                status="indexed",
                chunk_count=1,
                text_length=15,
            )
            self.add_kb(
                "kb_texts",
                org_id=org_id,
                base_id=base_id,
                document_id=DOCUMENTS[base_id],
                start_char=0,
                content="secret text qx3",
            )
            for model_id, state in ((WORD_MODEL, "active"), (LEXICAL_MODEL, "stale")):
                self.add_kb(
                    "kb_indexes", org_id=org_id, base_id=base_id, model_id=model_id, dimensions=256, state=state
                )
                self.add_chunk(base_id, "secret text qx3", org_id=org_id, model_id=model_id)
        self.admin.execute("update kb.kb_bases set deleted_at = now() where id = %s", [GONE_BASE])
        for org_id in (ACME, GLOBEX):
            self.add_kb("kb_removed_files", org_id=org_id, storage_key=f"kb/{org_id}/removed")
