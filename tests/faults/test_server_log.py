"""The server's own log of all statements: each transaction begins with its session setup, and nothing runs outside."""

import random
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import LiteralString, NamedTuple

import pytest

from org_common import PUBLIC, SIGNED_IN, App, Check, Reader, Transaction
from org_common.config.settings import Settings
from org_common.db.connections.connection import Single
from org_common.db.database import Database, reader, transaction
from org_common.testing.client import Client
from org_common.tools.database.local import provision
from org_common.tools.database.migrations import load
from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.values.errors import OrgError
from tests.faults.bench import ALICE as PERSON
from tests.faults.bench import without_tls
from tests.support.lab import ALICE, BOB, INSERT, MODULES, Lab
from tests.support.pgbouncer import PgBouncer
from tests.support.report import Report

pytestmark = [pytest.mark.db, pytest.mark.fault]

FIRST = "transactions of the server's log whose first statement is the session setup"
INSIDE = "statements of handlers in the server's log: within a transaction, behind the session setup"
SEED = 20261130
# Session, virtual transaction, user: `5f0e.1a|4/17|app_login|LOG:  execute <unnamed>: select …`.
LINE = re.compile(r"([0-9a-f.]+)\|(\d+/\d+)\|app_login\|LOG:  execute ([^:]+): (.*)")
# What may be in front of the settings: how the transaction begins.
OPENING = re.compile(r"begin\b|reset all$|select current_setting\('server_version_num'\)", re.IGNORECASE)
SETUP = re.compile(
    r"select set_config\('role', \$1, true\), set_config\('request\.jwt\.claims', \$2, true\), "
    r"set_config\('search_path', \$3, true\), set_config\('statement_timeout', \$4, true\), ",
)
SET_LOCAL = re.compile(r"set local role = ")
# The SDK asks by it what became of a COMMIT, without any rights that a role would give.
STATUS = re.compile(r"select pg_xact_status\(")
# Statements of the handlers below have it in them.
MARK = "handler's own"


class Entry(NamedTuple):
    transaction: tuple[str, str]
    text: str


@pytest.fixture(scope="module")
def logging_lab() -> Iterator[tuple[EmbeddedPostgres, Lab]]:
    """A server that writes down each statement."""
    settings = {"log_statement": "all", "log_line_prefix": "%c|%v|%u|", "log_min_duration_statement": "-1"}
    with EmbeddedPostgres.start(settings=settings, durable=False) as server:
        lab = Lab(provision(server.url, "logged", load(MODULES)))
        lab.furnish()
        yield server, lab
        lab.close()


def entries(log: Path, start: int) -> Iterator[Entry]:
    for line in log.read_bytes()[start:].decode(errors="replace").splitlines():
        found = LINE.match(line)
        if found:
            yield Entry((found[1], found[2]), found[4])


PROFILES = ["transaction-pooler", "direct", "rds-proxy-set-local", "PgBouncer"]


@pytest.mark.parametrize("profile", PROFILES)
def test_each_transaction_begins_with_its_setup(
    profile: str, logging_lab: tuple[EmbeddedPostgres, Lab], report: Report, *, long_form: bool
) -> None:
    server, lab = logging_lab
    lab.clear()
    count = (10_000 if long_form else 1_000) // len(PROFILES)
    log = server.data / "log"
    start = log.stat().st_size
    if profile == "PgBouncer":
        password = lab.local.login_url.split(":")[2].partition("@")[0]
        with PgBouncer.start(lab.local.login_url, users={"app_login": password}, pool_size=2) as pooler:
            sent = work(lab.through(without_tls(pooler.url(lab.local.login_url))), count)
    else:
        sent = work(lab.through(without_tls(lab.local.login_url), profile=profile), count)

    transactions: dict[tuple[str, str], list[str]] = {}
    for entry in entries(log, start):
        if entry.transaction[1].endswith("/0"):
            # Without a transaction: the end of one that had failed.
            assert entry.text == "rollback"
            continue
        transactions.setdefault(entry.transaction, []).append(entry.text)
    for texts in transactions.values():
        judge(texts, report, is_local=profile == "rds-proxy-set-local")
    own = sum(MARK in text for texts in transactions.values() for text in texts)
    assert own == sent
    assert len(transactions) >= count


def judge(texts: list[str], report: Report, *, is_local: bool) -> None:
    """One transaction: opening, setup, and only then the rest."""
    rest = list(texts)
    while rest and OPENING.match(rest[0]):
        rest.pop(0)
    with report.case(FIRST):
        assert rest, texts
        assert (SET_LOCAL if is_local else SETUP).match(rest[0]) or STATUS.match(rest[0]), texts
    # The setup is there once, and all that a handler has sent is behind it.
    for at, text in enumerate(rest):
        if MARK in text:
            with report.case(INSIDE):
                assert at > 0, texts
                assert not any(SETUP.match(other) for other in rest[1:]), texts


READS: list[LiteralString] = [
    "select 1 /* handler's own */",
    "select count(*) from lab.notes /* handler's own */",
    "with a as (select 1) select * from a /* handler's own */",
    "select lab.fail('22000', 'x') /* handler's own */",
]
WRITE: LiteralString = INSERT + " /* handler's own */"


def work(settings: Settings, count: int) -> int:
    """Transactions of all kinds, with and without errors. Returns how many statements the handlers have sent."""
    chance = random.Random(SEED)
    database = Database(settings, Single(settings))
    app = App("logged")
    sent: Counter[str] = Counter()

    def read(db: Reader) -> None:
        sent["read"] += 1
        with suppress(OrgError):
            db.value(chance.choice(READS))

    def write(tx: Transaction) -> None:
        for _ in range(chance.randint(0, 3)):
            sent["write"] += 1
            tx.run(WRITE, {"id": chance.randint(1, 100_000), "body": "x"}, rows=1)

    @app.get("/public", allow=PUBLIC)
    def public(db: Reader) -> dict[str, object]:
        sent["public"] += 1
        return {"n": db.value("select 1 /* handler's own */")}

    @app.get("/read", allow=SIGNED_IN)
    def reads(db: Reader) -> dict[str, object]:
        read(db)
        read(db)
        return {}

    @app.get("/rule", allow=Check("select true"))
    def rule() -> dict[str, object]:
        return {}

    @app.post("/write", allow=SIGNED_IN, idempotent=True)
    def writes(tx: Transaction) -> dict[str, object]:
        write(tx)
        tx.send("queue", {"of": "the log"})
        return {}

    @app.post("/fail", allow=SIGNED_IN)
    def fails(tx: Transaction) -> dict[str, object]:
        write(tx)
        raise KeyError("a bug")

    app.use(database)
    client = Client(app, person=PERSON)

    def savepoints() -> None:
        with suppress(OrgError), transaction(BOB, database=database) as tx:
            with suppress(OrgError), tx.savepoint():
                sent["savepoint"] += 1
                tx.value("select lab.fail('22000', 'x') /* handler's own */")
            write(tx)

    def blocks() -> None:
        with reader(ALICE, database=database) as db:
            read(db)

    kinds = [
        lambda: client.get("/public"),
        lambda: client.get("/read"),
        lambda: client.get("/rule"),
        lambda: client.post("/write", {}, headers={"Idempotency-Key": str(uuid.uuid4())}),
        lambda: client.post("/fail", {}),
        savepoints,
        blocks,
    ]
    for _ in range(count):
        chance.choice(kinds)()
    database.close()
    return sent.total()
