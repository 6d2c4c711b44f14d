"""A platform whose members send messages, the workers that handle them, and the queue between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString
from uuid import UUID

import psycopg

from cora_modules import demo
from org_common import App, Database, Model, OrgCheck, Record, Settings, Transaction
from org_common.db.database import transaction
from org_common.db.relay import Message, relay
from org_common.db.service import service_database
from org_common.values.identity import Identity
from tests.support.lab import ALICE, Lab
from tests.support.queues import Taken, batch, context, outbox_record

ACME, GLOBEX = demo.ACME, demo.GLOBEX

SCHEMA = """
create schema jobs;
grant usage on schema jobs to authenticated, app_service, anon, app_sys;
create table jobs.documents (
  org_id uuid not null,
  name text not null,
  author uuid default auth.uid(),
  place integer generated always as identity
);
alter table jobs.documents enable row level security, force row level security;
create policy members on jobs.documents to authenticated
  using (app.has_org_role(org_id, 'org_user')) with check (app.has_org_role(org_id, 'org_user'));
create policy service on jobs.documents to app_service using (true) with check (true);
grant select, insert on jobs.documents to authenticated, app_service;
create table jobs.visits (name text not null);
alter table jobs.visits enable row level security, force row level security;
create policy anyone on jobs.visits to anon, app_sys using (true) with check (true);
grant select, insert on jobs.visits to anon, app_sys;
"""
ADD: LiteralString = "insert into jobs.documents (org_id, name) values (%(org_id)s, %(name)s)"


class NewDocument(Model):
    """The message of the queue `ingest`."""

    org_id: UUID
    name: str


class Jobs:
    """The platform, and the way of a message through it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.local = lab.local
        self.database = Database(lab.settings)
        self.service = service_database(Settings(service_database_url=lab.local.service_url))

    def close(self) -> None:
        self.database.close()
        self.service.close()

    def clear(self) -> None:
        for table in (
            "jobs.documents",
            "jobs.visits",
            "app.outbox",
            "app.delivered_messages",
            "app.consumed_messages",
            "app.refused_messages",
        ):
            self.lab.tell("truncate " + table)

    def use(self, app: App) -> App:
        app.use(self.database, service=self.service)
        return app

    def send(
        self, *names: str, org_id: UUID = ACME, who: Identity = ALICE, queue: str = "ingest", key: str | None = None
    ) -> list[Message]:
        """Messages as the relay delivers them."""
        with transaction(who, database=self.database) as tx:
            for name in names:
                tx.send(queue, {"orgId": str(org_id), "name": name}, key=key)
        return self.deliver()

    def deliver(self) -> list[Message]:
        taken = Taken()
        relay(self.local.service_url, taken)
        return taken.messages

    def documents(self) -> list[str]:
        """The names of all documents, in the order in which they were written."""
        names = self.lab.ask("select array_agg(name order by place) from jobs.documents")
        return names or []

    def refusals(self) -> list[tuple[str, int, str, int]]:
        """What consumers refused: consumer, number of the message, code, attempts."""
        query: LiteralString = (
            "select array_agg(jsonb_build_array(consumer, message_id, code, attempts) order by message_id, code)"
            " from app.refused_messages"
        )
        return [tuple(row) for row in self.lab.ask(query) or []]

    def visits(self) -> list[str]:
        return self.lab.ask("select array_agg(name order by name) from jobs.visits") or []


def ingest_app(jobs: Jobs, **options: Any) -> App:
    """A worker that writes one document for each message, as its sender."""
    app = App("jobs")

    @app.sqs("ingest", **{"allow": OrgCheck("org_user"), **options})
    def ingest(tx: Transaction, document: NewDocument, record: Record) -> None:
        tx.run(ADD, document, rows=1)

    return jobs.use(app)


def invoke(app: App, *messages: Message, left_s: float = 30.0, **changes: Any) -> Any:
    return app(batch(*(outbox_record(message, **changes) for message in messages)), context(left_s))


@contextmanager
def furnished_jobs(lab: Lab) -> Iterator[Jobs]:
    with psycopg.connect(lab.local.migrator_url) as migrator:
        migrator.execute(SCHEMA)
    jobs = Jobs(lab)
    try:
        yield jobs
    finally:
        jobs.close()
