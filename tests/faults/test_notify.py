"""NOTIFY and a lost connection: it neither vanishes behind a success, nor does it go out twice."""

from collections.abc import Callable, Iterator
from typing import LiteralString

import psycopg
import pytest

from org_common import App
from org_common.auth.rules import SIGNED_IN
from org_common.config.settings import Settings
from org_common.db.database import Database, reader, transaction
from org_common.db.protocol.errors import RolledBack
from org_common.db.protocol.statement import StatementError
from org_common.db.transaction import Transaction
from org_common.testing.client import Client
from org_common.values.errors import CommitUnknown
from tests.faults.bench import ALICE as PERSON
from tests.faults.bench import without_tls
from tests.support.lab import ALICE, Lab
from tests.support.proxy import Proxy
from tests.support.report import Report

pytestmark = [pytest.mark.db, pytest.mark.fault]

RUN = "transactions with NOTIFY: reported as committed and received once, or neither"
SCHEMA: LiteralString = """
create schema if not exists noisy;
grant usage on schema noisy to authenticated;
create or replace function noisy.announce(channel text) returns text language plpgsql set search_path = ''
as $$ begin perform pg_notify(channel, 'by a function'); return 'done'; end $$;
grant execute on function noisy.announce(text) to authenticated;
"""


def in_savepoint(tx: Transaction) -> None:
    with tx.savepoint():
        tx.value("select noisy.announce('news')")


# Ways to notify. Only the first two are to be seen in the text as what they are.
WAYS: dict[str, Callable[[Transaction], object]] = {
    "pg_notify": lambda tx: tx.value("select pg_notify('news', 'paid')"),
    "disguised": lambda tx: tx.value("select pg_catalog . \"pg_notify\"/**/(%(c)s, 'paid')", {"c": "news"}),
    "a function": lambda tx: tx.value("select noisy.announce('news')"),
    "a function in FROM": lambda tx: tx.value("select a from noisy . announce('news') a"),
    "a function, quoted": lambda tx: tx.value('select "noisy"."announce"(\'news\')'),
    "behind reads": lambda tx: (tx.value("select 1"), tx.value("select noisy.announce('news')"), tx.value("select 2")),
    "in front of reads": lambda tx: (tx.value("select noisy.announce('news')"), tx.value("select 2")),
    "many": lambda tx: tx.many("select noisy.announce(%(c)s)", [{"c": "news"}]),
    "in a savepoint": in_savepoint,
}


@pytest.fixture
def heard(lab: Lab) -> Iterator[Callable[[], int]]:
    """How many notifications have come, once all transactions are over."""
    lab.tell(SCHEMA)
    with psycopg.connect(lab.local.admin_url, autocommit=True) as listener:
        listener.execute("listen news")

        def count() -> int:
            assert lab.is_quiet()
            lab.tell("notify news, 'last'")
            received = [note.payload for note in listener.notifies(timeout=5, stop_after=1)]
            while "last" not in received:
                received += [note.payload for note in listener.notifies(timeout=5, stop_after=1)]
            return len(received) - 1

        yield count


@pytest.fixture
def proxied(lab: Lab, proxy: Proxy) -> Iterator[Database]:
    database = Database(lab.through(without_tls(proxy.url(lab.local.login_url))))
    with reader(ALICE, database=database) as db:
        db.value("select 1")
    yield database
    proxy.restore()
    database.close()


def nothing(proxy: Proxy, lab: Lab, tx: Transaction) -> None:
    """No fault."""


def killed(proxy: Proxy, lab: Lab, tx: Transaction) -> None:
    lab.tell("select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = 'app_login'")


def cut_before(proxy: Proxy, lab: Lab, tx: Transaction) -> None:
    proxy.cut(when="before", text="commit")


def cut_after(proxy: Proxy, lab: Lab, tx: Transaction) -> None:
    proxy.cut(when="after", text="commit")


