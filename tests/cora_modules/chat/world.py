"""The data of these tests: the organizations and workspaces of the tests of ws, with chats, messages and bases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from psycopg import sql

from cora_modules.ai.lexical_vectors import embed
from cora_modules.chat import chats, messages, streaming
from org_common.testing.client import Client, Person
from tests.cora_modules.access.world import ACME, GLOBEX, ModuleClient
from tests.cora_modules.ws.world import IDS, PEOPLE, PLANS, ROCKETS, WsWorld

# Values that appear nowhere by chance: a response that contains one has leaked it.
LAUNCH = UUID("0198a000-aaaa-7000-8000-00000000c001")
NOTES = UUID("0198a000-aaaa-7000-8000-00000000c002")
DIARY = UUID("0198a000-aaaa-7000-8000-00000000c003")
GONE = UUID("0198a000-aaaa-7000-8000-00000000c004")
SALES = UUID("0198a000-bbbb-7000-8000-00000000c005")
# Organization, workspace, chat, owner, title, shared. Alice, the owner of Acme, sees none of them.
CHATS = (
    (ACME, ROCKETS, LAUNCH, "carol", "Launch Vb2", True),
    (ACME, ROCKETS, NOTES, "carol", "Notes Vb2", False),
    (ACME, None, DIARY, "frank", "Diary Vb2", False),
    (ACME, None, GONE, "frank", "Gone Vb2", False),
    (GLOBEX, PLANS, SALES, "bob", "Sales Tn8", True),
)
MEMBERS = (
    (ACME, NOTES, "dave", "edit"),
    (ACME, DIARY, "carol", "edit"),
    (ACME, DIARY, "dave", "view"),
    (ACME, GONE, "carol", "edit"),
    (GLOBEX, SALES, "bob", "view"),
)
QUESTIONS = {chat_id: UUID(int=chat_id.int + (1 << 16)) for _, _, chat_id, _, _, _ in CHATS}
ANSWERS = {chat_id: UUID(int=chat_id.int + (2 << 16)) for _, _, chat_id, _, _, _ in CHATS}
# Of the organization, of the workspace, of the chat Diary.
HANDBOOK = UUID("0198a000-aaaa-7000-8000-00000000b001")
MANUALS = UUID("0198a000-aaaa-7000-8000-00000000b002")
PAPERS = UUID("0198a000-aaaa-7000-8000-00000000b003")
PRICES = UUID("0198a000-bbbb-7000-8000-00000000b004")
BASES = (
    (ACME, HANDBOOK, "organization", None, None),
    (ACME, MANUALS, "workspace", ROCKETS, None),
    (ACME, PAPERS, "chat", None, DIARY),
    (GLOBEX, PRICES, "organization", None, None),
)
# A document of the base Handbook, with one passage for each sentence.
DOCUMENT = UUID("0198a000-aaaa-7000-8000-00000000d002")
SENTENCES = ("The engine burns kerosene vb2.", "The countdown starts at ten vb2.", "Visitors wear a helmet vb2.")
LEXICAL = UUID("0198a000-0000-7000-8000-0000000a1003")
PROVIDER = UUID("0198a000-dddd-7000-8000-00000000c0a1")
MODEL = UUID("0198a000-dddd-7000-8000-00000000c0a2")
CITATION = (
    '[{"number": 1, "document_id": "0198a000-aaaa-7000-8000-00000000d001", "page": 3, "heading": null, '
    '"base_id": "0198a000-aaaa-7000-8000-00000000b001", "title": "engines.pdf", "start": 10, "end": 42, '
    '"content": "The engine burns kerosene vb2.", "score": 0.5}]'
)
APPS = (chats.app, messages.app, streaming.app)
TABLES = "select relname from pg_class where relnamespace = 'chat'::regnamespace and relkind in ('r', 'p')"


class ChatClient(ModuleClient):
    """A client of all apps of the module."""

    def __init__(self, person: Person | None) -> None:
        super().__init__(person)
        self._clients = [(app, Client(app, person=person)) for app in APPS]


class ChatWorld(WsWorld):
    """The world of ws, with chats."""

    @contextmanager
    def served(self) -> Iterator[None]:
        for app in APPS:
            app.use(self.database)
        yield
        for app in APPS:
            app.use(None)

    def as_(self, name: str | Person) -> Client:
        return ChatClient(name if isinstance(name, Person) else PEOPLE[name])

    def all_tables(self) -> list[tuple[str, str]]:
        others = [("kb", name) for name in ("kb_bases", "kb_documents", "kb_indexes", "kb_chunks", "kb_texts")]
        charged = [("ai", "ai_calls"), ("ai", "ai_config_org")]
        return [*[("chat", name) for name in self.chat_tables()], *others, *charged, *super().all_tables()]

    def chat_tables(self) -> list[str]:
        return sorted(row["relname"] for row in self.admin.execute(TABLES))

    def snapshot(self) -> dict[str, list[dict[str, Any]]]:
        """Every row of every table of the module, and of the bases."""
        tables = {table: sorted(self.chat_rows(table), key=str) for table in self.chat_tables()}
        return {**tables, "kb_bases": self.admin.execute("select * from kb.kb_bases order by id").fetchall()}

    def chat_rows(self, table: str, where: str = "true") -> list[dict[str, Any]]:
        """The rows of a table of the module, as the superuser sees them."""
        query = sql.SQL("select * from chat.{} where {}").format(sql.Identifier(table), sql.SQL(where))
        return self.admin.execute(query).fetchall()

    def put(self, table: str, **values: object) -> Any:
        """Insert a row into a table, "chat.chats" for example. Returns its id, or None if the table has none."""
        statement = sql.SQL("insert into {} ({}) values ({}) returning *").format(
            sql.Identifier(*table.split(".")),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(sql.Placeholder() * len(values)),
        )
        row = self.admin.execute(statement, list(values.values())).fetchone()
        return row and row.get("id")

    def secrets(self) -> set[str]:
        """What only those who see the chats of Acme may read: titles, messages and ids."""
        titles = {title for org_id, _, _, _, title, _ in CHATS if org_id == ACME}
        ids = {str(found[chat_id]) for found in (QUESTIONS, ANSWERS) for chat_id in (LAUNCH, NOTES, DIARY, GONE)}
        return {*titles, *ids, "question vb2", "answer vb2", "kerosene vb2"}

    def _seed(self) -> None:
        super()._seed()
        for org_id, ws_id, chat_id, owner, title, is_shared in CHATS:
            values = {"org_id": org_id, "ws_id": ws_id, "owner_id": IDS[owner], "is_shared": is_shared}
            self.put("chat.chats", id=chat_id, title=title, **values)
        for org_id, chat_id, name, access in MEMBERS:
            self.put("chat.chat_members", org_id=org_id, chat_id=chat_id, user_id=IDS[name], access=access)
        for org_id, chat_id, name in ((ACME, DIARY, "carol"), (GLOBEX, SALES, "bob")):
            self.put("chat.chat_favorites", org_id=org_id, chat_id=chat_id, user_id=IDS[name])
        for org_id, base_id, scope, ws_id, of_chat in BASES:
            name = f"Base {scope} Vb2"
            self.put("kb.kb_bases", org_id=org_id, id=base_id, scope=scope, ws_id=ws_id, chat_id=of_chat, name=name)
        for org_id, chat_id, base_id in (
            (ACME, DIARY, PAPERS),
            (ACME, DIARY, HANDBOOK),
            (ACME, LAUNCH, MANUALS),
            (GLOBEX, SALES, PRICES),
        ):
            self.put("chat.chat_bases", org_id=org_id, chat_id=chat_id, base_id=base_id)
        self.admin.execute("update chat.chats set deleted_at = now() where id = %s", [GONE])
        self._seed_messages()
        self._seed_passages()
        self.admin.execute("delete from ai.ai_providers where id = %s", [PROVIDER])

    def use_model(self, url: str) -> None:
        """Let Acme use a model of an OpenAI-compatible server. It costs 0.001 per token."""
        self.put("ai.ai_providers", id=PROVIDER, name="remote", kind="openai", base_url=url)
        self.put(
            "ai.ai_models",
            id=MODEL,
            provider_id=PROVIDER,
            model_id="large",
            kind="chat",
            status="available",
            cost_in=1,
            cost_out=1,
        )
        self.put("ai.ai_config_org", org_id=ACME, chat_model_id=MODEL)

    def calls(self) -> list[dict[str, Any]]:
        """The calls of chat models that were recorded."""
        query = "select * from ai.ai_calls where model_id is distinct from %s order by created_at"
        return self.admin.execute(query, [LEXICAL]).fetchall()

    def _seed_passages(self) -> None:
        self.put(
            "kb.kb_documents",
            org_id=ACME,
            id=DOCUMENT,
            base_id=HANDBOOK,
            filename="launch vb2.pdf",
            media_type="application/pdf",
            size_bytes=1,
            sha256="0" * 64,
            status="indexed",
        )
        index = {"org_id": ACME, "base_id": HANDBOOK, "model_id": LEXICAL}
        self.put("kb.kb_indexes", **index, dimensions=256, state="active")
        for at, (sentence, vector) in enumerate(zip(SENTENCES, embed(SENTENCES), strict=True)):
            self.put(
                "kb.kb_chunks",
                **index,
                document_id=DOCUMENT,
                seq=at,
                content=sentence,
                language="english",
                tokens=8,
                page=at + 1,
                box=[50.0, 700.5, 300.0, 780.0],
                start_char=100 * at,
                end_char=100 * at + len(sentence),
                embedding=str(vector),
            )

    def _seed_messages(self) -> None:
        for org_id, _, chat_id, _, _, _ in CHATS:
            question = QUESTIONS[chat_id]
            self.put("chat.messages", org_id=org_id, id=question, chat_id=chat_id, role="user", content="question vb2")
            self.put(
                "chat.messages",
                org_id=org_id,
                id=ANSWERS[chat_id],
                chat_id=chat_id,
                role="assistant",
                content="answer vb2 [1]",
                citations=CITATION,
                model="some-model",
                tokens_in=100,
                tokens_out=20,
                finish_reason="stop",
                reply_to=question,
            )
        # As if the owner had asked: the audit takes `created_by` from the claims of a request.
        self.admin.execute("set local session_replication_role = replica")
        self.admin.execute(
            "update chat.messages m set created_by = c.owner_id from chat.chats c where c.id = m.chat_id"
        )
        self.admin.execute("set local session_replication_role = default")
