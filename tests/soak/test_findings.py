"""What the soak has found, each by the shortest way to it."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any, LiteralString

import psycopg
import pytest

from org_common import PUBLIC, SIGNED_IN, App, PageRequest
from org_common.db.connections.pool import Pooled
from org_common.db.database import Database, transaction
from org_common.testing.client import Client
from org_common.tools.database.guard import check_database
from org_common.values.errors import OrgError
from org_common.values.types import Deadline
from tests.soak.tenants import Platform, Tenant
from tests.soak.units import Soak
from tests.support.handles import open_reader
from tests.support.pgbouncer import PgBouncer

pytestmark = pytest.mark.db

# A function of a module's own that sets for the session: by mistake `false`, where `true` was meant.
KEEP = """
create function soak.keep(name text, value text) returns text
  language plpgsql set search_path = ''
as $$ begin return set_config(name, value, false); end $$;
grant execute on function soak.keep(text, text) to authenticated;
"""
UNSUPPORTED: LiteralString = "select org_id from soak.items group by org_id for update"


LEFT = [("role", "app_sys"), ("request.jwt.claims", '{"sub": "somebody"}'), ("soak.tenant", "somebody")]
KEPT: LiteralString = "select soak.keep(%(name)s, %(value)s)"
SEEN: LiteralString = (
    "select concat_ws(' ', current_user, auth.uid(), nullif(current_setting('soak.tenant', true), ''))"
)


@pytest.fixture
def kept(platform: Platform) -> Iterator[Platform]:
    with psycopg.connect(platform.local.migrator_url) as migrator:
        migrator.execute(KEEP)
    yield platform
    platform.admin.execute("drop function soak.keep")


@pytest.fixture
def soak(platform: Platform) -> Iterator[Soak]:
    database = Database(platform.settings())
    yield Soak(platform, {"single direct": database})
    database.close()


def leave(database: Database, who: Tenant, unit: str, name: str, value: str) -> None:
    """Let a unit of somebody's set for the session."""
    values = {"name": name, "value": value}
    with suppress(OrgError):
        if unit == "reader":
            open_reader(database, SIGNED_IN, who.identity, {}, Deadline.after(10)).value(KEPT, values)
        else:
            with transaction(who.identity, database=database) as tx:
                tx.value(KEPT, values)


def seen(database: Database, who: Tenant) -> Any:
    return open_reader(database, SIGNED_IN, who.identity, {}, Deadline.after(10)).value(SEEN)


@pytest.mark.parametrize("unit", ["reader", "transaction"])
@pytest.mark.parametrize(("name", "value"), [*LEFT, ("role", "authenticated")])
@pytest.mark.parametrize("pooled", [False, True])
def test_what_a_function_sets_for_the_session_is_gone_for_the_next_unit(
    kept: Platform, unit: str, name: str, value: str, pooled: bool
) -> None:
    """The re-check before COMMIT compares values: what was set to its own value for longer passes it."""
    settings = kept.settings()
    database = Database(settings, Pooled(settings, size=1) if pooled else None)
    leave(database, kept.tenants[0], unit, name, value)

    assert seen(database, kept.tenants[1]) == f"authenticated {kept.tenants[1].user_id}"
    assert database.counters.opened == 1
    database.close()


@pytest.mark.pooler
@pytest.mark.parametrize("unit", ["reader", "transaction"])
@pytest.mark.parametrize(("name", "value"), LEFT)
def test_what_a_function_sets_for_the_session_is_gone_behind_a_pooler_that_resets(
    kept: Platform, unit: str, name: str, value: str
) -> None:
    """Role, claims and the rest of the prelude are put out of force anyway; others need the pooler's own reset."""
    resets = {"server_reset_query_always": "1"} if name == "soak.tenant" else {}
    login = kept.local.login_url
    with PgBouncer.start(login, users={"app_login": kept.password}, pool_size=1, settings=resets) as pooler:
        database = Database(kept.settings(pooler.url(login), "transaction-pooler"))
        leave(database, kept.tenants[0], unit, name, value)

        assert seen(database, kept.tenants[1]) == f"authenticated {kept.tenants[1].user_id}"
        database.close()


def test_the_guard_names_a_function_that_sets_for_the_session(kept: Platform) -> None:
    (fault,) = check_database(kept.local.login_url)
    assert fault.startswith("the function soak.keep(name text, value text) changes a setting for the session")


def test_what_the_server_does_not_support_is_no_concurrent_change(soak: Soak) -> None:
    """0A000 is "cached plan must not change result type", and much else that no other try mends."""
    database, tenant = soak.ways["single direct"], soak.platform.tenants[0]
    with pytest.raises(OrgError) as of_a_read:
        open_reader(database, SIGNED_IN, tenant.identity, {}, Deadline.after(10)).value(UNSUPPORTED)
    with pytest.raises(OrgError) as of_a_write, transaction(tenant.identity, database=database) as tx:
        tx.value(UNSUPPORTED)

    assert (of_a_read.value.status, of_a_write.value.status) == (500, 500)
    assert database.counters.resent == 0


def test_half_a_character_in_a_query_is_no_fault_of_ours() -> None:
    """A lone surrogate can stand in an event's JSON, and in no JSON that we write."""
    app = App("pages")

    @app.get("/things", allow=PUBLIC)
    def list_things(page: PageRequest) -> dict[str, str]:
        return {}

    assert Client(app).send("GET", "/things", query="\ud800=1").status in (400, 422)


def test_a_deep_savepoint_that_is_undone_takes_all_of_it_along(soak: Soak) -> None:
    """From the eighth on savepoints share a name: the last of the name is not the one that is left."""
    with transaction(soak.platform.tenants[0].identity, database=soak.ways["single direct"]) as tx, ExitStack() as deep:
        for _ in range(7):
            deep.enter_context(tx.savepoint())
        with suppress(KeyError), tx.savepoint():
            tx.send("soak", {"id": 1})
            with tx.savepoint():
                tx.send("soak", {"id": 2})
            raise KeyError

    assert soak.platform.ask("select count(*) from app.outbox") == 0
