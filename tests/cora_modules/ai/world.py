"""The data of these tests: the organizations of module access, with rows of module ai in every table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from psycopg import sql

from cora_modules.ai import config, providers
from org_common.testing.client import Client, Person
from tests.cora_modules.access.world import ACME, GLOBEX, PEOPLE, ModuleClient, World

APPS = (config.app, providers.app)

LOCAL = UUID("0198a000-0000-7000-8000-0000000a1000")
EXTRACTS, WORD_VECTORS, LEXICAL = (UUID(f"0198a000-0000-7000-8000-0000000a100{at}") for at in (1, 2, 3))
REMOTE = UUID("0198a000-dddd-7000-8000-0000000a2000")
REMOTE_CHAT, REMOTE_EMBEDDING = (UUID(f"0198a000-dddd-7000-8000-0000000a200{at}") for at in (1, 2))
ACME_CALL, GLOBEX_CALL = UUID("0198a000-aaaa-7000-8000-00000000ca11"), UUID("0198a000-bbbb-7000-8000-00000000ca11")
# Values that appear nowhere by chance: a response that contains one has leaked it.
ACME_SECRET, GLOBEX_SECRET, SYS_SECRET = "acme-zq7-mission", "globex-kw4-mission", "ai/platform-vx3#key"
TABLES = "select relname from pg_class where relnamespace = 'ai'::regnamespace and relkind in ('r', 'p') order by 1"


class AiClient(ModuleClient):
    """A client of all apps of the module: each request goes to the app that serves its path, as in API Gateway."""

    def __init__(self, person: Person | None) -> None:
        super().__init__(person)
        self._clients = [(app, Client(app, person=person)) for app in APPS]


class AiWorld(World):
    """The organizations and users of `World`, and the rows of this module."""

    def __init__(self, local: Any) -> None:
        self.ai_tables: list[str] = []
        self.is_initial = False
        super().__init__(local)

    @contextmanager
    def served(self) -> Iterator[None]:
        """Let the apps of the module use this database within the block."""
        for app in APPS:
            app.use(self.database)
        yield
        for app in APPS:
            app.use(None)

    def as_(self, name: str | Person) -> AiClient:
        return AiClient(name if isinstance(name, Person) else PEOPLE[name])

    def snapshot(self) -> dict[str, list[Any]]:
        """Every row of every table, as text."""
        return dict(self.everything())

    def reset(self) -> None:
        super().reset()
        self.is_initial = True

    def all_tables(self) -> list[tuple[str, str]]:
        self.ai_tables = [row["relname"] for row in self.admin.execute(TABLES)]
        return [*super().all_tables(), *[("ai", table) for table in self.ai_tables]]

    def add(self, table: str, **values: object) -> None:
        """Insert a row into a table of the module."""
        statement = sql.SQL("insert into ai.{} ({}) values ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(sql.Placeholder() * len(values)),
        )
        self.admin.execute(statement, list(values.values()))

    def read(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table of the module, as the superuser sees them."""
        return self.admin.execute(sql.SQL("select * from ai.{} order by 1").format(sql.Identifier(table))).fetchall()

    def read_one(self, table: str, id: UUID) -> dict[str, Any]:
        return next(row for row in self.read(table) if row["id"] == id)

    def change(self, table: str, id: UUID, **values: object) -> None:
        """Update a row of a table of the module."""
        columns = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in values)
        statement = sql.SQL("update ai.{} set {} where id = %s").format(sql.Identifier(table), columns)
        self.admin.execute(statement, [*values.values(), id])

    def _seed(self) -> None:
        super()._seed()
        self.add("ai_providers", id=LOCAL, name="local", kind="local")
        self.add(
            "ai_providers",
            id=REMOTE,
            name="remote",
            kind="openai",
            auth="secret",
            secret_ref=SYS_SECRET,
            base_url="http://127.0.0.1:9/v1",
        )
        for id, provider_id, name, kind, dimensions, prices in (
            (EXTRACTS, LOCAL, "local-extracts-no-language-model", "chat", None, (0, 0)),
            (WORD_VECTORS, LOCAL, "local-word-vectors-256", "embedding", 256, (0, 0)),
            (LEXICAL, LOCAL, "local-lexical-256", "embedding", 256, (0, 0)),
            (REMOTE_CHAT, REMOTE, "large", "chat", None, ("0.003", "0.015")),
            (REMOTE_EMBEDDING, REMOTE, "small-vectors", "embedding", 8, ("0.0001", 0)),
        ):
            self.add(
                "ai_models",
                id=id,
                provider_id=provider_id,
                model_id=name,
                kind=kind,
                dimensions=dimensions,
                context_tokens=100_000,
                cost_in=prices[0],
                cost_out=prices[1],
                status="available",
            )
        self.add(
            "ai_config_sys", chat_model_id=EXTRACTS, embedding_model_id=LEXICAL, system_prompt="Answer from passages."
        )
        for org_id, call_id, mission in ((ACME, ACME_CALL, ACME_SECRET), (GLOBEX, GLOBEX_CALL, GLOBEX_SECRET)):
            self.add("ai_config_org", org_id=org_id, mission=mission)
            self.add(
                "ai_calls",
                org_id=org_id,
                id=call_id,
                model_id=REMOTE_CHAT,
                tokens_in=1000,
                tokens_out=200,
                latency_ms=900,
                cost="0.006",
            )
