"""An embedding model on a real server that answers when a test lets it."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg

from cora_modules.ai.protocols.circuit import reset_circuits
from tests.cora_modules.ai.protocols.server import Answer, Server, serve

PROVIDER = UUID("0198a000-dddd-7000-8000-0000000051a0")
MODEL = UUID("0198a000-dddd-7000-8000-0000000051a1")
DIMENSIONS = 256
Admin = psycopg.Connection[dict[str, Any]]


class Waiting(Sequence[bytes]):
    """The body of each response: sent when `rest` is set. `arrived` counts the requests that wait for theirs."""

    def __init__(self, texts: int) -> None:
        self.arrived = threading.Semaphore(0)
        self.rest = threading.Event()
        vectors = [{"index": at, "embedding": [1.0, *[0.0] * (DIMENSIONS - 1)]} for at in range(texts)]
        self._body = json.dumps({"data": vectors, "usage": {"prompt_tokens": 7}}).encode()

    def __iter__(self) -> Iterator[bytes]:
        self.arrived.release()
        assert self.rest.wait(60)
        yield self._body

    def __len__(self) -> int:
        return 1

    def __getitem__(self, at: object) -> bytes:  # type: ignore[override]  # only iterated over
        raise NotImplementedError


def waiting(texts: int = 1) -> tuple[Waiting, Answer]:
    """A response with the vectors of so many texts, and how to let it go."""
    body = Waiting(texts)
    return body, Answer(body, headers={"content-type": "application/json"})


@contextmanager
def model_of(base_id: UUID | None, admin: Admin) -> Iterator[Server]:
    """A server whose model a base is searched with. Its vectors are still to be stored."""
    reset_circuits()
    with serve() as server:
        admin.execute(
            "insert into ai.ai_providers (id, name, kind, base_url) values (%s, 'slow', 'openai', %s)",
            [PROVIDER, server.url],
        )
        try:
            admin.execute(
                "insert into ai.ai_models (id, provider_id, model_id, kind, dimensions, status) "
                "values (%s, %s, 'slow', 'embedding', %s, 'available')",
                [MODEL, PROVIDER, DIMENSIONS],
            )
            admin.execute("update kb.kb_indexes set state = 'stale' where base_id = %s", [base_id])
            admin.execute(
                "insert into kb.kb_indexes (org_id, base_id, model_id, dimensions, state) "
                "select b.org_id, b.id, %s, %s, 'active' from kb.kb_bases b where b.id = %s",
                [MODEL, DIMENSIONS, base_id],
            )
            yield server
        finally:
            # The tables of ai outlive the reset of a world.
            admin.execute("delete from ai.ai_providers where id = %s", [PROVIDER])


def connections_in_use(admin: Admin) -> int:
    """How many connections of requests run a statement or have a transaction open."""
    row = admin.execute(
        "select count(*) as n from pg_stat_activity where datname = current_database() "
        "and usename = 'app_login' and state <> 'idle'"
    ).fetchone()
    assert row is not None
    count: int = row["n"]
    return count
