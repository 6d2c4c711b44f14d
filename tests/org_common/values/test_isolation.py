"""The isolation levels are PostgreSQL's, and the default is the server's."""

import psycopg
import pytest

from org_common.values.isolation import DEFAULT_ISOLATION, ISOLATIONS


@pytest.mark.db
@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_server_knows_the_level(isolation: str, postgres: str) -> None:
    with psycopg.connect(postgres) as connection:
        connection.execute(f"set transaction isolation level {isolation}".encode())

        [level] = connection.execute("show transaction_isolation").fetchone() or ()

    assert level == isolation


@pytest.mark.db
def test_default_is_the_server_s(postgres: str) -> None:
    with psycopg.connect(postgres) as connection:
        [level] = connection.execute("show transaction_isolation").fetchone() or ()

    assert level == DEFAULT_ISOLATION
