"""For each row of the retry table the fault that makes it happen, on a real server or at its door."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import LiteralString

import psycopg
from psycopg import sql

from org_common.db.connections.connection import Single
from org_common.db.connections.retry import Phase, Signal
from tests.faults.bench import Bench, Fault, with_query
from tests.faults.front import PASS, SILENCE, Front, refusal
from tests.faults.logins import login
from tests.support.lab import ALICE as LAB_ALICE
from tests.support.lab import until

# What the provocations need of the lab.
SCHEMA: LiteralString = """
create table lab.batches (number integer);
alter table lab.batches enable row level security, force row level security;
create policy everyone on lab.batches to authenticated using (true) with check (true);
insert into lab.batches values (1);
create table lab.receipts (batch integer);
grant select on lab.batches to authenticated;

create function lab.report() returns bigint language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock_shared(77);
  return (select count(*) from lab.receipts);
end
$$;
create function lab.become(setting text, value text) returns text
  language sql volatile set search_path = '' return set_config(setting, value, false);
grant execute on function lab.report(), lab.become(text, text) to authenticated;

-- Checked at COMMIT, slowly.
create table lab.checks (note integer);
alter table lab.checks enable row level security, force row level security;
create policy everyone on lab.checks to authenticated using (true) with check (true);
create function lab.check_slowly() returns trigger language plpgsql set search_path = ''
as $$ begin perform pg_sleep(2); return null; end $$;
create constraint trigger slowly after insert on lab.checks deferrable initially deferred
  for each row execute function lab.check_slowly();