# The fault in front of COMMIT, and how often the notification is received.
Break = Callable[[Proxy, Lab, Transaction], None]
FAULTS: dict[Break, int] = {nothing: 1, killed: 0, cut_before: 0, cut_after: 1}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_success_means_received_once(
    way: str,
    fault: Break,
    lab: Lab,
    proxy: Proxy,
    proxied: Database,
    heard: Callable[[], int],
    report: Report,
) -> None:
    with report.case(RUN):
        committed = True
        try:
            with transaction(ALICE, database=proxied) as tx:
                WAYS[way](tx)
                fault(proxy, lab, tx)
        except RolledBack:
            committed = False

        assert (committed, heard()) == (FAULTS[fault] == 1, FAULTS[fault])


def test_a_search_path_of_the_project(lab: Lab, proxy: Proxy, heard: Callable[[], int], report: Report) -> None:
    settings = Settings(
        database_url=without_tls(proxy.url(lab.local.login_url)),
        search_path="noisy",
        cursor_keys=lab.settings.cursor_keys,
    )
    database = Database(settings)
    with report.case(RUN):
        with pytest.raises(RolledBack), transaction(ALICE, database=database) as tx:
            tx.value("select announce('news')")
            proxy.cut(when="before", text="commit")
        assert heard() == 0
    database.close()


def test_without_a_server_to_ask_it_is_unknown(
    lab: Lab, proxy: Proxy, proxied: Database, heard: Callable[[], int], report: Report
) -> None:
    with report.case(RUN):
        with pytest.raises(CommitUnknown), transaction(ALICE, database=proxied, timeout_s=1.5) as tx:
            tx.value("select noisy.announce('news')")
            proxy.cut(when="after", text="commit")
            proxy.refuse()
        proxy.restore()
        assert heard() == 1


@pytest.mark.parametrize(("fault", "runs", "received"), [(cut_before, 2, 1), (cut_after, 1, 1)])
def test_retry_notifies_once(
    fault: Break,
    runs: int,
    received: int,
    lab: Lab,
    proxy: Proxy,
    proxied: Database,
    heard: Callable[[], int],
    report: Report,
) -> None:
    app = App("noisy")
    seen: list[int] = []

    @app.post("/announce", allow=SIGNED_IN, retry=True)
    def announce(tx: Transaction) -> dict[str, object]:
        seen.append(1)
        tx.value("select noisy.announce('news')")
        if len(seen) == 1:
            fault(proxy, lab, tx)
        return {}

    app.use(proxied)
    with report.case(RUN):
        assert Client(app, person=PERSON).post("/announce", {}).status == 200
        assert (len(seen), heard()) == (runs, received)


REFUSED: list[LiteralString] = [
    "select pg_notify('news', 'x')",
    "select PG_Notify ('news', 'x')",
    "select pg_catalog.pg_notify('news', 'x')",
    "select \"pg_notify\"('news', 'x')",
    "select pg_notify /* x */ ('news', 'x')",
    "select pg_notify --x\n('news', 'x')",
    "with n as materialized (select pg_notify('news', 'x')) select count(*) from n",
    "select count(*) from lab.notes where pg_notify('news', body) is null",
    "select pg_logical_emit_message(false, 'x', 'y')",
    "select pg_logical_emit_message(true, 'x', 'y')",
]


@pytest.mark.parametrize("text", REFUSED)
def test_a_reader_does_not_notify(text: LiteralString, proxied: Database, proxy: Proxy) -> None:
    proxy.reset()

    with pytest.raises(StatementError, match="a Reader may not call pg_"), reader(ALICE, database=proxied) as db:
        db.value(text)

    assert proxy.statements() == []


def test_a_reader_may_name_what_it_does_not_call(proxied: Database) -> None:
    with reader(ALICE, database=proxied) as db:
        assert db.value("select proname::text from pg_proc where proname = 'pg_notify' limit 1") == "pg_notify"
        assert db.value("select 'pg_notify'") == "pg_notify"


def test_what_only_reads_is_committed_without_asking(proxied: Database, proxy: Proxy) -> None:
    """Nothing can be lost: neither a transaction id is taken, nor is the server asked."""
    texts: list[LiteralString] = [
        "select 1",
        "select count(*) from lab.notes",
        "select auth.uid()::text",
        "select max(pg_catalog.length(n.body)) from lab.notes n where (n.id) in (1, 2)",
    ]
    for text in texts:
        with transaction(ALICE, database=proxied) as tx:
            tx.value(text)
            proxy.cut(when="before", text="commit")
    assert proxied.counters.settled == 0
