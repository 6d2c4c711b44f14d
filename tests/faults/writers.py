"""Writers that note what they were told about each write, and the ledger that shows what became of it."""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import LiteralString, Self

from org_common.config.settings import Settings
from org_common.db.connections.connection import Source
from org_common.db.database import Database, transaction
from org_common.values.errors import CommitUnknown, OrgError
from tests.support.lab import ALICE, Lab

# No unique key: a write that came twice must show.
SCHEMA: LiteralString = """
create table lab.ledger (key uuid not null, writer integer not null, owner uuid not null default auth.uid());
create table lab.totals (writer integer primary key, total integer not null, owner uuid not null);
alter table lab.ledger enable row level security, force row level security;
alter table lab.totals enable row level security, force row level security;
create policy own on lab.ledger to authenticated
  using (owner = (select auth.uid())) with check (owner = (select auth.uid()));
create policy own on lab.totals to authenticated
  using (owner = (select auth.uid())) with check (owner = (select auth.uid()));
grant select, insert on lab.ledger to authenticated;
grant select, update on lab.totals to authenticated;
"""
ENTER: LiteralString = "insert into lab.ledger (key, writer) values (%(key)s, %(writer)s)"
ADD: LiteralString = "update lab.totals set total = total + 1 where writer = %(writer)s"

TIMEOUT_S = 8.0
# What a client waits that was told to come again.
PAUSE_S = 0.02


@dataclass
class Told:
    """What a writer was told. A key that was refused, certainly not saved, is tried again: that may not double it."""

    acknowledged: dict[uuid.UUID, float] = field(default_factory=dict)
    unknown: set[uuid.UUID] = field(default_factory=set)
    refused: Counter[str] = field(default_factory=Counter)
    given_up: set[uuid.UUID] = field(default_factory=set)
    broken: list[BaseException] = field(default_factory=list)


@dataclass
class Books:
    """What is in the ledger beside what was told."""

    acknowledged: int
    refused: Counter[str]
    unknown: int
    unknown_saved: int
    lost: int
    doubled: int
    saved_though_refused: int
    torn: int


class Writers:
    """Threads that write as fast as they can, one source each; the same one may be given several times."""

    def __init__(self, settings: Settings, sources: Sequence[Source]) -> None:
        self.told = [Told() for _ in sources]
        self._settings = settings
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number, source, self.told[number]), name=f"writer {number}")
            for number, source in enumerate(sources)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(TIMEOUT_S * 2)
            assert not thread.is_alive(), f"{thread.name} hangs"

    def acknowledged_since(self, moment_s: float) -> list[float]:
        """Of each writer that has had one, when its first acknowledgement after the moment came."""
        firsts = []
        for told in self.told:
            later = [at_s for at_s in list(told.acknowledged.values()) if at_s >= moment_s]
            firsts += [min(later)] if later else []
        return firsts

    def _run(self, number: int, source: Source, told: Told) -> None:
        database = Database(self._settings, source)
        try:
            while not self._stop.is_set():
                self._write(number, database, told, uuid.uuid4())
        except BaseException as error:
            told.broken.append(error)
            raise

    def _write(self, number: int, database: Database, told: Told, key: uuid.UUID) -> None:
        while not self._stop.is_set():
            try:
                with transaction(ALICE, database=database, timeout_s=TIMEOUT_S) as tx:
                    tx.run(ENTER, {"key": key, "writer": number}, rows=1)
                    tx.run(ADD, {"writer": number}, rows=1)
                told.acknowledged[key] = time.monotonic()
                return
            except CommitUnknown:
                told.unknown.add(key)
                return
            except OrgError as error:
                told.refused[f"{error.status} {error.code}"] += 1
                time.sleep(PAUSE_S)
        told.given_up.add(key)


def open_books(lab: Lab, writers: int) -> None:
    lab.tell(SCHEMA)
    lab.tell(
        "insert into lab.totals select number, 0, %s from generate_series(0, %s) number",
        lab.user_id(ALICE),
        writers - 1,
    )


def close_books(lab: Lab, writers: Writers) -> Books:
    """`lab` must have a live connection."""
    entries = Counter(lab.ask("select coalesce(array_agg(key), '{}') from lab.ledger"))
    acknowledged = {key for told in writers.told for key in told.acknowledged}
    unknown = {key for told in writers.told for key in told.unknown}
    given_up = {key for told in writers.told for key in told.given_up}
    return Books(
        acknowledged=len(acknowledged),
        refused=sum((told.refused for told in writers.told), Counter()),
        unknown=len(unknown),
        unknown_saved=len(unknown & entries.keys()),
        lost=len(acknowledged - entries.keys()),
        doubled=sum(count > 1 for count in entries.values()),
        saved_though_refused=len(given_up & entries.keys()),
        torn=lab.ask(TORN),
    )


# A writer whose total is not the number of its entries: half of a transaction was kept.
TORN: LiteralString = """
select count(*) from lab.totals t
where t.total <> (select count(*) from lab.ledger l where l.writer = t.writer)
"""
