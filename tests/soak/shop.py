"""The app that environments serve in the soak: its caller's items, and effects that can be counted."""

import logging
from typing import Any
from uuid import UUID

from org_common import SIGNED_IN, App, Model, Reader, Transaction
from org_common.db.connections.connect import ConnectFailed
from org_common.values.errors import OrgError
from tests.soak.tenants import Item

app = App("soak")


class NewItem(Model):
    id: int
    body: str


class NewEffect(Model):
    key: str


class Effect(Model):
    id: UUID
    key: str


@app.get("/items", allow=SIGNED_IN)
def list_items(db: Reader) -> list[Item]:
    return db.all(Item, "select org_id, id, body, size from soak.items order by id")


@app.post("/items", allow=SIGNED_IN, status=201)
def add_item(tx: Transaction, body: NewItem) -> Item:
    return tx.one(
        Item,
        "insert into soak.items (org_id, id, body) select org, %(id)s, %(body)s from access.org_ids() org "
        "returning org_id, id, body, size",
        body,
    )


@app.post("/effects", allow=SIGNED_IN, status=201, idempotent=True)
def add_effect(tx: Transaction, body: NewEffect) -> Effect:
    """Two statements and a message: three places to be killed at."""
    made = tx.one(
        Effect,
        "insert into soak.effects (org_id, key, step) select org, %(key)s, 1 from access.org_ids() org "
        "returning id, key",
        body,
    )
    tx.run(
        "insert into soak.effects (org_id, key, step) select org, %(key)s, 2 from access.org_ids() org", body, rows=1
    )
    tx.send("effects", {"key": body.key}, key=body.key)
    return made


class Causes(logging.Handler):
    """What was behind the answers of 500 and above: of a connection that failed the signal, else the error's name."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        logger = logging.getLogger("org_common")
        logger.addHandler(self)
        logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        error: Any = record.exc_info[1] if record.exc_info else None
        cause = error.__cause__ if isinstance(error, OrgError) else error
        if isinstance(cause, ConnectFailed):
            self.seen.append(cause.signal.name if cause.signal else f"sqlstate {cause.sqlstate}")
        elif error is not None:
            self.seen.append(type(cause or error).__name__)