grant insert on lab.checks to authenticated;
"""
GONE: LiteralString = "select lab.fail('26000', 'prepared statement does not exist') where %(id)s = 2"
BATCH: LiteralString = "select number from lab.batches where %(id)s = 2"


@dataclass
class Door:
    """How many connections were tried, and how often the secret was asked for anew."""

    front: Front
    asked: list[bool]

    @property
    def tried(self) -> int:
        return self.front.connections

    @property
    def refreshed(self) -> int:
        return sum(self.asked)


# `lasting`: the fault stays. Else it is over after the first time.
AtTheDoor = Callable[[Bench, bool], AbstractContextManager[tuple[Single, Door]]]
InFlight = Callable[[Bench, bool], None]


@contextmanager
def _door(
    bench: Bench, plan: Callable[[int], bytes | None], urls: list[str], query: str = "sslmode=disable"
) -> Iterator[tuple[Single, Door]]:
    """A source behind a front. Of the URLs the first stands in the secret cache, the last is the truth."""
    asked: list[bool] = []
    with Front(bench.proxy.port, plan) as front:

        def url(*, force_refresh: bool = False, deadline_s: float = 0) -> str:
            asked.append(force_refresh)
            return with_query(front.url(urls[-1 if force_refresh else 0]), query)

        source = Single(bench.lab.settings, url)
        try:
            yield source, Door(front, asked)
        finally:
            source.close()


def _said(words: bytes | None) -> AtTheDoor:
    """The server answers each start-up so."""

    @contextmanager
    def provoke(bench: Bench, lasting: bool) -> Iterator[tuple[Single, Door]]:
        def plan(connection: int) -> bytes | None:
            return words if lasting or connection == 1 else PASS

        with _door(bench, plan, [bench.lab.local.login_url]) as opened:
            yield opened

    return provoke


@contextmanager
def full(bench: Bench, lasting: bool) -> Iterator[tuple[Single, Door]]:
    """The database takes no more connections of this login."""
    name = sql.Identifier(bench.lab.local.name)

    def limit(connections: int) -> None:
        with psycopg.connect(bench.lab.local.admin_url, autocommit=True) as admin:
            admin.execute(sql.SQL("alter database {} connection limit {}").format(name, connections))

    def plan(connection: int) -> bytes | None:
        if connection == 2 and not lasting:
            limit(-1)
        return PASS

    limit(0)
    try:
        with _door(bench, plan, [bench.lab.local.login_url]) as opened:
            yield opened
    finally:
        limit(-1)


@contextmanager
def rotated(bench: Bench, lasting: bool) -> Iterator[tuple[Single, Door]]:
    """The password was changed; the secret store has the new one, unless it is late."""
    with login(bench.lab, "rotated") as old, psycopg.connect(bench.lab.local.admin_url, autocommit=True) as admin:
        name, new = str(psycopg.conninfo.conninfo_to_dict(old)["user"]), "tomorrows-password"
        admin.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(name), sql.Literal(new)))
        urls = [old] if lasting else [old, old.replace("todays-password", new)]
        with _door(bench, lambda _: PASS, [bench.proxy.url(url) for url in urls]) as opened:
            yield opened


@contextmanager
def without_proof(bench: Bench, lasting: bool) -> Iterator[tuple[Single, Door]]:
    """A server without TLS, where somebody asks for it. It stays so: no other try is made that could do better."""
    with _door(bench, lambda _: PASS, [bench.lab.local.login_url], "sslmode=require") as opened:
        yield opened


AT_THE_DOOR: dict[Signal, AtTheDoor] = {
    Signal.LOST: _said(refusal("57P01", "terminating connection due to administrator command")),
    Signal.STARTING: _said(refusal("57P03", "the database system is starting up")),
    Signal.FULL: full,
    Signal.PASSWORD: rotated,
    Signal.UNTRUSTED: without_proof,
    Signal.SETTINGS: _said(refusal("3D000", 'database "nowhere" does not exist')),
    Signal.UNRESPONSIVE: _said(SILENCE),
}


def cut_read(bench: Bench, lasting: bool) -> None:
    """The server ends the connection while it works on the statement, or the network does."""
    if lasting:
        bench.reading = "select lab.die()"
    else:
        bench.proxy.cut(when="after", text="lab.notes")


def terminated(bench: Bench, lasting: bool) -> None:
    """The server ends the connection between two statements."""

    def terminate() -> None:
        pid = bench.lab.ask("select pid from pg_stat_activity where usename = 'app_login' and state <> 'idle'")
        bench.lab.terminate(pid)

    bench.faults[Phase.WRITE] = _now(terminate, lasting)


def cut_before_commit(bench: Bench, lasting: bool) -> None:
    bench.faults[Phase.COMMIT] = lambda: bench.proxy.cut(when="before", text="commit")


def mute_at(phase: Phase) -> InFlight:
    """The peer acknowledges each packet and answers none."""

    def provoke(bench: Bench, lasting: bool) -> None:
        bench.faults[phase] = bench.proxy.freeze

    return provoke


def anomaly(bench: Bench, lasting: bool) -> None:
    """A read-only anomaly under SERIALIZABLE, which PostgreSQL resolves against the reader.

    https://wiki.postgresql.org/wiki/SSI#Read_Only_Transactions
    """
    if lasting:
        bench.reading = "select lab.fail('40001', 'could not serialize access')"
        return
    bench.ask("select lab.become('default_transaction_isolation', 'serializable')")
    bench.reading = "select lab.report()"
    bench.faults[Phase.READ] = _now(lambda: Receipts(bench).start(), lasting)


class Receipts(Thread):
    """The report that waits for a lock and then reads receipts of a batch that was closed before them."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self._bench = bench
        url = bench.lab.local.admin_url
        self._closes, self._issues = (psycopg.connect(url), psycopg.connect(url))
        for each in (self._closes, self._issues):
            each.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        self._issues.execute("select * from lab.batches")
        self._closes.execute("update lab.batches set number = number + 1")
        self._closes.commit()
        bench.lab.tell("select pg_advisory_lock(77)")

    def run(self) -> None:
        waiting: LiteralString = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        until(lambda: self._closes.execute(waiting).fetchone() == (1,))
        self._issues.execute("insert into lab.receipts values (1)")
        self._issues.commit()
        self._bench.lab.tell("select pg_advisory_unlock(77)")
        self._closes.close()
        self._issues.close()


def updated_meanwhile(bench: Bench, lasting: bool) -> None:
    """Under REPEATABLE READ, the row that is to be changed has been changed since."""
    owner = bench.lab.user_id(LAB_ALICE)
    bench.lab.tell("insert into lab.notes (id, body, owner) values (9, 'contended', %s)", owner)
    bench.under = "/repeatable"
    bench.writing = "update lab.notes set body = %(body)s where id = 9 and 2 = %(id)s"
    update: LiteralString = "update lab.notes set body = body || '!' where id = 9"
    bench.faults[Phase.WRITE] = _now(lambda: bench.lab.tell(update), lasting)


