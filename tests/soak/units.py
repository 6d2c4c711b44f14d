"""All kinds of units beside a model of what each tenant has: one dict of rows for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import LiteralString
from uuid import UUID

import pytest
from psycopg.adapt import Transformer

from org_common.auth.rules import PUBLIC, SIGNED_IN, TOKEN, Check, Rule
from org_common.db.connections.connection import MAX_IDLE_S, Connection, Single
from org_common.db.connections.pool import Pooled
from org_common.db.database import Database
from org_common.db.protocol.statement import prepare_own
from org_common.values.errors import Forbidden, GatewayTimeout, NotFound, OrgError, Unavailable, Unprocessable
from org_common.values.identity import Identity
from org_common.values.types import Deadline
from tests.soak.stage import ITEMS, OF_ORG, TWO_TEXTS, Stage, Step, left_by
from tests.soak.tenants import STRANGER, Item, Platform, Tenant, identity
from tests.support.handles import OwnedReader, open_reader, open_transaction

SESSION = prepare_own(
    "select current_user::text, session_user::text, current_setting('role'), "
    "nullif(current_setting('request.jwt.claims', true), ''), current_setting('transaction_read_only'), "
    "current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout'), "
    "current_setting('search_path')"
).bind(None)
CLEAN = ("app_login", "app_login", "none", None, "off", "0", "0", '"$user", public')

DRIFTER = identity("drifter")


class Soak:
    """The model, the ways to the database, and what was done so far."""

    def __init__(self, platform: Platform, ways: dict[str, Database]) -> None:
        self.platform = platform
        self.ways = ways
        self.rows: dict[str, dict[int, str]] = {tenant.name: {} for tenant in platform.tenants}
        self.sent: Counter[int] = Counter()
        self.units: Counter[str] = Counter()
        self.retried = 0
        self._last = 0
        self._users: dict[tuple[str, str], UUID] = {}

    def next_id(self) -> int:
        self._last += 1
        return self._last

    def reader(self, way: str, who: Identity | None, rule: Rule = SIGNED_IN, *, left_s: float = 20) -> OwnedReader:
        return open_reader(self.ways[way], rule, who, {}, Deadline.after(left_s))

    def look(self, way: str, who: Tenant, other: Tenant) -> None:
        """What there is, and nothing of the other's, however it is asked for."""
        self.units["reader"] += 3
        reader = self.reader(way, who.identity)
        self.check(who, reader.all(Item, ITEMS), self.rows[who.name])
        if other is not who:
            assert reader.all(Item, OF_ORG, {"org_id": other.org_id}) == []
        assert reader.value("select count(*) from soak.items") == len(self.rows[who.name])

    def check(self, who: Tenant, found: Iterable[Item], rows: dict[int, str]) -> None:
        seen = list(found)
        assert {item.org_id for item in seen} <= {who.org_id}, f"{who.name} saw a row of another tenant"
        assert {item.id: item.body for item in seen} == rows

    def as_nobody(self, way: str) -> None:
        self.units["public"] += 1
        found = self.reader(way, None, PUBLIC).value("select concat(auth.uid(), count(*)) from soak.items")
        assert found == "0"

    def as_stranger(self, way: str) -> None:
        self.units["token"] += 2
        assert self.reader(way, STRANGER, TOKEN).value("select concat(auth.uid(), count(*)) from soak.items") == "0"
        with pytest.raises(Forbidden):
            self.reader(way, STRANGER).value("select 1")

    def as_drifter(self, way: str) -> None:
        self.units["reader"] += 1
        assert self.reader(way, DRIFTER).value("select count(*) from soak.items") == 0

    def with_token(self, way: str, who: Tenant) -> None:
        self.units["token"] += 1
        self.check(who, self.reader(way, who.identity, TOKEN).all(Item, ITEMS), self.rows[who.name])

    def cached(self, way: str, who: Tenant) -> None:
        """As handlers keep what they know of their user, in the process and under his name."""
        self.units["reader"] += 1
        key = (who.identity.issuer, who.identity.subject)
        found = self.reader(way, who.identity).value("select auth.uid()")
        assert found == self._users.setdefault(key, found) == who.user_id

    def refused(self, way: str, who: Tenant) -> None:
        """By its rule, by the server, by the clock, by us."""
        self.units["refused"] += 6
        with pytest.raises(Forbidden):
            self.reader(way, who.identity, Check("false")).all(Item, ITEMS)
        with pytest.raises(NotFound):
            self.reader(way, who.identity, Check("null::boolean")).all(Item, ITEMS)
        with pytest.raises(Unprocessable):
            self.reader(way, who.identity).value("select %(number)s::text::integer", {"number": "many"})
        with pytest.raises(GatewayTimeout):
            self.reader(way, who.identity, left_s=0.3).all(Item, ITEMS)
        with pytest.raises(OrgError):
            self.reader(way, who.identity).value(TWO_TEXTS)
        with pytest.raises(OrgError):
            self.reader(way, who.identity).value("delete from soak.items")

    def smuggled(self, way: str, who: Tenant, other: Tenant) -> None:
        """Role or claims moved within the one statement of a read: gone with it."""
        self.units["smuggled"] += 2
        claims = f'{{"sub": "{other.user_id}"}}'
        move: LiteralString = "select soak.move(%(name)s, %(value)s)"
        self.reader(way, who.identity).value(move, {"name": "request.jwt.claims", "value": claims})
        self.reader(way, who.identity).value(move, {"name": "role", "value": "app_sys"})

    def in_threads(self, way: str, pool: ThreadPoolExecutor) -> None:
        """A thread for each tenant, all at once, on the same connections."""

        def work(who: Tenant) -> int:
            reader = self.reader(way, who.identity)
            for _ in range(3):
                self.check(who, reader.all(Item, ITEMS), self.rows[who.name])
            self.write(way, who, who, ["insert", "look"], "commit", counted=False)
            self.check(who, reader.all(Item, ITEMS), self.rows[who.name])
            return 5

        self.units["threads"] += sum(pool.map(work, self.platform.tenants))

    def write(
        self, way: str, who: Tenant, other: Tenant, steps: Sequence[Step], end: str, *, counted: bool = True
    ) -> None:
        """One transaction: its steps, and how it ends."""
        if counted:
            self.units[f"transaction, {end}"] += 1
        tx = open_transaction(self.ways[way], SIGNED_IN, who.identity, {}, Deadline.after(20))
        stage = Stage(self, tx, who, other)
        try:
            stage.run(steps)
            with left_by(end, stage):
                stage.end(end)
                tx.commit()
                self.rows[who.name] = stage.rows
                self.sent.update(stage.sent)
        finally:
            tx.rollback()
            tx.close()

    def age(self, way: str) -> None:
        """As if the process had been frozen for longer than a connection is trusted."""
        for connection in connections(self.ways[way]):
            wall_s, monotonic_s = connection._used_at
            connection._used_at = wall_s - MAX_IDLE_S - 1, monotonic_s

    def kill(self) -> None:
        """The server ends all connections of the login; the next unit on each way is answered all the same."""
        self.platform.terminate_all()
        for way in self.ways:
            # PgBouncer may not have noticed yet and give out one of the dead, twice at the most.
            for _ in range(2 if "pooler" in way else 0):
                with suppress(Unavailable):
                    self.reader(way, DRIFTER).value("select 1")
                    break
                self.retried += 1
            self.units["after a kill"] += 1
            assert self.reader(way, DRIFTER).value("select 1") == 1

    def assert_clean(self, way: str) -> None:
        """The session is that of a login who is nobody, and no transaction is open."""
        database = self.ways[way]
        assert all(connection.is_idle() for connection in connections(database))
        deadline_s = Deadline.after(10).at_s
        with database._source.lease(deadline_s) as connection:
            [result] = connection.exchange([SESSION], deadline_s)
        transformer = Transformer()
        transformer.set_pgresult(result)
        found = transformer.load_row(0, tuple)
        assert found == CLEAN, f"{way}: {found}"

    def assert_kept(self) -> None:
        """What is really there is what the model says, messages included."""
        found: dict[str, dict[int, str]] = {tenant.name: {} for tenant in self.platform.tenants}
        names = {tenant.org_id: tenant.name for tenant in self.platform.tenants}
        for row in self.platform.admin.execute("select org_id, id, body from soak.items"):
            found[names[row["org_id"]]][row["id"]] = row["body"]
        assert found == self.rows
        sent = self.platform.admin.execute("select (message ->> 'id')::int as id from app.outbox")
        assert Counter(row["id"] for row in sent) == self.sent
        busy: LiteralString = """
            select count(*) from pg_stat_activity where usename = 'app_login'
            and datname = current_database() and state like 'idle in transaction%%'"""
        assert self.platform.ask(busy) == 0

    def sweep(self) -> None:
        """Compare, and take the messages away: nobody relays them here, and a million units leave many."""
        self.assert_kept()
        self.platform.admin.execute("truncate app.outbox")
        self.sent.clear()


def connections(database: Database) -> list[Connection]:
    """The open ones. No public way leads past the prelude, and that is the point."""
    source = database._source
    if isinstance(source, Pooled):
        kept = source._pool._pool if source._pool is not None else ()
        return [raw.leased for raw in kept if raw.leased is not None]
    assert isinstance(source, Single)
    return [source._connection] if source._connection is not None else []
