"""A round trip counts for the request that it is for, and its span says what kind of statements it had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest

from org_common.auth.rules import PUBLIC, SIGNED_IN
from org_common.config.settings import Settings
from org_common.db.connections.profile import PROFILES
from org_common.db.database import Database, transaction
from org_common.db.protocol.exchange_span import name, summary
from org_common.db.protocol.statement import prepare, prepare_own
from org_common.db.service import service_database, service_transaction
from org_common.telemetry import trace
from org_common.telemetry.invocation import Invocation, current
from org_common.telemetry.trace import Span
from org_common.telemetry.trace_context import Trace
from org_common.values.types import Deadline
from tests.support.handles import open_reader
from tests.support.lab import ALICE, Lab

if TYPE_CHECKING:
    from org_common.telemetry.trace import Kind, Value


@pytest.mark.parametrize(
    ("text", "summed_up"),
    [
        ("select 'hunter2' from access.orgs where id = %(id)s", "SELECT access.orgs"),
        ("SELECT o.* FROM ONLY orgs o join access.users u on true", "SELECT orgs"),
        ("insert into access.orgs (name) values ('hunter2')", "INSERT access.orgs"),
        ("update access.orgs set name = 'from hunter2'", "UPDATE access.orgs"),
        ("delete from access.orgs", "DELETE access.orgs"),
        ("merge into access.orgs o using other on true when matched then do nothing", "MERGE access.orgs"),
        ("with a as (select 1 from access.orgs) select * from a", "WITH access.orgs"),
        ("select 1", "SELECT"),
        ("values (1)", "VALUES"),
    ],
)
def test_statement_is_named_by_verb_and_table(text: str, summed_up: str) -> None:
    assert summary(text.encode()) == summed_up


def test_round_trip_is_named_by_the_handler_s_statements() -> None:
    own = [prepare_own(text).bind(None) for text in ("begin", "select set_config('a', 'b', true)", "select app.x()")]
    theirs = [prepare("select 1 from a").bind(None), prepare("update b set c = 1").bind(None)]

    assert name([*own, *theirs]) == "SELECT a; UPDATE b"
    assert name([*own, prepare_own("commit").bind(None)]) == "commit"
    assert name(own) == "session setup"
    assert len(name(theirs * 100)) == 255


@pytest.mark.db
def test_round_trips_count_for_their_request_alone(db: Database) -> None:
    invocation = Invocation({}, Trace("1" * 32))

    def read() -> None:
        handle = open_reader(db, PUBLIC, None, {}, Deadline.after(5))
        assert handle.value("select 1") == 1

    read()
    token = current.set(invocation)
    read()
    read()
    current.reset(token)
    read()

    assert invocation.database_round_trips == 2
    assert 0 < invocation.database_ms < 5000
    assert db.counters.round_trips == 4


class Recorder:
    """A tracer that writes down what was started."""

    def __init__(self) -> None:
        self.started: list[tuple[str, str, dict[str, Value]]] = []

    def start(self, name: str, kind: Kind, attributes: Mapping[str, Value]) -> Span:
        self.started.append((name, kind, dict(attributes)))
        return Span()

    def begin(self, name: str, trace: Trace) -> Span:
        raise NotImplementedError

    def span_id(self) -> str | None:
        raise NotImplementedError

    def flush(self, timeout_s: float) -> None:
        raise NotImplementedError


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(trace, "tracer", recorder)
    return recorder


@pytest.mark.db
def test_round_trip_is_a_span_without_values(db: Database, recorder: Recorder) -> None:
    open_reader(db, PUBLIC, None, {}, Deadline.after(5)).value(
        "select %(secret)s from pg_catalog.pg_class limit 1", {"secret": "hunter2"}
    )

    assert recorder.started == [("SELECT pg_catalog.pg_class", "client", {"db.system.name": "postgresql"})]


@pytest.mark.db
@pytest.mark.parametrize("profile", PROFILES)
def test_span_names_the_handler_s_statements_alone(lab: Lab, recorder: Recorder, profile: str) -> None:
    db = Database(lab.through(lab.local.login_url, profile=profile))
    for _ in range(2):
        open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(5)).value("select 1 from lab.notes")
    with transaction(ALICE, database=db) as tx, tx.savepoint():
        tx.run("delete from lab.notes", rows=None)
    db.close()

    assert [each[0] for each in recorder.started] == ["SELECT lab.notes"] * 2 + ["DELETE lab.notes", "commit"]


@pytest.mark.db
def test_span_of_a_service_transaction_too(lab: Lab, recorder: Recorder) -> None:
    db = service_database(Settings(service_database_url=lab.local.service_url))
    with service_transaction(reason="a test", database=db) as tx:
        tx.run("delete from app.outbox where id < 0", rows=None)
    db.close()

    assert [each[0] for each in recorder.started] == ["DELETE app.outbox", "commit"]