def deadlock(bench: Bench) -> None:
    """Each waits for what the other has locked; the other one is the more patient."""
    bench.lab.tell("insert into lab.notes (id, body, owner) values (9, 'contended', %s)", bench.lab.user_id(LAB_ALICE))
    bench.writing = "update lab.notes set body = %(body)s where id = 9 and 2 = %(id)s"

    def wait() -> None:
        other = psycopg.connect(bench.lab.local.admin_url)
        other.execute("set deadlock_timeout = '10s'")
        other.execute("update lab.notes set body = 'mine' where id = 9")

        def insert() -> None:
            other.execute(
                "insert into lab.notes (id, body, owner) select 1, 'waits for the handler', owner from lab.notes"
            )
            other.rollback()
            other.close()

        Thread(target=insert).start()
        waiting: LiteralString = "select count(*) from pg_locks where pid = %s and not granted"
        assert until(lambda: bench.lab.ask(waiting, other.info.backend_pid) == 1)

    bench.faults[Phase.WRITE] = _now(wait, False)


def write_skew(bench: Bench, lasting: bool) -> None:
    """Under SERIALIZABLE, both have read what the other writes: whoever commits second is told so at COMMIT."""
    bench.under = "/serializable"
    bench.writing = "insert into lab.notes (id, body) select %(id)s, %(body)s from lab.batches"

    def skew() -> None:
        with psycopg.connect(bench.lab.local.admin_url) as other:
            other.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
            other.execute("select count(*) from lab.notes")
            other.execute("update lab.batches set number = number + 1")

    bench.faults[Phase.COMMIT] = _now(skew, lasting)


def stale_read(bench: Bench, lasting: bool) -> None:
    """What this connection has prepared no longer fits its table."""
    bench.reading = GONE if lasting else BATCH
    if not lasting:
        assert bench.ask(BATCH, {"id": 2})
        bench.faults[Phase.READ] = _now(lambda: _change_type(bench), lasting)


def stale_write(bench: Bench, lasting: bool) -> None:
    bench.writing = GONE if lasting else BATCH
    if not lasting:
        assert bench.ask(BATCH, {"id": 2})
        bench.faults[Phase.WRITE] = _now(lambda: _change_type(bench), lasting)


def _change_type(bench: Bench) -> None:
    bench.lab.tell("alter table lab.batches alter number type bigint")


def standby(bench: Bench, lasting: bool) -> None:
    """What this connection leads to has become read-only; a new connection leads to the primary."""
    bench.ask("select lab.become('default_transaction_read_only', 'on')")


def over_the_limit(bench: Bench, lasting: bool) -> None:
    """The server has a limit on transactions, and a statement or COMMIT takes longer."""
    bench.ask("select lab.become('transaction_timeout', '300')")
    bench.reading = "select 1 from pg_sleep(2)"
    bench.writing = "insert into lab.notes (id, body) select %(id)s, %(body)s from pg_sleep(2)"


def slow_commit(bench: Bench, lasting: bool) -> None:
    """What is checked at COMMIT takes longer than the limit on transactions."""
    bench.ask("select lab.become('transaction_timeout', '300')")
    bench.writing = (
        "with note as (insert into lab.notes (id, body) values (%(id)s, %(body)s) returning id) "
        "insert into lab.checks select id from note"
    )


IN_FLIGHT: dict[tuple[Signal, Phase], InFlight] = {
    (Signal.LOST, Phase.READ): cut_read,
    (Signal.LOST, Phase.WRITE): terminated,
    (Signal.LOST, Phase.COMMIT): cut_before_commit,
    (Signal.UNRESPONSIVE, Phase.READ): mute_at(Phase.READ),
    (Signal.UNRESPONSIVE, Phase.WRITE): mute_at(Phase.WRITE),
    (Signal.UNRESPONSIVE, Phase.COMMIT): mute_at(Phase.COMMIT),
    (Signal.TIME_LIMIT, Phase.READ): over_the_limit,
    (Signal.TIME_LIMIT, Phase.WRITE): over_the_limit,
    (Signal.TIME_LIMIT, Phase.COMMIT): slow_commit,
    (Signal.STANDBY, Phase.WRITE): standby,
    (Signal.STANDBY, Phase.COMMIT): standby,
    (Signal.STALE_PLAN, Phase.READ): stale_read,
    (Signal.STALE_PLAN, Phase.WRITE): stale_write,
    (Signal.CONFLICT, Phase.READ): anomaly,
    (Signal.CONFLICT, Phase.WRITE): updated_meanwhile,
    (Signal.CONFLICT, Phase.COMMIT): write_skew,
}


def _now(fault: Fault, lasting: bool) -> Fault:
    """Each time, or once: a handler that is run again meets no second one."""
    done: list[bool] = []

    def fire() -> None:
        if lasting or not done:
            done.append(True)
            fault()

    return fire
