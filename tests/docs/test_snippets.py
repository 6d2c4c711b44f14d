"""Every Python and SQL snippet of the pages, run in its order."""

from __future__ import annotations

import logging
import sys
import uuid
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

from org_common import App, Database, Identity
from org_common.telemetry import log
from org_common.testing.client import ISSUER, Client, Person
from org_common.tools.database.local import LocalDatabase, drop, provision
from org_common.tools.database.migrations import load
from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.tools.lint.reader import read_url
from org_common.tools.lint.report import lint
from tests.support.lines import Sink, untouched_logging

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "notes"
# The tutorial's are files: test_tutorial.py.
PAGES = [ROOT / "README.md", *sorted(set((ROOT / "docs").rglob("*.md")) - {ROOT / "docs" / "tutorial.md"})]
# What their tables look like is copied.
LINTED = {
    *("audit-trail", "background-work", "feature-flags", "pagination", "rate-limits", "recipes", "soft-delete"),
    *("uploads", "webhooks"),
}


@pytest.fixture
def local(server: EmbeddedPostgres) -> Iterator[LocalDatabase]:
    """A database with the tables of the tutorial."""
    made = provision(server.url, f"docs_{uuid.uuid4().hex}", load([f"notes={EXAMPLE / 'migrations'}"]))
    yield made
    drop(made)


@pytest.fixture
def sink(page: Path) -> Iterator[Sink]:
    """Where log lines go; only one page is about them."""
    sink = Sink()
    with untouched_logging():
        if page.name == "observability.md":
            handler = logging.NullHandler()
            handler.log_sink = sink  # type: ignore[attr-defined]
            logging.getLogger().addHandler(handler)
            log.configure()
        yield sink


@pytest.fixture
def names(local: LocalDatabase, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What the snippets of the pages find there, as their second paragraphs say."""
    monkeypatch.syspath_prepend(EXAMPLE)
    demo, notes = import_module("demo"), import_module("notes")
    demo.seed(local.admin_url, ISSUER)
    database = Database(local.settings)

    def client(app: App, who: str) -> Client:
        return Client(app, person=Person(f"local|{who}"))

    def outbox() -> list[tuple[Any, ...]]:
        with psycopg.connect(local.admin_url) as admin:
            return admin.execute("select queue, message, key from app.outbox").fetchall()

    def as_admin(statement: LiteralString, params: Sequence[Any]) -> None:
        with psycopg.connect(local.admin_url) as admin:
            admin.execute(statement, params)

    def lines() -> list[dict[str, Any]]:
        found = sink.lines
        sink.written.clear()
        return found

    people = {name: Identity.from_claims(Person(f"local|{name}").claims()) for name in demo.PEOPLE}
    shared = {name: getattr(notes, name) for name in ("Note", "LIST", "GET", "ADD", "REMOVE")}
    yield {
        **people,
        **shared,
        "acme": demo.ACME,
        "database": database,
        "client": client,
        "outbox": outbox,
        "as_admin": as_admin,
        "lines": lines,
        "service": local.service_url,
        "login": local.login_url,
    }
    database.close()
    for module in ("demo", "notes"):
        del sys.modules[module]


@pytest.mark.db
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_snippets_run(page: Path, names: dict[str, Any], local: LocalDatabase) -> None:
    def migrate(example: Example) -> None:
        with psycopg.connect(local.migrator_url) as migrator:
            migrator.execute(example.parsed.encode())

    document = Sybil(parsers=[PythonCodeBlockParser(), CodeBlockParser("sql", migrate)]).parse(page)
    document.namespace.update(names)

    for example in document.examples():
        example.evaluate()
    if page.stem in LINTED:
        assert [finding.message for finding in lint(read_url(local.migrator_url)).findings] == []
