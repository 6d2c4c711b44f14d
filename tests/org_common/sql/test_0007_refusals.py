import psycopg
import pytest

from org_common.tools.database.local import LocalDatabase
from tests.org_common.sql.shop import ALICE, Unit

pytestmark = pytest.mark.db


@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
@pytest.mark.parametrize("column", ["refusals", "retry_at", "parked_at", "reason"])
def test_request_neither_reads_nor_writes_them(unit: Unit, role: str, column: str) -> None:
    for statement in (
        f"select {column} from app.outbox",
        f"update app.outbox set {column} = null",
        f"insert into app.outbox (queue, message, {column}) values ('mail', '{{}}', null)",
    ):
        with unit({"sub": ALICE}, role) as ask, pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(statement)


def test_service_writes_them_and_nothing_else(platform: LocalDatabase) -> None:
    with psycopg.connect(platform.service_url, autocommit=True) as conn:
        conn.execute("update app.outbox set refusals = 1, retry_at = now(), parked_at = now(), reason = 'x'")
        for column in ("queue", "key", "message", "created_by"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(f"update app.outbox set {column} = null")
